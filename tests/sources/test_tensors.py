"""Weights whose numbers mean nothing without what belongs to them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from harness.errors import AssetError
from harness.sources.assets import model_asset
from harness.sources.tensors import Tensor, integers_problem, quantized_problem, tensors_of
from harness.spec.modelspec import ModelSpec

WEIGHT = "model.layers.0.mlp.up_proj.weight"
LINE = (
    r"^1 of its weights are integers \(I8\), such as {name}, and config.json has no "
    r"quantization_config that says how to read them; take"
)


def folder(path, tensors, config=None):
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps(config or {}))
    save_file(tensors, path / "model.safetensors", {"format": "pt"})
    return path


def test_what_a_file_holds(tmp_path):
    folder(tmp_path, {"a": np.zeros((2, 3), np.int8), "b": np.zeros((), np.float16)})
    found = tensors_of(tmp_path / "model.safetensors")
    assert found == {"a": Tensor("I8", (2, 3)), "b": Tensor("F16", ())}


@pytest.mark.parametrize("name", [WEIGHT, "lm_head.weight", "model.layers.0.mlp.experts.down_proj"])
@pytest.mark.parametrize("config", [{}, {"quantization_config": None}, {"text_config": None}])
def test_integers_without_scales_are_refused(tmp_path, name, config):
    made = folder(tmp_path, {name: np.ones((2, 2), np.int8)}, config)
    assert integers_problem(made, config) is not None
    with pytest.raises(AssetError, match=LINE.format(name=name).removeprefix("^")):
        model_asset(ModelSpec(source=f"file:{made}"), base=tmp_path)


def test_integers_in_one_file_of_several(tmp_path):
    made = folder(tmp_path, {"model.norm.weight": np.ones(2, np.float32)})
    (made / "model.safetensors").rename(made / "model-00001-of-00002.safetensors")
    save_file({WEIGHT: np.ones((2, 2), np.uint8)}, made / "model-00002-of-00002.safetensors")
    assert "(U8), such as model.layers.0.mlp.up_proj.weight" in integers_problem(made, {})


@pytest.mark.parametrize(
    "config",
    [
        {"quantization_config": {"quant_method": "bitsandbytes"}},
        {"text_config": {"quantization_config": {"quant_method": "compressed-tensors"}}},
    ],
)
def test_integers_that_the_configuration_knows(tmp_path, config):
    made = folder(tmp_path, {WEIGHT: np.ones((2, 2), np.int8)}, config)
    assert integers_problem(made, config) is None


def test_integers_that_another_file_knows(tmp_path):
    made = folder(tmp_path, {WEIGHT: np.ones((2, 2), np.int8)})
    (made / "quant_config.json").write_text("{}")
    assert integers_problem(made, {}) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (WEIGHT, np.float16),
        ("transformer.h.0.attn.bias", np.uint8),
        ("model.embeddings.position_ids", np.int64),
        ("model.norm.num_batches_tracked", np.int64),
    ],
)
def test_numbers_masks_and_positions_do_no_harm(tmp_path, name, kind):
    made = folder(tmp_path, {name: np.ones((1, 2), kind)})
    assert integers_problem(made, {}) is None


def test_a_file_that_cannot_be_read_is_left_to_who_loads_it(tmp_path):
    (tmp_path / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1")
    assert integers_problem(tmp_path, {}) is None


def test_a_folder_of_gguf_files_is_told_to_name_one(tmp_path):
    (tmp_path / "m-Q4_K_M.gguf").write_bytes(b"GGUF")
    source = ModelSpec(source=f"file:{tmp_path}")
    for _ in range(2):
        with pytest.raises(AssetError, match=r"but m-Q4_K_M\.gguf; write the path of that file as"):
            model_asset(source, base=tmp_path)
        (tmp_path / "config.json").write_text("{}")
    folder(tmp_path, {WEIGHT: np.ones((2, 2), np.float32)})
    assert model_asset(source, base=tmp_path).path == tmp_path


@pytest.mark.parametrize(
    ("told", "refused"),
    [
        ({"group_size": 64, "bits": 4}, True),
        ({"group_size": 64, "bits": 4, "quant_method": "gptq"}, False),
        ({"load_in_8bit": True}, False),
        ({}, False),
    ],
)
def test_weights_quantized_by_no_method_that_engines_know(tmp_path, told, refused):
    made = folder(tmp_path, {"a.weight": np.ones(2, np.float32)}, {"quantization_config": told})
    problem = quantized_problem(made, {"quantization_config": told})
    assert (problem or "").startswith("config.json has a quantization_config") is refused
    (made / "hf_quant_config.json").write_text("{}")
    assert quantized_problem(made, {"quantization_config": told}) is None


def test_packed_weights_that_nothing_tells_of(tmp_path):
    made = folder(tmp_path, {"model.layers.0.mlp.up_proj.qweight": np.ones((2, 2), np.int32)})
    assert "1 of its weights are integers (I32)" in quantized_problem(made, {})
