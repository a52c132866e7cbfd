from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
from sides import LABELS, side

from harness.gates.paired import (
    contrast,
    contrast_verdict,
    contrast_words,
    judge_contrast,
)
from harness.gates.threshold import judge_threshold
from harness.records import Contrast, Result
from harness.spec import GateSpec
from harness.stats.paired import paired_accuracy


def made(both: int, lost: int, won: int, none: int) -> tuple[list[bool], list[bool]]:
    """Two sides with these counts of samples, and both classes in each count."""
    first = [True] * both + [True] * lost + [False] * won + [False] * none
    second = [True] * both + [False] * lost + [True] * won + [False] * none
    return first, second


def judge(first, second, **keys):
    (other, before), (row, now) = side(first, cell="m-o-zeroshot"), side(second)
    spec = GateSpec.model_validate({"figure": "accuracy", **keys})
    found = contrast(before, now, spec.figure, labels=("positive", "negative"))
    return judge_contrast(row, spec, found, against=other.cell, other=other)


def test_perfect_orders_of_few_samples_decide_nothing():
    gate = judge([True] * 4, [True] * 4, figure="auc", no_worse_than={"prompt": "o"}, by=0.05)
    assert gate.verdict == "inconclusive"  # the very same scores
    (_, before), (row, now) = side([True] * 4, cell="m-o-zeroshot"), side([True] * 4)
    now = {key: replace(one, log_odds=2 * one.log_odds) for key, one in now.items()}
    spec = GateSpec(figure="auc", no_worse_than="m-o-zeroshot", by=0.05)
    other = contrast(before, now, "auc", labels=("positive", "negative"))
    gate = judge_contrast(row, spec, other, against="m-o-zeroshot")
    assert gate.verdict == "inconclusive"
    assert "difference +0.000 [-0.842, +0.842], n=4" in gate.line
    assert "detectable none" in gate.line  # 1.2 is more than two AUCs can differ by


def found(low: float, high: float, *, changed: int = 9, figure: str = "accuracy") -> Contrast:
    return Contrast(figure, 0.5, 0.5, low, high, 0.5, changed, changed, 300, 0, 0.05)


@pytest.mark.parametrize(
    ("low", "high", "margin", "verdict"),
    [
        (0.0, 0.1, 0.0, "pass"),
        (-0.01, 0.1, 0.0, "inconclusive"),
        (-0.1, 0.0, 0.0, "inconclusive"),  # no loss at all is not excluded
        (-0.1, -0.01, 0.0, "fail"),
        (-0.03, 0.1, 0.03, "pass"),
        (-0.031, 0.1, 0.03, "inconclusive"),
        (-0.1, -0.03, 0.03, "inconclusive"),
        (-0.1, -0.031, 0.03, "fail"),
        (-0.02, -0.01, 0.03, "pass"),  # shown to be worse, but by less than the margin
    ],
)
def test_no_worse_than(low, high, margin, verdict):
    assert contrast_verdict(found(low, high), "no_worse_than", margin) == verdict


@pytest.mark.parametrize(
    ("low", "high", "margin", "verdict"),
    [
        (0.01, 0.1, 0.0, "pass"),
        (0.0, 0.1, 0.0, "inconclusive"),
        (-0.1, 0.0, 0.0, "fail"),
        (-0.1, 0.01, 0.0, "inconclusive"),
        (0.05, 0.1, 0.05, "inconclusive"),
        (0.051, 0.1, 0.05, "pass"),
        (0.01, 0.05, 0.05, "fail"),
    ],
)
def test_better_than(low, high, margin, verdict):
    assert contrast_verdict(found(low, high), "better_than", margin) == verdict


def test_answers_that_do_not_differ_are_judged_by_their_interval():
    same = found(-0.01, 0.01, changed=0)
    assert contrast_verdict(same, "no_worse_than", 0.0) == "inconclusive"
    assert contrast_verdict(same, "no_worse_than", 0.01) == "pass"
    assert contrast_verdict(same, "better_than", 0.0) == "inconclusive"


@pytest.mark.parametrize(("n", "margin"), [(30, 0.03), (50, 0.03), (100, 0.03), (30, 0.05)])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_loss_as_great_as_the_margin_rarely_passes(n, margin, share):
    """Only losses, one for each of the share's samples that this loss takes; 2.5% may pass."""
    rng, passed = np.random.default_rng(0), 0
    for _ in range(400):
        chance = rng.random(n)
        first, second = chance < share, chance < share - margin
        pairs = paired_accuracy(first, second)
        one = found(pairs.low, pairs.high, changed=pairs.lost)
        passed += contrast_verdict(one, "no_worse_than", margin) == "pass"
    assert passed <= 18  # 10 expected; above 18 is p < 0.007


def test_one_system_with_the_same_results_differs_by_nothing():
    first, second = made(3, 0, 0, 1)
    (_, before), (_, now) = side(first), side(second)
    few = contrast(before, now, "accuracy", labels=LABELS)
    assert few.low < -0.3
    same = contrast(before, now, "accuracy", labels=LABELS, unchanged=True)
    assert (same.low, same.value, same.high) == (0, 0, 0)
    assert contrast_verdict(same, "no_worse_than", 0.0) == "pass"


