"""Gates that plan their looks: false alarms of a year, and losses that are found."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from harness.gates.looks import look_detectable, look_verdict, look_words, take_look
from harness.gates.paired import contrast_verdict, judge_contrast
from harness.records import Contrast, Row
from harness.spec.gatespec import GateSpec
from harness.stats.arrays import Bools
from harness.stats.over_seeds import pooled_accuracy
from harness.stats.paired import Difference, paired_accuracy

LOOKS, MARGIN = 250, 0.02


def as_contrast(low: float, value: float, high: float, figure: str = "accuracy") -> Contrast:
    return Contrast(figure, 0.8, 0.8 + value, low, high, 0.5, 9, 9, 300, 0, 0.05)


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict"),
    [
        (-0.015, -0.005, 0.005, "pass"),
        (-0.025, -0.005, 0.015, "inconclusive"),
        # The 95% interval lies below the margin, and that of one look reaches 0.
        (-0.069, -0.045, -0.021, "inconclusive"),
        (-0.06, -0.045, -0.03, "fail"),
        # A loss is shown, and shown to be tolerable.
        (-0.019, -0.015, -0.011, "pass"),
        # A loss is shown that may be greater than the margin.
        (-0.022, -0.015, -0.008, "fail"),
    ],
)
def test_a_look_fails_by_a_loss_that_is_not_shown_to_be_tolerable(low, value, high, verdict):
    found = as_contrast(low, value, high)
    look = take_look(found, LOOKS, units=300)
    assert look_verdict(found, MARGIN, look) == verdict
    turned = as_contrast(-high, -value, -low, "log_loss")
    assert look_verdict(turned, MARGIN, take_look(turned, LOOKS, units=300)) == verdict


def test_each_look_spends_its_part_of_the_error():
    found = as_contrast(-0.02, 0.0, 0.02)
    ends = [take_look(found, looks, units=2000) for looks in (1, 10, 250)]
    assert [one.alpha for one in ends] == [0.01, 0.001, 0.00004]
    assert ends[0].end < ends[1].end < ends[2].end
    # Quantiles of the normal distribution at 1% and 0.004%.
    assert ends[0].end == pytest.approx(0.02 * 2.326 / 1.96, rel=0.01)
    assert ends[2].end == pytest.approx(0.02 * 3.944 / 1.96, rel=0.01)
    worst = take_look(found, 10, units=2000, tests=25)
    assert worst.end == pytest.approx(ends[2].end)
    assert look_detectable(found, ends[2]) == pytest.approx(0.02 * (3.944 + 0.842) / 1.96, rel=0.01)
    with pytest.raises(ValueError, match="0 looks"):
        take_look(found, 0, units=2000)


def test_the_line_says_what_a_look_shows(row: Row):
    spec = GateSpec(figure="accuracy", no_worse_than="baseline", by=MARGIN, looks=LOOKS)
    found = as_contrast(-0.06, -0.045, -0.03)
    gate = judge_contrast(row, spec, found, against="baseline")
    words = look_words(found, gate.look)
    assert gate.line.endswith(f": worse by 0.02 at most, {words} - fail")
    assert words == ("one of 250 looks, by which the difference is at most -0.015 (one-sided, "
                     "alpha 4e-05)")  # fmt: skip
    assert (gate.failed, gate.look.planned) == (True, 250)
    assert gate.contrast.detectable == look_detectable(found, gate.look)
    open_gate = judge_contrast(row, spec, replace(found, high=-0.021), against="baseline")
    assert (open_gate.verdict, open_gate.failed) == ("inconclusive", False)


@pytest.fixture
def row() -> Row:
    from harness.records import Figure

    figures = {"accuracy": Figure(0.8, 0.7, 0.9, 300)}
    return Row("e.yaml", "c", "m", "p", "zeroshot", 0, None, None, None, "logprobs", 300, 0, {},
               figures, {}, {"a": 0.5, "b": 0.5}, 9.0)  # fmt: skip


@cache
def pair_of(n: int, lost: int, won: int, both: int) -> Difference:
    """Return the comparison of n pairs, of which so many were lost, won and right on both sides."""
    place = np.arange(n)
    second = (place < both) | ((place >= both + lost) & (place < both + lost + won))
    return paired_accuracy(place < both + lost, second)


def year(rng: np.random.Generator, *, n: int, days: int, runs: int, lost: int = 0) -> Bools:
    """Return whether any day fails by itself, and by one of 250 looks, with 5% of coins."""
    coins, sure = n // 20, n - n // 20
    fixed = np.arange(sure) < 0.78 * sure
    before = [np.concatenate([fixed, rng.random(coins) < 0.5]) for _ in range(runs)]
    now = fixed & (np.arange(sure) >= lost)
    told = []
    for _ in range(days):
        day = np.concatenate([now, rng.random(coins) < 0.5])
        if runs == 1:
            lost_now, won_now = int((before[0] & ~day).sum()), int((~before[0] & day).sum())
            pair = pair_of(n, lost_now, won_now, int((before[0] & day).sum()))
        else:
            pair = pooled_accuracy(before, [day])
        found = as_contrast(pair.low, pair.value, pair.high)
        look = take_look(found, LOOKS, units=n)
        told.append((contrast_verdict(found, "no_worse_than", 0.0) == "fail",
                     look_verdict(found, 0.0, look) == "fail"))  # fmt: skip
    return np.array(told).any(axis=0)


def test_years_without_a_change_have_no_false_alarms():
    rng = np.random.default_rng(0)
    once, planned = np.sum([year(rng, n=300, days=LOOKS, runs=1) for _ in range(12)], axis=0)
    assert once >= 3  # what each day by itself does
    assert planned == 0


@pytest.mark.parametrize("runs", [1, 5])
def test_a_loss_of_four_points_is_found_within_five_days(runs, monkeypatch):
    # Signs are of no use here, and take long.
    monkeypatch.setattr("harness.stats.over_seeds._SIGNS", 9)
    rng = np.random.default_rng(1)
    weeks = [year(rng, n=2000, days=5, runs=runs, lost=80) for _ in range(20)]
    assert np.sum(weeks, axis=0)[1] >= 19
    quiet = [year(rng, n=2000, days=20, runs=runs) for _ in range(5)]
    assert np.sum(quiet, axis=0)[1] == 0
