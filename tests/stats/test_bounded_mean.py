"""Means between bounds, of which a few values do not show all that there is."""

from __future__ import annotations

import numpy as np
import pytest

from harness.stats import bounded_mean_interval, clopper_pearson_interval, equal_values_interval
from harness.stats.bradley_terry import win_rate

SEEN = [1.0] * 9 + [0.96]


@pytest.mark.parametrize(("right", "n"), [(9, 10), (3, 8), (0, 5), (30, 40)])
def test_of_values_that_are_0_and_1_it_is_clopper_and_pearsons(right, n):
    values = [1.0] * right + [0.0] * (n - right)
    found = bounded_mean_interval(values, lowest=0, highest=1)
    assert found == pytest.approx(clopper_pearson_interval(right, n), abs=0.006)


def test_of_equal_values_it_is_that_of_equal_values():
    found = bounded_mean_interval([7.0] * 10, lowest=1, highest=10)
    wanted = equal_values_interval(7.0, 10, lowest=1, highest=10)
    assert found == pytest.approx(wanted, abs=0.03)


def test_a_value_that_differs_a_little_makes_no_narrow_interval():
    low, high = bounded_mean_interval(SEEN, lowest=0, highest=1)
    assert 0.65 < low < 0.70
    assert high == pytest.approx(1.0, abs=0.001)
    rate = win_rate([0.5] * 9 + [0.4], list(range(10)))
    assert rate.low < 0.36
    assert rate.high > 0.63


def test_it_holds_the_truth_where_what_is_rare_costs_most():
    rng, truth, held = np.random.default_rng(5), 0.8 + 0.15 * 0.9, 0
    for _ in range(200):
        seen = rng.choice([1.0, 0.9, 0.0], size=10, p=[0.8, 0.15, 0.05])
        low, high = bounded_mean_interval(seen, lowest=0, highest=1, draws=2_000)
        held += low <= truth <= high
    # Student's interval holds it in 53%.
    assert held >= 190