def test_the_line_says_all():
    gate = judge(*made(200, 40, 10, 50), no_worse_than="baseline", by=0.03)
    assert gate.line == (
        "accuracy 0.700 against 0.800 of m-o-zeroshot, difference -0.100 [-0.146, -0.055], n=300, "
        "left out 0, 40 lost, 10 won, p<0.001, detectable 0.068: worse by 0.03 at most - fail"
    )
    assert (gate.verdict, gate.failed, gate.bound, gate.threshold) == (
        "fail", True, "no_worse_than", 0.03)  # fmt: skip
    assert gate.contrast.value == pytest.approx(-0.1)


def test_the_other_words():
    pairs = made(200, 10, 40, 50)
    assert ": better by more than 0.03 - pass" in judge(*pairs, better_than="x", by=0.03).line
    assert ": better - pass" in judge(*pairs, better_than="x").line
    assert ": not worse - pass" in judge(*pairs, no_worse_than="x").line
    areas = judge(*pairs, no_worse_than="x", figure="auc").line
    assert areas.startswith("auc 0.8")
    assert "lost" not in areas


@pytest.mark.parametrize(("choice", "failed"), [("pass", False), ("warn", False), ("fail", True)])
def test_inconclusive_does_what_the_set_says(choice, failed):
    gate = judge(*made(200, 12, 10, 78), no_worse_than="x", on_inconclusive=choice)
    assert (gate.verdict, gate.failed) == ("inconclusive", failed)


def test_samples_without_a_score_on_either_side_are_left_out():
    first, second = made(60, 10, 5, 25)
    first[0], second[1] = None, None
    gate = judge(first, second, no_worse_than="x", by=0.5)
    assert (gate.contrast.n, gate.contrast.left_out) == (98, 2)
    assert gate.verdict == "pass"


@pytest.mark.parametrize("which", [0, 1])
def test_too_many_left_out_fail(which):
    pairs = [list(one) for one in made(60, 10, 5, 25)]
    pairs[which][:5] = [None] * 5
    gate = judge(*pairs, no_worse_than="x", by=0.5)
    assert (gate.verdict, gate.failed) == ("fail", True)
    assert "unscored 5.0% of the samples, more than 2.0%" in gate.line
    assert ("the other cell: " in gate.line) == (which == 0)
    assert judge(*pairs, no_worse_than="x", by=0.5, max_unscored=0.1).verdict == "pass"


def test_two_halves_left_out_fail_together():
    first, second = made(60, 10, 5, 25)
    first[:2], second[2:4] = [None] * 2, [None] * 2
    gate = judge(first, second, no_worse_than="x", by=0.5)
    assert gate.line.endswith("fail: 4.0% of the samples are left out of the pairs, more than 2.0%")


@pytest.mark.parametrize("figure", ["accuracy", "auc"])
def test_nothing_to_pair_fails(figure):
    gate = judge([None] * 4, [True] * 4, no_worse_than="x", figure=figure, max_unscored=1.0)
    assert (gate.verdict, gate.failed, gate.contrast) == ("fail", True, None)
    assert gate.line.endswith("- fail: the other cell: none of 4 samples was scored")


def test_a_figure_that_the_scoring_lacks_fails():
    (other, before), (row, now) = side([True] * 4), side([True] * 4)
    row = replace(row, figures={}, scoring="choice")
    spec = GateSpec(figure="auc", no_worse_than="x")
    gate = judge_contrast(row, spec, None, against="x", other=other)
    assert gate.line == (
        "auc not worse against x - fail: says nothing of the model: choice scoring has no such "
        "figure; change the gate"
    )
    assert contrast(before, now, "calibrated_accuracy", labels=("positive", "negative")).n == 4


def test_nan_log_odds_are_left_out_of_the_auc():
    _, before = side([True, False] * 10)
    now = dict(before) | {"s0": replace(before["s0"], log_odds=math.nan)}
    assert contrast(before, now, "auc", labels=("positive", "negative")).left_out == 1


def test_clusters_are_drawn_whole():
    first, second = made(60, 20, 0, 20)
    (_, before), (_, now) = side(first), side(second)
    groups = {f"s{i}": f"c{i // 10}" for i in range(100)}
    plain = contrast(before, now, "accuracy", labels=("positive", "negative"))
    grouped = {key: replace(one, cluster=groups[key]) for key, one in now.items()}
    whole = contrast(before, grouped, "accuracy", labels=("positive", "negative"))
    assert (whole.value, whole.n, whole.lost) == (plain.value, plain.n, plain.lost)
    # All lost samples stand in two of the ten clusters.
    assert whole.high - whole.low > 1.5 * (plain.high - plain.low)
    assert whole.p > plain.p
    areas = [
        contrast(before, one, "auc", labels=("positive", "negative")) for one in (now, grouped)
    ]
    assert areas[1].high - areas[1].low > areas[0].high - areas[0].low
    one = {key: replace(result, cluster="c") for key, result in now.items()}
    assert contrast(before, one, "accuracy", labels=("positive", "negative")) is None


