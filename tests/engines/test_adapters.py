"""LoRA adapters in the transformers engine, against the same weights merged by hand."""

from __future__ import annotations

import json
import sys

import pytest

from harness.engines.transformers import open_engine
from harness.records import Adapter, EngineConfig, Request, Sampling

torch = pytest.importorskip("torch")
pytest.importorskip("peft", reason="LoRA needs peft")
RANK, ALPHA = 4, 8
PROMPT = (9, 8, 7, 6, 5, 40, 41)


def write_adapter(folder, model, seed):
    """Write random LoRA weights on all query projections; return the adapter and its changes."""
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(seed)
    tensors, changes = {}, {}
    for name, weight in model.named_parameters():
        if name.endswith("q_proj.weight"):
            down = torch.randn(RANK, weight.shape[1], generator=generator)
            up = torch.randn(weight.shape[0], RANK, generator=generator)
            base = f"base_model.model.{name.removesuffix('.weight')}"
            tensors |= {f"{base}.lora_A.weight": down, f"{base}.lora_B.weight": up}
            changes[name] = ALPHA / RANK * up @ down
    folder.mkdir()
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": RANK,
        "lora_alpha": ALPHA,
        "target_modules": ["q_proj"],
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return Adapter(str(folder), f"sha256:{seed}.0", RANK), changes


def load(folder):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@torch.inference_mode()
def scores(model, prompt=PROMPT):
    return model(torch.tensor([prompt])).logits[0, -1].log_softmax(dim=-1)[[7, 50]].tolist()


@pytest.fixture
def engine(tiny_llama):
    config = EngineConfig("transformers", str(tiny_llama), "float32", "cpu", 128)
    opened = open_engine(config)
    yield opened
    opened.close()


def ask(engine, adapters, prompt=PROMPT):
    """Return logprobs or the error per adapter, in one call."""
    requests = [
        Request(str(n), prompt, Sampling(score_ids=(7, 50)), adapter)
        for n, adapter in enumerate(adapters)
    ]
    outputs = {output.key: output for output in engine.generate(requests)}
    assert len(outputs) == len(requests)
    return [outputs[str(n)].error or list(outputs[str(n)].logprobs) for n in range(len(adapters))]


def test_each_request_has_its_own_weights(engine, tiny_llama, tmp_path):
    base = load(tiny_llama)
    one, changes_one = write_adapter(tmp_path / "one", base, 1)
    two, changes_two = write_adapter(tmp_path / "two", base, 2)
    want = {None: scores(base)}
    for adapter, changes in ((one, changes_one), (two, changes_two)):
        merged = load(tiny_llama)
        with torch.no_grad():
            for name, change in changes.items():
                merged.get_parameter(name).add_(change)
        want[adapter] = scores(merged)
    order = [one, None, two, one, None]
    for _ in range(2):
        got = ask(engine, order)
        for adapter, logprobs in zip(order, got, strict=True):
            assert logprobs == pytest.approx(want[adapter], abs=1e-4)
    assert want[None] != pytest.approx(want[one], abs=1e-2)
    assert want[one] != pytest.approx(want[two], abs=1e-2)


def test_shared_prefix_is_not_shared_between_adapters(engine, tiny_llama, tmp_path):
    one, changes = write_adapter(tmp_path / "one", load(tiny_llama), 1)
    prompts = [(*range(5, 105), n) for n in range(110, 116)]
    requests = [
        Request(f"{n} {adapter is None}", prompt, Sampling(score_ids=(7, 50)), adapter)
        for n, prompt in enumerate(prompts)
        for adapter in (None, one)
    ]
    outputs = {output.key: output for output in engine.generate(requests)}
    merged = load(tiny_llama)
    with torch.no_grad():
        for name, change in changes.items():
            merged.get_parameter(name).add_(change)
    for n, prompt in enumerate(prompts):
        for key, model in ((f"{n} True", load(tiny_llama)), (f"{n} False", merged)):
            # Sums in another order; the adapter moves the values by more than a hundredth.
            assert outputs[key].logprobs == pytest.approx(scores(model, prompt), abs=1e-3)
    assert sum(output.cached_tokens for output in outputs.values()) == 2 * 5 * 100


def test_equal_digests_are_loaded_once(engine, tiny_llama, tmp_path):
    one, _ = write_adapter(tmp_path / "one", load(tiny_llama), 1)
    again = Adapter(str(tmp_path / "elsewhere"), one.digest, RANK)
    first, second = ask(engine, [one, again])
    assert first == second


@pytest.mark.parametrize("first", [True, False])
def test_broken_adapter_spoils_nothing(engine, tiny_llama, tmp_path, first):
    base = load(tiny_llama)
    good, _ = write_adapter(tmp_path / "good", base, 1)
    misfit, _ = write_adapter(tmp_path / "misfit", base, 2)
    config = tmp_path / "misfit" / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"r": 2 * RANK}))
    missing = Adapter(str(tmp_path / "nowhere"), "missing", RANK)
    alone = ask(engine, [good])[0] if not first else None
    for _ in range(2):
        results = ask(engine, [misfit, missing, None])
        assert "cannot be loaded" in results[0]
        assert "no adapter_config.json" in results[1]
        assert str(tmp_path / "nowhere") in results[1]
        assert results[2] == pytest.approx(scores(base), abs=1e-5)
    after = ask(engine, [good, None])
    assert isinstance(after[0], list)
    assert alone is None or after[0] == pytest.approx(alone, abs=1e-5)
    assert after[0] != pytest.approx(after[1], abs=1e-2)


def test_without_peft_only_adapters_fail(engine, tiny_llama, tmp_path, monkeypatch):
    one, _ = write_adapter(tmp_path / "one", load(tiny_llama), 1)
    monkeypatch.setitem(sys.modules, "peft", None)
    results = ask(engine, [one, None])
    assert "LoRA needs peft" in results[0]
    assert results[1] == pytest.approx(scores(load(tiny_llama)), abs=1e-5)
