from __future__ import annotations

import math

import numpy as np
import pytest

from harness.stats import judged_rate, wilson_interval


def test_rate_and_interval_by_hand():
    found = judged_rate(
        640, 1000, true_positives=90, positives=100, true_negatives=35, negatives=50
    )
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
    found = judged_rate(80, 100, true_positives=10**6, positives=10**6,
                        true_negatives=10**6, negatives=10**6)  # fmt: skip
    assert found.value == pytest.approx(0.8)
    # Agresti and Coull's interval, which is hardly wider than Wilson's here.
    assert (found.low, found.high) == pytest.approx(wilson_interval(80, 100), abs=0.002)


def test_little_gold_widens_the_interval():
    few, many = (
        judged_rate(80, 100, true_positives=9 * m, positives=10 * m, true_negatives=8 * m,
                    negatives=10 * m)
        for m in (1, 100)
    )  # fmt: skip
    assert few.value == many.value
    assert few.high - few.low > 1.5 * (many.high - many.low)


def test_samples_that_hang_together_widen_the_interval():
    gold = dict(true_positives=90, positives=100, true_negatives=80, negatives=100)
    apart, together = (judged_rate(80, 100, effective=number, **gold) for number in (None, 20.0))
    assert (together.value, together.n) == (apart.value, 100)
    assert together.high - together.low > 1.5 * (apart.high - apart.low)
    all_good = judged_rate(100, 100, effective=4.0, **gold)
    assert all_good.low <= 0.025**0.25
    with pytest.raises(ValueError, match="100 samples cannot tell as much as 101"):
        judged_rate(80, 100, effective=101, **gold)


@pytest.mark.parametrize(("passed", "value"), [(0, 0.0), (100, 1.0)])
def test_the_rate_stays_in_its_bounds_and_its_interval(passed, value):
    found = judged_rate(passed, 100, true_positives=18, positives=20, true_negatives=16,
                        negatives=20)  # fmt: skip
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
        found = judged_rate(
            int(rng.binomial(n, share)), n,
            true_positives=int(rng.binomial(positives, q1)), positives=positives,
            true_negatives=int(rng.binomial(negatives, q0)), negatives=negatives,
        )  # fmt: skip
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
    passed, n, true_positives, positives, true_negatives, negatives = counts
    with pytest.raises(ValueError, match=problem):
        judged_rate(passed, n, true_positives=true_positives, positives=positives,
                    true_negatives=true_negatives, negatives=negatives)  # fmt: skip
