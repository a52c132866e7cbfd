# ruff: noqa: RUF001
"""Cells that are compared with the baseline of another name: `was` and --eval-against."""

from __future__ import annotations

import json

import pytest

ZERO = "m-prefill-zeroshot"
GATE = {"cells": "*-zeroshot", "figure": "accuracy", "no_worse_than": "baseline", "by": 0.9}
RENAMED = [{"template": "prefill.j2", "id": "second"}]


@pytest.fixture
def accepted(evals):
    """A project whose zero-shot cell has a baseline."""
    evals.set(modes=["zeroshot"])
    evals.run("--eval-write-baseline").assert_outcomes(passed=1)
    return evals


def renamed(evals, **keys):
    evals.models(m={}, other={"options": {"answer": "positive"}})
    evals.set(modes=["zeroshot"], gates=[GATE], **keys)


@pytest.mark.parametrize(
    ("keys", "cell"),
    [
        ({"prompts": RENAMED, "was": {"second": "prefill"}}, "m-second-zeroshot"),
        ({"models": ["other"], "was": {"other": "m"}}, "other-prefill-zeroshot"),
        ({"models": ["other"], "prompts": RENAMED, "was": {"other": "m", "second": "prefill"}},
         "other-second-zeroshot"),
        ({"prompts": RENAMED, "was": {"m-second-zeroshot": ZERO}}, "m-second-zeroshot"),
    ],
)  # fmt: skip
def test_a_renamed_cell_is_compared_with_what_it_was(accepted, keys, cell):
    renamed(accepted, **keys)
    accepted.run().assert_outcomes(passed=2)
    (check,) = accepted.saved.baselines
    assert (check.cell, check.former, check.refused) == (cell, ZERO, None)
    (gate,) = accepted.saved.gates
    assert (gate.against, gate.former) == ("baseline", ZERO)
    assert f"; the baseline is that of {ZERO}" in gate.line
    assert f"Compared with the baseline of `{ZERO}`." in accepted.report
    accepted.run("--eval-report-lang", "ru")
    assert f"Сравнивается с принятыми результатами ячейки `{ZERO}`." in accepted.report
    assert f"; сравнивается с принятыми результатами ячейки `{ZERO}`" in accepted.report


def test_the_treatment_of_a_renamed_cell_is_named(accepted):
    accepted.write(
        "prompts/second.j2",
        (accepted.root / "prompts/prefill.j2")
        .read_text()
        .replace("{% macro user(text, shots) %}", "{% macro user(text, shots) %}\nNow: "),
    )
    renamed(accepted, prompts=["second.j2"], was={"second": "prefill"})
    accepted.run().assert_outcomes(passed=2)
    (gate,) = accepted.saved.gates
    assert gate.treatment == ("wording",)
    assert gate.line.endswith(f"; the baseline is that of {ZERO}; changed since the baseline: "
                              "wording")  # fmt: skip


def test_a_baseline_of_its_own_goes_before(accepted):
    renamed(accepted, prompts=RENAMED, was={"second": "prefill"})
    accepted.run("--eval-write-baseline").assert_outcomes(passed=2)
    accepted.run().assert_outcomes(passed=2)
    (check,) = accepted.saved.baselines
    assert check.former == ""
    # What it was is no longer needed.
    (accepted.root / f"baselines/mini/{ZERO}.json").unlink()
    accepted.run().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("was", "line"),
    [
        ({"secnd": "prefill"}, "was.secnd: 'secnd' is not a model, prompt, mode or cell of this "
         "set; did you mean 'second'?"),
        ({"second": "prefil"}, "was.second: 'prefil': no baseline "
         f"baselines/mini/m-prefil-zeroshot.json; the nearest one there is '{ZERO}'. Fix the name "
         "or remove the entry"),
        ({"second": ""}, "was.second: is empty"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_one_line_before_anything_runs(accepted, was, line):
    renamed(accepted, prompts=RENAMED, was=was)
    starts = len(accepted.started)
    result = accepted.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"evalsets/mini.yaml:*: {line.replace('[', '[[]')}*"])
    assert len(accepted.started) == starts


def test_a_name_of_two_things_is_refused(accepted):
    renamed(accepted, models=["m"], prompts=[{"template": "prefill.j2", "id": "m"}],
            was={"m": "prefill"})  # fmt: skip
    result = accepted.run()
    result.stdout.fnmatch_lines(["evalsets/mini.yaml:*: was.m: 'm' is a model and a prompt; name "
                                 "the cells, such as 'm-m-zeroshot'"])  # fmt: skip


def test_selected_cells_against_one_baseline(accepted):
    renamed(accepted, prompts=["prefill.j2", *RENAMED])
    accepted.run("--eval-against", ZERO).assert_outcomes(passed=4)
    first, second = accepted.saved.baselines
    assert (first.cell, first.former) == (ZERO, "")
    assert (second.cell, second.former) == ("m-second-zeroshot", ZERO)
    assert "; the baseline is that of" in accepted.saved.gates[1].line


def test_a_slice_of_a_renamed_cell(accepted):
    slices = [{"length": [6]}]
    accepted.set(modes=["zeroshot"], slices=slices)
    accepted.run("--eval-write-baseline").assert_outcomes(passed=1)
    accepted.set(modes=["zeroshot"], slices=slices, prompts=RENAMED, was={"second": "prefill"},
                 gates=[{**GATE, "slice": "worst", "on_inconclusive": "warn"}])  # fmt: skip
    accepted.run().assert_outcomes(passed=2)
    (gate,) = accepted.saved.gates
    assert gate.former == ZERO


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_a_baseline_that_there_is_not_is_wrong_usage(accepted, workers):
    starts = len(accepted.started)
    result = (accepted.spawn if workers else accepted.run)(
        "--eval-against", "m-prefil-zeroshot", *workers
    )
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in (*result.errlines, *result.outlines) if "--eval-against" in line]
    assert any("--eval-against m-prefil-zeroshot: evalsets/mini.yaml has no baseline of such a "
               f"cell; did you mean '{ZERO}'?" in line for line in lines)  # fmt: skip
    assert len(accepted.started) == starts


def test_a_set_without_baselines_is_wrong_usage(accepted):
    accepted.set("other", modes=["zeroshot"])
    result = accepted.run("--eval-against", ZERO)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--eval-against {ZERO}: evalsets/other.yaml has no baseline of "
                                 "such a cell; it has none at all"])  # fmt: skip
    accepted.run("--eval-against", ZERO, "evalsets/mini.yaml").assert_outcomes(passed=1)


def test_results_are_kept_by_their_own_name(accepted):
    renamed(accepted, prompts=RENAMED, was={"second": "prefill"})
    accepted.run("--eval-write-baseline")
    data = json.loads((accepted.root / "baselines/mini/m-second-zeroshot.json").read_text())
    assert data["cell"] == "m-second-zeroshot"
