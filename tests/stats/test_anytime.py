from __future__ import annotations

import numpy as np
import pytest

from harness.stats import clopper_pearson_interval
from harness.stats.anytime import anytime_interval


@pytest.mark.parametrize(
    ("kind", "mean"), [("coin", 0.5), ("coin", 0.7), ("coin", 0.95), ("beta", 0.25)]
)
def test_looked_at_after_every_probe_the_truth_is_left_out_rarely(kind, mean):
    rng = np.random.default_rng(0)
    missed = usual = 0
    for _ in range(100):
        values = rng.random(100) < mean if kind == "coin" else rng.beta(0.5, 1.5, 100)
        looks = [values[:n].astype(float) for n in range(5, 101, 5)]
        ends = [anytime_interval(one) for one in looks]
        missed += any(not low <= mean <= high for low, high in ends)
        if kind == "coin":
            each = [clopper_pearson_interval(int(one.sum()), len(one)) for one in looks]
            usual += any(not low <= mean <= high for low, high in each)
    assert missed <= 5
    # Clopper and Pearson's, which holds in 95% at least at each single look.
    assert kind == "beta" or usual > missed


def test_the_interval_narrows_and_holds_the_mean():
    rng = np.random.default_rng(1)
    values = (rng.random(2000) < 0.7).astype(float)
    widths = []
    for n in (30, 100, 300, 2000):
        low, high = anytime_interval(values[:n])
        assert 0 <= low < values[:n].mean() < high <= 1
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    low, high = clopper_pearson_interval(int(values.sum()), 2000)
    assert high - low < widths[-1] < 2.5 * (high - low)


def test_both_sides_are_one_another_turned_round():
    values = np.array([0.0, 1.0, 1.0, 0.25, 1.0] * 8)
    low, high = anytime_interval(values)
    turned = anytime_interval(1 - values)
    assert turned == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_few_values_tell_little():
    assert anytime_interval([1.0]) == pytest.approx((0, 1), abs=1e-6)
    low, high = anytime_interval([1.0] * 50)
    assert low > 0.8
    assert high == pytest.approx(1)


@pytest.mark.parametrize("values", [[], [1.5], [-0.1, 0.5], [float("nan")]])
def test_values_out_of_range_are_refused(values):
    with pytest.raises(ValueError, match=r"all of them in \[0, 1\]"):
        anytime_interval(values)
