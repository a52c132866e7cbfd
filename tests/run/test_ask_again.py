from __future__ import annotations

from dataclasses import replace

import pytest

from harness.collect import load_cells
from harness.errors import HarnessError
from harness.records import Output, Request, Sampling
from harness.run.ask_again import first_keys, repeated, with_flips
from harness.run.runner import Runner
from harness.run.settings import Settings


@pytest.fixture
def study(model_project):
    """Return a function that runs the zero-shot cells of the tiny set, requests made twice."""

    def run(options: str = "{}", *, repeat: bool = True) -> Runner:
        root = model_project.root
        model_project.models(
            "models:\n  tiny:\n    source: file:model\n    engine: fake\n    dtype: float32\n"
            f"    options: {options}\n"
        )
        settings = Settings(root=root, store=root / ".harness/o.sqlite", logs=root / "logs",
                            repeat_engine=repeat)  # fmt: skip
        cells = [c for c in load_cells(root / "evalsets/set.yaml", root) if c.mode.k == 0]
        runner = Runner(settings, cells, lambda *_: None)
        for cell in cells:
            try:
                runner.outcome(cell)
            except HarnessError:
                continue
        return runner

    return run


def test_keys_are_others_and_come_back():
    requests = [Request(f"k{i}", (i,), Sampling()) for i in range(3)]
    again = repeated(requests)
    assert {one.key for one in again}.isdisjoint(one.key for one in requests)
    assert [one.prompt_ids for one in again] == [one.prompt_ids for one in requests]
    outputs = [Output(one.key, text=str(one.prompt_ids[0])) for one in reversed(again)]
    found = first_keys(requests, outputs)
    assert {key: (one.key, one.text) for key, one in found.items()} == {
        f"k{i}": (f"k{i}", str(i)) for i in range(3)
    }


def test_a_deterministic_engine_flips_nothing_and_the_store_gets_nothing(study):
    plain = study(repeat=False)
    assert all("label_flips" not in one.row.figures for one in plain.outcomes())
    runner = study()
    for before, outcome in zip(plain.outcomes(), runner.outcomes(), strict=True):
        flips = outcome.row.figures["label_flips"]
        assert (flips.value, flips.n) == (0.0, 6)
        assert 0 < flips.high < 0.5
        assert outcome.results == before.results
    (info,) = runner.engines
    # What is stored is not asked again for the first pass; the second pass is always computed.
    assert (info.stored, info.computed) == (12, 12)
    assert study().engines[0].computed == 12


def test_a_label_that_goes_missing_has_flipped(study):
    # Keys are hexadecimal and the second pass has keys of its own: other requests are refused.
    runner = study("{error_on: a1}")
    one, two = (outcome.row for outcome in runner.outcomes())
    assert one.figures["label_flips"].value + two.figures["label_flips"].value > 0
    assert {row.figures["label_flips"].n for row in (one, two)} <= {4, 5, 6}


def test_flips_are_counted_over_the_samples_that_have_a_label(study):
    (first, *_) = study(repeat=False).outcomes()
    other = {"positive": "negative", "negative": "positive"}
    results = list(first.results)
    results[0] = replace(results[0], answer=other[results[0].answer])
    results[1] = replace(results[1], answer=None)
    gone = replace(first, results=(*first.results[:2], replace(first.results[2], answer=None),
                                   *first.results[3:]))  # fmt: skip
    results[2] = replace(results[2], answer=None)
    flips = with_flips(gone, replace(first, results=tuple(results))).row.figures["label_flips"]
    assert (flips.value, flips.n) == (2 / 5, 5)
    empty = replace(first, results=tuple(replace(r, answer=None) for r in first.results))
    assert with_flips(empty, empty) == empty


def test_an_engine_that_dies_in_the_second_pass_loses_only_that(study):
    told = "{die_after: 8}"
    study(told, repeat=False)
    study(told, repeat=False)
    runner = study(told)
    assert [outcome.row.n for outcome in runner.outcomes()] == [6, 6]
    assert all("label_flips" not in outcome.row.figures for outcome in runner.outcomes())
    (lost,) = runner.lost
    assert lost.text.startswith("tiny: the second pass of --eval-repeat-engine is missing: ")
