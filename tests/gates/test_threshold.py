from __future__ import annotations

import math
from dataclasses import replace

import pytest
from builders import make_row
from reasoned import because

from harness.gates.threshold import judge_threshold
from harness.reasons import Reason
from harness.records import Figure, Row
from harness.spec import GateSpec
from harness.stats.power import mde_proportion

ROW = make_row()


def judge(row: Row = ROW, **gate):
    return judge_threshold(row, GateSpec(**gate))


def test_line_says_all():
    found = judge(figure="accuracy", at_least=0.8)
    assert found.line == (
        "accuracy 0.843 [0.800, 0.880], detectable 0.070, n=300, unscored 0: at least 0.8 - pass"
    )
    assert (found.evalset, found.cell) == (ROW.evalset, ROW.cell)
    assert (found.figure, found.bound, found.threshold) == ("accuracy", "at_least", 0.8)


@pytest.mark.parametrize(
    ("gate", "verdict"),
    [
        ({"at_least": 0.8}, "pass"),  # the low end may touch the threshold
        ({"at_least": 0.81}, "inconclusive"),
        ({"at_least": 0.88}, "inconclusive"),
        ({"at_least": 0.89}, "fail"),
        ({"at_most": 0.88}, "pass"),
        ({"at_most": 0.85}, "inconclusive"),
        ({"at_most": 0.8}, "inconclusive"),
        ({"at_most": 0.79}, "fail"),
    ],
)
def test_verdict_by_interval(gate, verdict):
    found = judge(figure="accuracy", **gate)
    assert found.verdict == verdict
    assert found.failed == (verdict == "fail")


@pytest.mark.parametrize(
    ("choice", "failed", "ending"),
    [
        ("pass", False, "inconclusive, which passes"),
        ("warn", False, "inconclusive (warning)"),
        ("fail", True, "inconclusive, which fails"),
    ],
)
def test_inconclusive_does_what_the_set_says(choice, failed, ending):
    found = judge(figure="accuracy", at_least=0.85, on_inconclusive=choice)
    assert (found.verdict, found.failed) == ("inconclusive", failed)
    assert found.line.endswith(ending)
    assert judge(figure="accuracy", at_least=0.85).on_inconclusive == "warn"


def test_detectable_is_the_exact_power_of_a_proportion_and_the_width_of_others():
    assert judge(figure="accuracy", at_least=0.8).detectable == mde_proportion(300, 0.8)
    # 0.1 is 1.96 standard errors; 2.80 of them are seen with 80% power.
    wide = judge(figure="auc", at_least=0.5).detectable
    assert wide == pytest.approx(0.1 / 1.959964 * (1.959964 + 0.841621), abs=1e-6)


def test_a_difference_that_no_figure_can_have_is_not_detectable():
    wide = replace(ROW, figures={"auc": Figure(0.7, 0.2, 1.0, 4)})
    found = judge(wide, figure="auc", at_least=0.5)
    assert found.detectable == math.inf
    assert "detectable none" in found.line
    # 0.57 is more than can lie above 0.5, and less than can lie below 0.9.
    assert judge(wide, figure="auc", at_least=0.9).detectable == pytest.approx(0.5718, abs=1e-4)


def test_targets_of_one_label_are_named():
    row = replace(ROW, targets={"positive": 1.0, "negative": 0.0})
    found = judge(row, figure="auc", at_least=0.5)
    assert "auc" in row.figures
    assert "every target" not in found.line
    mixed = judge(replace(ROW, figures={}), figure="auc", at_least=0.5)
    assert "every target" not in mixed.line
    found = judge(replace(row, figures={}), figure="auc", at_least=0.5)
    assert found.line == (
        "auc at least 0.5 - fail: every target is positive, and an AUC needs samples of both labels"
    )


@pytest.mark.parametrize("choice", ["pass", "fail"])
def test_missing_figure_fails(choice):
    found = judge(figure="calibrated_accuracy", at_least=0.1, on_inconclusive=choice)
    assert (found.verdict, found.failed) == ("fail", True)
    assert found.line == (
        "calibrated_accuracy at least 0.1 - fail: "
        "says nothing of the model: logprobs scoring has no such figure; change the gate"
    )


def test_nothing_scored_fails():
    row = replace(ROW, n=0, unscored=300, figures={})
    found = judge(row, figure="accuracy", at_least=0.0, max_unscored=1.0)
    assert (found.verdict, found.failed) == ("fail", True)
    assert found.line == "accuracy at least 0 - fail: none of 300 samples was scored"


def test_no_samples_fail_even_the_unscored_gate():
    row = replace(ROW, n=0, unscored=0, figures={})
    found = judge(row, figure="unscored", at_most=0.5)
    assert found.failed
    assert found.line == "unscored at most 0.5 - fail: the cell has no samples"


def test_too_many_unscored_fail_a_good_figure():
    row = replace(ROW, unscored=10)
    found = judge(row, figure="accuracy", at_least=0.5)
    assert (found.verdict, found.failed) == ("fail", True)
    assert found.line.endswith("fail: unscored 3.2% of the samples, more than 2.0%")
    assert judge(row, figure="accuracy", at_least=0.5, max_unscored=0.05).verdict == "pass"


def test_a_gate_counts_the_samples_that_its_own_figure_lacks():
    figures = {**ROW.figures, "auc": Figure(0.9, 0.85, 0.95, 329)}
    row = replace(ROW, unscored=30, reasons={Reason("equal_labels"): 29, because("x"): 1},
                  figures=figures)  # fmt: skip
    assert judge(row, figure="accuracy", at_least=0.5).line.endswith(
        "n=300, unscored 30: at least 0.5 - fail: unscored 9.1% of the samples, more than 2.0%"
    )
    found = judge(row, figure="auc", at_least=0.8)
    assert found.line == (
        "auc 0.900 [0.850, 0.950], detectable 0.071, n=329, unscored 1: at least 0.8 - pass"
    )
    assert "n=330, unscored 30" in judge(row, figure="unscored", at_most=0.5).line


def test_a_figure_without_raw_verdicts_is_judged():
    row = replace(ROW, n=0, unscored=300, figures={"auc": Figure(0.9, 0.85, 0.95, 300)})
    assert judge(row, figure="auc", at_least=0.8).verdict == "pass"
    assert judge(row, figure="accuracy", at_least=0.8).line.endswith(
        "none of 300 samples was scored"
    )


@pytest.mark.parametrize(
    ("unscored", "limit", "verdict"),
    [
        (0, 0.05, "pass"),
        (15, 0.05, "inconclusive"),
        (100, 0.05, "fail"),
        (0, 0.001, "inconclusive"),
    ],
)
def test_unscored_share_has_an_interval(unscored, limit, verdict):
    found = judge(replace(ROW, unscored=unscored), figure="unscored", at_most=limit)
    assert found.verdict == verdict
    assert f"n={300 + unscored}" in found.line
