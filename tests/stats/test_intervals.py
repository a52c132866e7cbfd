from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from harness.stats import clopper_pearson_interval, mean_interval, wilson_interval


@pytest.mark.parametrize(
    ("passed", "n", "expected"),
    [
        # Newcombe (1998), Stat. Med. 17:857, table I, method 3.
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_equals_published(passed, n, expected):
    assert wilson_interval(passed, n) == pytest.approx(expected, abs=5e-5)


def test_wilson_narrows_with_the_level():
    low, high = wilson_interval(8, 10, level=0.8)
    wide_low, wide_high = wilson_interval(8, 10, level=0.99)
    assert wide_low < low < 0.8 < high < wide_high


@pytest.mark.parametrize(
    ("passed", "n", "expected"),
    [
        # Newcombe (1998), Stat. Med. 17:857, table I, method 5.
        (81, 263, (0.2527, 0.3676)),
        (15, 148, (0.0578, 0.1617)),
        (0, 20, (0.0, 0.1684)),
        (1, 29, (0.0009, 0.1776)),
    ],
)
def test_clopper_pearson_equals_published(passed, n, expected):
    assert clopper_pearson_interval(passed, n) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("level", [0.8, 0.95, 0.999])
@pytest.mark.parametrize("n", [1, 2, 17, 300, 20_000])
def test_both_equal_statsmodels(n, level):
    for passed in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        for interval, method in ((wilson_interval, "wilson"), (clopper_pearson_interval, "beta")):
            theirs = proportion_confint(passed, n, alpha=1 - level, method=method)
            assert interval(passed, n, level=level) == pytest.approx(theirs, rel=1e-9, abs=1e-12)


def covered(interval, n: int, p: float) -> float:
    """Exact coverage: the chance of all counts whose interval holds p."""
    bounds = np.array([interval(passed, n) for passed in range(n + 1)])
    holds = (bounds[:, 0] <= p) & (p <= bounds[:, 1])
    return float(binom.pmf(np.arange(n + 1), n, p)[holds].sum())


@pytest.mark.parametrize("n", [10, 50, 200])
@pytest.mark.parametrize("p", [0.5, 0.8, 0.9, 0.98])
def test_the_interval_that_is_shown_covers(n, p):
    exact = covered(clopper_pearson_interval, n, p)
    assert exact >= 0.95
    drawn = np.random.default_rng(1).binomial(n, p, size=20_000)
    bounds = np.array([clopper_pearson_interval(passed, n) for passed in range(n + 1)])[drawn]
    simulated = ((bounds[:, 0] <= p) & (p <= bounds[:, 1])).mean()
    assert simulated == pytest.approx(exact, abs=0.006)


def test_wilson_does_not_cover_everywhere():
    """The reason why it is not the interval that is shown."""
    assert covered(wilson_interval, 50, 0.98) == pytest.approx(0.9216, abs=5e-5)
    assert covered(wilson_interval, 10, 0.9) == pytest.approx(0.9298, abs=5e-5)
    assert covered(wilson_interval, 10, 0.983) < 0.85


@pytest.mark.parametrize(("passed", "n"), [(0, 0), (-1, 5), (6, 5)])
@pytest.mark.parametrize("interval", [wilson_interval, clopper_pearson_interval])
def test_what_is_no_proportion_is_refused(interval, passed, n):
    with pytest.raises(ValueError, match="no proportion"):
        interval(passed, n)


@pytest.mark.parametrize("interval", [wilson_interval, clopper_pearson_interval])
def test_a_level_in_percent_is_refused(interval):
    with pytest.raises(ValueError, match="level 95"):
        interval(1, 2, level=95)


def test_mean_interval_equals_normal_theory():
    values = np.random.default_rng(0).normal(3, 2, size=400)
    half = 1.96 * values.std() / 20
    expected = (values.mean() - half, values.mean() + half)
    assert mean_interval(values) == pytest.approx(expected, abs=0.03)
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1)
    assert mean_interval([0.25]) == (0.25, 0.25)


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_mean_interval_refuses(values):
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval(values)
