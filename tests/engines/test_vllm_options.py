"""Options of the vLLM engine, without vLLM."""

from __future__ import annotations

import json
import os

import pytest
from pydantic import BaseModel, ValidationError

from harness.engines.vllm_options import (
    check_options,
    engine_options,
    error_line,
    hf_overrides,
    set_environment,
    uses_xgrammar,
)
from harness.errors import EngineError
from harness.records import EngineConfig

KNOWN = ["max_num_batched_tokens", "gpu_memory_utilization", "enforce_eager", "load_format"]


@pytest.fixture(autouse=True)
def version(monkeypatch):
    monkeypatch.setattr("harness.engines.vllm_options.engine_version", lambda name: "vllm 0.30.0")


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Keep what the engine sets to the test."""
    monkeypatch.setattr(os, "environ", {})
    return os.environ


def config(device="cpu", **options):
    return EngineConfig("vllm", "folder", "float32", device, max_model_len=50, options=options)


def test_known_options_pass():
    check_options({"max_num_batched_tokens": 16384, "load_format": "dummy"}, KNOWN)
    check_options({"kv_cache_gib": 2, "multiprocess": True}, KNOWN)


def test_an_unknown_option_is_one_line_with_its_fix():
    with pytest.raises(EngineError) as caught:
        check_options({"max_batched_tokens": 1}, KNOWN)
    assert str(caught.value) == (
        "engine option 'max_batched_tokens' is not one that vllm 0.30.0 knows: "
        "did you mean 'max_num_batched_tokens'?"
    )
    with pytest.raises(EngineError, match=r"'zzz' is not one .*: take it out"):
        check_options({"zzz": 1}, KNOWN)


@pytest.mark.parametrize("name", ["dtype", "seed", "skip_tokenizer_init", "logprobs_mode"])
def test_what_the_harness_sets_is_not_an_option(name):
    with pytest.raises(EngineError, match=f"option '{name}' is set by the harness"):
        check_options({name: 1}, [*KNOWN, name])


def test_environment_on_cpu(environment):
    set_environment(config())
    assert environment["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"
    assert 1 <= int(environment["VLLM_CPU_KVCACHE_SPACE"]) <= 4
    assert "VLLM_USE_FLASHINFER_SAMPLER" not in environment
    set_environment(config(kv_cache_gib=7, multiprocess=True))
    assert environment["VLLM_CPU_KVCACHE_SPACE"] == "7"
    assert environment["VLLM_ENABLE_V1_MULTIPROCESSING"] == "1"


@pytest.mark.parametrize(("found", "value"), [(None, "0"), (object(), None)])
def test_the_sampler_of_flashinfer_is_off_where_it_is_missing(
    environment, monkeypatch, found, value
):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found)
    set_environment(config(device="cuda"))
    assert environment.get("VLLM_USE_FLASHINFER_SAMPLER") == value
    assert "VLLM_CPU_KVCACHE_SPACE" not in environment


def test_a_user_may_turn_the_sampler_on(environment, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    environment["VLLM_USE_FLASHINFER_SAMPLER"] = "1"
    set_environment(config(device="cuda"))
    assert environment["VLLM_USE_FLASHINFER_SAMPLER"] == "1"


@pytest.mark.parametrize(
    ("dtype", "options", "model", "expected"),
    [
        ("bfloat16", {}, {}, {"head_dtype": "float32"}),
        ("float16", {"hf_overrides": {"x": 1}}, {}, {"head_dtype": "float32", "x": 1}),
        ("bfloat16", {"hf_overrides": {"head_dtype": "model"}}, {}, {"head_dtype": "model"}),
        ("float32", {}, {}, {}),
        ("bfloat16", {"quantization": "fp8"}, {}, {}),
        ("bfloat16", {}, {"quantization_config": {"bits": 4}}, {}),
    ],
)
def test_the_head_is_float32_unless_it_cannot_be(tmp_path, dtype, options, model, expected):
    (tmp_path / "config.json").write_text(json.dumps(model))
    asked = EngineConfig("vllm", str(tmp_path), dtype, "cpu", max_model_len=50, options=options)
    assert hf_overrides(asked) == expected


def test_foreign_errors_become_one_line():
    assert error_line(ValueError("a\n  b   c")) == "ValueError: a b c"
    assert len(error_line(ValueError("x" * 1000))) == 300

    class Model(BaseModel):
        size: int

    with pytest.raises(ValidationError) as caught:
        Model(size="no")
    assert error_line(caught.value).startswith("size: Input should be a valid integer")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"backend": "xgrammar", "disable_any_whitespace": True}),
        ({"backend": "guidance"}, {"backend": "guidance", "disable_any_whitespace": True}),
        ("guidance", "guidance"),
    ],
)
def test_json_is_made_without_free_white_space(tmp_path, given, expected):
    (tmp_path / "config.json").write_text("{}")
    options = {"structured_outputs_config": given} if given else {}
    asked = EngineConfig("vllm", str(tmp_path), "float32", "cpu", 50, options=options)
    assert engine_options(asked)["structured_outputs_config"] == expected


def test_defaults_of_ours_and_the_next_rank_of_vllm(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    given = {"enforce_eager": False, "kv_cache_gib": 2}
    asked = EngineConfig("vllm", str(tmp_path), "float32", "cpu", 50, 9, 2, options=given)
    options = engine_options(asked)
    assert options["enforce_eager"] is False
    assert options["enable_prefix_caching"] is True
    assert "kv_cache_gib" not in options
    assert (options["enable_lora"], options["max_lora_rank"], options["max_loras"]) == (True, 16, 2)
    with pytest.raises(EngineError, match="LoRA rank 513 is above vLLM's 512"):
        engine_options(EngineConfig("vllm", str(tmp_path), "float32", "cpu", 50, 513))


@pytest.mark.parametrize(
    ("given", "uses"),
    [
        ({}, True),
        ({"structured_outputs_config": {"backend": "xgrammar"}}, True),
        ({"structured_outputs_config": {"backend": "auto"}}, True),
        ({"structured_outputs_config": {"disable_any_whitespace": True}}, True),
        ({"structured_outputs_config": {"backend": "guidance"}}, False),
    ],
)
def test_only_xgrammar_needs_schemas_spelled(given, uses):
    assert uses_xgrammar(EngineConfig("vllm", "", "float32", "cpu", 50, options=given)) is uses
