"""Models whose files and configuration are not of one model."""

from __future__ import annotations

import re

import pytest

from harness.sources.loaded import positions_vary, weights_problem

MODULES = {
    "", "lm_head", "model", "model.layers", "model.layers.0", "model.layers.0.self_attn",
    "model.layers.0.self_attn.o_proj", "model.norm",
}  # fmt: skip


def test_all_weights_are_there():
    assert weights_problem([], [], MODULES) is None


def test_weights_that_would_be_drawn_at_random():
    found = weights_problem(["lm_head.weight", "model.norm.weight"], ["score.weight"], MODULES)
    assert found.startswith("its files lack 2 of its weights, which would be drawn at random, such "
                            "as lm_head.weight; complete them, or name another model")  # fmt: skip


def test_quantized_weights_in_a_form_that_is_not_read():
    missing = ["model.q_proj.weight_packed", "model.q_proj.weight_shape"]
    assert weights_problem(missing, [], MODULES, quantized=True) == (
        "its quantized weights are in a form that transformers does not read here: it looks for 2 "
        "tensors that its files lack, such as model.q_proj.weight_packed; name the model before "
        "quantization, or set engine: vllm"
    )


def test_scales_of_a_method_that_transformers_does_not_know():
    found = weights_problem([], ["model.norm.weight_scale"], MODULES, quantized=True)
    assert found.startswith("its quantized weights are in a form that transformers does not read ")
    assert "passes over 1 of them, such as model.norm.weight_scale; name the model before" in found


@pytest.mark.parametrize(
    "name",
    [
        "model.layers.0.self_attn.o_proj.bias",
        "model.layers.0.self_attn.q_norm.weight",
        "model.layers.1.self_attn.o_proj.weight",
        "lm_head.bias",
        "scale",
        "model.scale",
    ],
)
def test_weights_of_which_the_configuration_knows_nothing(name):
    found = weights_problem([], ["v_head.weight", name], MODULES)
    line = f"^its files have 1 weights that config.json knows nothing of, such as {name}; take"
    assert re.search(line, found)


@pytest.mark.parametrize("name", ["v_head.summary.weight", "score.weight", "model.vision.0.weight"])
def test_parts_beside_the_model_do_no_harm(name):
    assert weights_problem([], [name], MODULES) is None


@pytest.mark.parametrize(
    ("config", "varies"),
    [
        ('{"rope_scaling": {"type": "su", "short_factor": [1]}}', True),
        ('{"rope_parameters": {"rope_theta": 1e4, "rope_type": "longrope"}}', True),
        ('{"text_config": {"rope_scaling": {"rope_type" : "dynamic"}}}', True),
        ('{"rope_parameters": {"rope_type": "yarn"}, "model_type": "dynamic"}', False),
    ],
)
def test_positions_by_the_length_of_a_sequence(tmp_path, config, varies):
    assert not positions_vary(tmp_path)
    (tmp_path / "config.json").write_text(config)
    assert positions_vary(tmp_path) is varies