# Planted cases: n = 2,000, accuracy 0.80, 9% of the answers change.

N, CHANGED, DROP = 2000, 0.09, 0.05


def drawn(seed: int, *, drop: float) -> tuple[list[bool], list[bool]]:
    """An accepted run and a later one whose true accuracy is lower by `drop`."""
    draw = random.Random(seed)
    lose, win = (CHANGED + drop) / 2 / 0.8, (CHANGED - drop) / 2 / 0.2
    first = [draw.random() < 0.8 for _ in range(N)]
    second = [draw.random() >= lose if one else draw.random() < win for one in first]
    return first, second


def paired_verdict(first: list[bool], second: list[bool], margin: float) -> str:
    """What the gate says, without the rest of its line."""
    pairs = paired_accuracy(first, second)
    return contrast_verdict(found(pairs.low, pairs.high), "no_worse_than", margin)


def unpaired_verdict(first: list[bool], second: list[bool], margin: float) -> str:
    """The same rule on an interval that does not know that the samples are the same."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(
        sum(second), N, sum(first), N, compare="diff", method="newcomb"
    )
    return contrast_verdict(found(low, high), "no_worse_than", margin)


def test_a_true_regression_is_caught_by_the_pairs_and_missed_without_them():
    first, second = drawn(1, drop=DROP)
    gate = judge(first, second, no_worse_than="baseline", by=0.03)
    assert gate.contrast.value == pytest.approx(-DROP, abs=0.01)
    assert (gate.verdict, gate.failed) == ("fail", True)
    assert unpaired_verdict(first, second, 0.03) == "inconclusive"


def test_regressions_are_caught_far_more_often_by_the_pairs():
    runs = [drawn(seed, drop=DROP) for seed in range(200)]
    assert [paired_verdict(*run, 0.03) for run in runs].count("fail") >= 160
    assert [unpaired_verdict(*run, 0.03) for run in runs].count("fail") <= 100


def test_a_threshold_below_the_accepted_figure_misses_the_regression():
    first, second = drawn(1, drop=DROP)
    before, now = side(first)[0], side(second)[0]
    spec = GateSpec(figure="accuracy", at_least=0.75)
    assert judge_threshold(before, spec).verdict == "pass"
    assert judge_threshold(now, spec).verdict != "fail"


def test_noise_of_the_same_size_is_not_flagged():
    runs = [drawn(seed, drop=0.0) for seed in range(200)]
    # A two-sided 95% interval lies wholly below 0 in 2.5% of the cases; 11 of 200 is p < 0.02.
    assert [paired_verdict(*run, 0.0) for run in runs].count("fail") <= 10
    assert [paired_verdict(*run, 0.03) for run in runs].count("fail") == 0
    gate = judge(*runs[1], no_worse_than="baseline", by=0.03)
    assert gate.contrast.lost + gate.contrast.won > 150
    assert gate.verdict == "pass"


def test_five_points_lost_by_chance_on_few_samples_are_not_flagged():
    gate = judge(*made(70, 12, 7, 11), no_worse_than="baseline")
    assert gate.contrast.value == pytest.approx(-0.05)
    assert (gate.verdict, gate.failed) == ("inconclusive", True)


@pytest.mark.parametrize(
    ("low", "high", "bound", "verdict"),
    [
        (-0.1, 0.02, "no_worse_than", "pass"),
        (-0.1, 0.2, "no_worse_than", "inconclusive"),
        (0.1, 0.2, "no_worse_than", "fail"),
        (-0.2, -0.1, "better_than", "pass"),
        (0.1, 0.2, "better_than", "fail"),
    ],
)
def test_less_of_an_error_is_better(low, high, bound, verdict):
    middle = (low + high) / 2
    found = Contrast("log_loss", 0.5, 0.5 + middle, low, high, 0.5, 0, 0, 50, 0, None)
    assert contrast_verdict(found, bound, 0.05) == verdict
    turned = replace(found, figure="mcc", low=-high, high=-low)
    assert contrast_verdict(turned, bound, 0.05) == verdict


def test_wrong_answers_that_become_another_label_cost_its_precision():
    labels = ("a", "b", "c")

    def cell(wrong):
        answers = ["a"] * 20 + [wrong] * 20
        targets = ["a"] * 20 + ["b"] * 20
        return {
            f"s{i}": Result("e", "c", f"s{i}", "", "", target, answer, None, answer == target, None,
                            {}, None)
            for i, (target, answer) in enumerate(zip(targets, answers, strict=True))
        }  # fmt: skip

    found = contrast(cell("c"), cell("a"), "precision:a", labels=labels)
    assert (found.first, found.second, found.lost, found.won) == (1.0, 0.5, 0, 0)
    assert contrast_verdict(found, "no_worse_than", 0.1) == "fail"
    assert "lost" not in contrast_words(found, "other")
