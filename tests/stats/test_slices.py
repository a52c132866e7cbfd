from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact

from harness.stats import holm, paired_accuracy
from harness.stats.slices import (
    ALPHA,
    _fisher,
    column_test,
    deviation_tests,
    flip_tests,
    mde_slice,
    widening,
)

SLICES = 30


def members_of(places):
    return places[:, None] == np.arange(places.max() + 1)


def test_fishers_test_is_scipys():
    rng = np.random.default_rng(0)
    right, places = rng.random(200) < 0.7, rng.integers(0, 4, 200)
    found = deviation_tests(right, members_of(places))
    for place, p in enumerate(found):
        own, rest = right[places == place], right[places != place]
        table = [[own.sum(), (~own).sum()], [rest.sum(), (~rest).sum()]]
        assert p == pytest.approx(fisher_exact(table).pvalue)


def test_a_slice_of_all_or_no_samples_does_not_deviate():
    right = np.array([True, False, True])
    members = np.array([[True, False]] * 3)
    assert deviation_tests(right, members) == [1.0, 1.0]


def test_a_columns_test_is_near_the_chi_square_of_large_tables():
    rng = np.random.default_rng(1)
    right, places = rng.random(3000) < 0.6, rng.integers(0, 3, 3000)
    table = [[(right & (places == k)).sum(), (~right & (places == k)).sum()] for k in range(3)]
    wanted = chi2_contingency(table, correction=False).pvalue
    assert column_test(right, places) == pytest.approx(wanted, abs=0.02)
    assert column_test(right, np.zeros(3000, dtype=np.intp)) == 1.0
    assert column_test(np.ones(3000, dtype=np.bool_), places) == 1.0


def test_signs_of_few_units_are_those_of_all_patterns():
    # Three units of one sign: of eight patterns, two are as far out.
    assert flip_tests(np.array([[1.0], [2.0], [1.0]]))[0] == pytest.approx(0.25, abs=0.02)


def test_few_clusters_are_not_taken_for_many_samples():
    right = np.array([False] * 40 + [True] * 360)
    places = np.array([0] * 40 + [1] * 360)
    clusters = [i // 40 for i in range(400)]
    assert deviation_tests(right, members_of(places))[0] < 1e-9
    assert deviation_tests(right, members_of(places), clusters)[0] > ALPHA
    assert column_test(right, places, clusters) > ALPHA


def test_widening_is_bonferronis():
    assert widening(1, 100) == 1.0
    assert widening(30, 10_000) == pytest.approx(3.1440 / 1.9604, abs=1e-3)
    assert widening(30, 3) > widening(30, 300)
    assert np.isfinite(widening(30, 1))


def planted(rng, n=2000):
    """Return two sides of n samples: 15 points lost in a slice of a tenth, none overall."""
    places = np.where(np.arange(n) < n // 10, 0, 1 + np.arange(n) % (SLICES - 1))
    first = rng.random(n) < 0.8
    lost = np.where(places == 0, 0.23, 0.06)
    won = np.where(places == 0, 0.17, 0.24 + 0.15 / 9 / 0.2)
    second = np.where(first, rng.random(n) >= lost, rng.random(n) < won)
    return places, first, second


def test_a_planted_loss_is_found_by_pairs():
    found = 0
    for seed in range(40):
        places, first, second = planted(np.random.default_rng(seed))
        ps = [paired_accuracy(first[places == k], second[places == k]).p for k in range(SLICES)]
        found += holm(ps)[0] < ALPHA
    assert found >= 32


def test_a_planted_loss_is_found_in_one_cell():
    found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        places = np.where(np.arange(2000) < 200, 0, 1 + np.arange(2000) % (SLICES - 1))
        right = rng.random(2000) < np.where(places == 0, 0.65, 0.8 + 0.15 / 9)
        found += holm(deviation_tests(right, members_of(places)))[0] < ALPHA
    assert found >= 16


def test_slices_that_do_not_differ_are_rarely_said_to():
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(1000 + seed)
        right, places = rng.random(600) < 0.8, rng.integers(0, SLICES, 600)
        tests = [*deviation_tests(right, members_of(places)),
                 column_test(right, places, resamples=499, seed=seed)]  # fmt: skip
        alarms += min(holm(tests)) < ALPHA
    # Binomial: 8 or more of 60 at a true rate of 5% come in less than 1 of 100 draws.
    assert alarms < 8


@pytest.mark.parametrize(
    ("size", "rest", "rate", "tests"),
    [(40, 160, 0.8, 3), (25, 1975, 0.9, 30), (200, 400, 0.6, 9), (60, 60, 0.75, 4)],
)
def test_the_planned_deviation_of_a_slice_is_found_in_80_percent(size, rest, rate, tests):
    alpha = ALPHA / tests
    far = mde_slice(size, rest, rate, alpha=alpha)
    rng = np.random.default_rng(2)
    own, others = rng.binomial(size, rate - far, 600), rng.binomial(rest, rate, 600)
    found = [_fisher(size, int(a), size + rest, int(a + b)) < alpha and a / size < b / rest
             for a, b in zip(own, others, strict=True)]  # fmt: skip
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)


def test_a_slice_that_is_too_small_shows_nothing():
    assert mde_slice(2, 100, 0.8, alpha=0.01) == np.inf
