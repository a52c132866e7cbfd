from __future__ import annotations

import math

import numpy as np
import pytest

from harness.stats import GoldCounts, judged_rate, wilson_interval


def test_rate_and_interval_by_hand():
    found = judged_rate(640, 1000, [(GoldCounts(90, 100, 35, 50), 1)])
    assert found.value == pytest.approx((0.64 + 0.7 - 1) / (0.9 + 0.7 - 1))
    assert found.n == 1000
    z2 = 1.959964**2
    p, q1, q0 = (640 + z2 / 2) / (1000 + z2), 91 / 102, 36 / 52
    rate = (p + q0 - 1) / (q1 + q0 - 1)
    good, bad = q1 * (1 - q1) / 102, q0 * (1 - q0) / 52
    middle = rate + 2 * z2 * (rate * good - (1 - rate) * bad)
    spread = p * (1 - p) / (1000 + z2) + rate**2 * good + (1 - rate) ** 2 * bad
    half = math.sqrt(z2 * spread) / (q1 + q0 - 1)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half), abs=1e-6)


def test_a_perfect_judge_with_much_gold_changes_next_to_nothing():
    found = judged_rate(80, 100, [(GoldCounts(10**6, 10**6, 10**6, 10**6), 1)])
    assert found.value == pytest.approx(0.8)
    # Agresti and Coull's interval, which is hardly wider than Wilson's here.
    assert (found.low, found.high) == pytest.approx(wilson_interval(80, 100), abs=0.002)


def test_little_gold_widens_the_interval():
    few, many = (
        judged_rate(80, 100, [(GoldCounts(9 * m, 10 * m, 8 * m, 10 * m), 1)]) for m in (1, 100)
    )
    assert few.value == many.value
    assert few.high - few.low > 1.5 * (many.high - many.low)


def test_samples_that_hang_together_widen_the_interval():
    gold = [(GoldCounts(90, 100, 80, 100), 1)]
    apart, together = (judged_rate(80, 100, gold, effective=number) for number in (None, 20.0))
    assert (together.value, together.n) == (apart.value, 100)
    assert together.high - together.low > 1.5 * (apart.high - apart.low)
    all_good = judged_rate(100, 100, gold, effective=4.0)
    assert all_good.low <= 0.025**0.25
    with pytest.raises(ValueError, match="100 samples cannot tell as much as 101"):
        judged_rate(80, 100, gold, effective=101)


@pytest.mark.parametrize(("passed", "value"), [(0, 0.0), (100, 1.0)])
def test_the_rate_stays_in_its_bounds_and_its_interval(passed, value):
    found = judged_rate(passed, 100, [(GoldCounts(18, 20, 16, 20), 1)])
    assert found.value == value
    assert 0 <= found.low <= value <= found.high <= 1
    assert found.low < found.high


@pytest.mark.parametrize(
    ("rate", "q1", "q0", "n", "positives", "negatives"),
    [
        (0.5, 0.9, 0.8, 200, 50, 50),
        (0.8, 0.9, 0.7, 1000, 100, 50),
        (0.9, 0.95, 0.9, 500, 60, 30),
        (0.98, 0.9, 0.8, 500, 100, 40),
        (0.3, 0.8, 0.9, 100, 30, 70),
    ],
)
def test_interval_covers(rate, q1, q0, n, positives, negatives):
    rng = np.random.default_rng(0)
    share = rate * q1 + (1 - rate) * (1 - q0)
    hits = 0
    for _ in range(1000):
        gold = GoldCounts(int(rng.binomial(positives, q1)), positives,
                          int(rng.binomial(negatives, q0)), negatives)  # fmt: skip
        found = judged_rate(int(rng.binomial(n, share)), n, [(gold, 1)])
        hits += found.low <= rate <= found.high
    assert hits >= 930


@pytest.mark.parametrize(
    ("counts", "problem"),
    [
        ((5, 0, 9, 10, 9, 10), "judged answers: 5 of 0"),
        ((11, 10, 9, 10, 9, 10), "judged answers: 11 of 10"),
        ((5, 10, 0, 0, 9, 10), "good answers: 0 of 0"),
        ((5, 10, 9, 10, -1, 10), "bad answers: -1 of 10"),
        ((5, 10, 5, 10, 5, 10), "not better than chance"),
        ((5, 10, 2, 10, 3, 10), "sensitivity 0.200 and specificity 0.300"),
    ],
)
def test_what_is_refused(counts, problem):
    passed, n, *gold = counts
    with pytest.raises(ValueError, match=problem):
        judged_rate(passed, n, [(GoldCounts(*gold), 1)])


def test_pooled_verdicts_are_corrected_by_the_mean_of_the_judges_errors():
    sharp, dull = GoldCounts(95, 100, 90, 100), GoldCounts(70, 100, 60, 100)
    # A rate of 0.5 looks like 0.525 to the one and 0.55 to the other, who gave a third as many.
    found = judged_rate(30 * 21 + 10 * 22, 1600, [(sharp, 1200), (dull, 400)])
    mean = (1200 * 0.525 + 400 * 0.55) / 1600
    q1, q0 = (3 * 0.95 + 0.7) / 4, (3 * 0.9 + 0.6) / 4
    assert found.value == pytest.approx((mean + q0 - 1) / (q1 + q0 - 1))
    assert found.value == pytest.approx(0.5)


def test_two_judges_of_one_mind_know_no_more_than_one():
    gold = GoldCounts(90, 100, 80, 100)
    one = judged_rate(80, 100, [(gold, 1)])
    assert judged_rate(80, 100, [(gold, 50), (gold, 50)]).low == pytest.approx(one.low)


def test_pooled_interval_covers_where_judges_err_together():
    """Both judges share what makes a gold answer hard, so their rates there hang together."""
    rng, rate, n, size, hits = np.random.default_rng(1), 0.7, 150, 60, 0

    def verdicts(good: np.ndarray) -> np.ndarray:
        hard = rng.normal(size=good.size)
        chance = 1 / (1 + np.exp(-(1.5 + hard)))
        right = rng.random((2, good.size)) < chance
        return np.where(right, good, ~good)

    for _ in range(1000):
        (pos, neg) = (verdicts(np.full(size, value)) for value in (True, False))
        gold = [GoldCounts(int(p.sum()), size, int((~q).sum()), size)
                for p, q in zip(pos, neg, strict=True)]  # fmt: skip
        said = verdicts(rng.random(n) < rate)
        found = judged_rate(int(said.sum()), 2 * n, [(one, n) for one in gold], effective=n)
        hits += found.low <= rate <= found.high
    assert hits >= 935


def test_no_judge_or_one_without_verdicts_corrects_nothing():
    for judges in ([], [(GoldCounts(9, 10, 9, 10), 0)]):
        with pytest.raises(ValueError, match="one judge at least"):
            judged_rate(5, 10, judges)
