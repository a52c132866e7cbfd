"""An adapter that cannot be used is an error of its requests, and of no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.engines import engine_installed
from harness.records import Adapter, EngineConfig, Request, Sampling
from harness.workers.worker import Worker

NAMES = ["transformers", pytest.param("vllm", marks=pytest.mark.alone)]


@pytest.fixture
def misfit(tiny_adapters, tmp_path):
    """An adapter for a wider model than the tiny one."""
    from safetensors.torch import load_file, save_file

    good = tiny_adapters[0]
    weights = load_file(f"{good.path}/adapter_model.safetensors")
    wide = {name: weight.repeat(2, 2).contiguous() for name, weight in weights.items()}
    save_file(wide, tmp_path / "adapter_model.safetensors")
    settings = json.loads((Path(good.path) / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps(settings | {"r": 8}))
    return Adapter(str(tmp_path), "misfit", rank=8)


@pytest.mark.parametrize("engine", NAMES)
def test_a_broken_adapter_is_an_error_of_its_own(
    engine, tiny_model, tiny_adapters, misfit, tmp_path
):
    if not engine_installed(engine):
        pytest.skip(f"engine {engine} is not installed")
    config = EngineConfig(
        engine=engine,
        model_path=str(tiny_model),
        dtype="float32",
        device="cpu",
        max_model_len=64,
        max_lora_rank=8,
        max_loras=2,
        options={"kv_cache_gib": 1} if engine == "vllm" else {},
    )
    missing = Adapter(str(tmp_path / "nowhere"), "missing", rank=4)
    large = Adapter(tiny_adapters[1].path, "large", rank=512)
    prompt, sampling = (5, 6, 7, 8), Sampling(score_ids=(9,))
    used = {"base": None, "good": tiny_adapters[0], "missing": missing, "misfit": misfit}
    used |= {"large": large} if engine == "vllm" else {}
    requests = [Request(key, prompt, sampling, adapter) for key, adapter in used.items()]
    with Worker(config) as worker:
        for _ in range(2):
            outputs = {output.key: output for output in worker.generate(requests)}
            assert set(outputs) == set(used)
            broken = {key for key, output in outputs.items() if output.error}
            assert broken == set(used) - {"base", "good"}
            assert str(tmp_path) in outputs["misfit"].error
            assert "nowhere" in outputs["missing"].error
            assert outputs["good"].logprobs != outputs["base"].logprobs
