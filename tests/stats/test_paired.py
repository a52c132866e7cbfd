from __future__ import annotations

import numpy as np
import pytest

from harness.stats.paired import (
    Difference,
    paired_accuracy,
    paired_bootstrap,
    paired_clusters,
)


def table(both: int, first: int, second: int, none: int) -> Difference:
    a = [True] * (both + first) + [False] * (second + none)
    b = [True] * both + [False] * first + [True] * second + [False] * none
    return paired_accuracy(a, b)


def test_interval_equals_published():
    # Airway hyper-responsiveness: Fagerland, Lydersen and Laake (2014), Stat. Med. 33:2850.
    found = table(1, 1, 7, 12)
    assert (found.low, found.high) == pytest.approx((0.026, 0.507), abs=5e-4)
    assert found.value == pytest.approx(6 / 21)
    assert found.p == pytest.approx(0.0703, abs=1e-4)
    # Newcombe (1998), Stat. Med. 17:2635, method 10, cells 36, 12, 2, 0.
    found = table(36, 12, 2, 0)
    assert (found.low, found.high) == pytest.approx((-0.3404, -0.0569), abs=5e-5)
    assert (found.lost, found.won, found.n) == (12, 2, 50)


def test_sides_can_be_swapped():
    one, other = table(60, 25, 5, 10), table(60, 5, 25, 10)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p == other.p


@pytest.mark.parametrize("cells", [(20, 0, 0, 0), (0, 0, 0, 20), (0, 20, 0, 0), (10, 0, 0, 10)])
def test_extreme_tables_have_an_interval(cells):
    found = table(*cells)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high


def test_accuracy_interval_covers():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        own = rng.random(100)
        a, b = own < 0.6, np.where(rng.random(100) < 0.5, own, rng.random(100)) < 0.75
        found = paired_accuracy(a, b)
        hits += found.low <= 0.15 <= found.high
    assert hits >= 368


def test_accuracy_refuses_unpaired():
    with pytest.raises(ValueError, match="no pairs"):
        paired_accuracy([], [])
    with pytest.raises(ValueError, match="no pairs"):
        paired_accuracy([True], [True, False])


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bootstrap_equals_normal_theory_and_mcnemar(method):
    rng = np.random.default_rng(0)
    first, second = rng.random(400) < 0.6, rng.random(400) < 0.7
    found = paired_bootstrap(first, second, method=method)
    other = paired_accuracy(first, second)
    assert (found.value, found.lost, found.won) == (other.value, other.lost, other.won)
    assert (found.low, found.high) == pytest.approx((other.low, other.high), abs=0.008)
    assert found.p == pytest.approx(other.p, abs=0.02)
    assert found == paired_bootstrap(first, second, method=method)
    assert found != paired_bootstrap(first, second, method=method, seed=1)


def test_bca_leans_towards_the_long_tail():
    first = np.zeros(40)
    second = np.random.default_rng(0).exponential(size=40)
    plain, bca = (paired_bootstrap(first, second, method=m) for m in ("percentile", "bca"))
    assert plain.low < bca.low
    assert plain.high < bca.high


def test_clusters_equal_the_regression_of_statsmodels():
    from statsmodels.api import OLS

    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 7, size=90)
    first, second = rng.random(90) < 0.6, rng.random(90) < 0.5 + 0.05 * clusters
    step = second.astype(float) - first
    fit = OLS(step, np.ones(90)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "df_correction": True}, use_t=True
    )
    found = paired_clusters(first, second, clusters.tolist())
    assert (found.low, found.high) == pytest.approx(tuple(fit.conf_int()[0]))
    assert found.p == pytest.approx(fit.pvalues[0])
    assert (found.lost, found.won) == (int((step < 0).sum()), int((step > 0).sum()))
    assert found.value == pytest.approx(step.mean())


def test_clusters_allow_for_what_they_share():
    rng = np.random.default_rng(0)
    clusters = [str(i // 10) for i in range(200)]
    shared = rng.normal(size=20).repeat(10)
    first = rng.normal(size=200)
    second = first + shared + rng.normal(scale=0.3, size=200)
    alone, found = paired_bootstrap(first, second), paired_clusters(first, second, clusters)
    assert found.value == alone.value
    assert (alone.high - alone.low) < 0.5 * (found.high - found.low)
    assert alone.p < found.p


@pytest.mark.parametrize(("groups", "size"), [(3, 20), (5, 20), (10, 10), (20, 10)])
def test_few_clusters_have_intervals_that_hold_the_truth(groups, size):
    """Clusters differ in how much they lose; the percentile bootstrap held it in 83% to 91%."""
    rng, names = np.random.default_rng(groups), np.repeat(np.arange(groups), size).tolist()
    below = held = agree = 0
    for _ in range(400):
        loss = rng.normal(0.05, 0.1, size=groups).repeat(size)
        own = rng.random(groups * size)
        first, second = own < 0.6, own < 0.6 - loss
        found = paired_clusters(first, second, names)
        held += found.low <= -0.05 <= found.high
        below += found.low > -0.05
        agree += (found.p < 0.05) == (not found.low <= 0 <= found.high)
    assert held >= 366  # 91.5%, where 95% is expected
    assert below <= 20  # 10 expected; above 20 is p < 0.002
    assert agree >= 398  # where all clusters differ alike, they are two methods


def test_without_spread_no_interval_is_a_point():
    first, second = [True] * 20, [False] * 20
    found, other = paired_bootstrap(first, second), paired_accuracy(first, second)
    assert (found.low, found.high, found.value) == (other.low, other.high, -1.0)
    grouped = paired_clusters(first, second, ["a", "b"] * 10)
    two = paired_accuracy([True] * 2, [False] * 2)
    assert (grouped.low, grouped.high, grouped.p) == (two.low, two.high, 0.5)
    # 1 - 0.025 ** (1 / 9): what share of unseen pairs may differ otherwise.
    share = 1 - 0.025 ** (1 / 9)
    for same in (paired_bootstrap([0.5] * 9, [0.75] * 9),
                 paired_clusters([0.5] * 18, [0.75] * 18, [i % 9 for i in range(18)])):  # fmt: skip
        assert (same.low, same.high) == pytest.approx((0.25 - share, 0.25 + share))
    far = paired_bootstrap([0.0, 3.0] * 9, [0.0, 3.0] * 9)
    assert far.high == pytest.approx(3 * (1 - 0.025 ** (1 / 18)))


@pytest.mark.parametrize(
    ("first", "second", "clusters", "problem"),
    [
        ([], [], [], "no pairs"),
        ([1.0], [1.0, 2.0], ["a"], "no pairs"),
        ([1.0, np.inf], [1.0, 2.0], ["a", "b"], "not finite"),
        ([1.0, 3.0], [1.0, 2.0], ["a", "a"], "1 cluster"),
        ([1.0, 3.0], [1.0, 2.0], ["a"], "1 clusters for 2 samples"),
    ],
)
def test_what_is_no_pair(first, second, clusters, problem):
    with pytest.raises(ValueError, match=problem):
        paired_clusters(first, second, clusters)
    if "cluster" not in problem:
        with pytest.raises(ValueError, match=problem):
            paired_bootstrap(first, second)


@pytest.mark.parametrize("n", [30, 100])
def test_without_a_discordant_pair_the_interval_is_that_of_no_loss(n):
    found = table(n // 2, 0, 0, n - n // 2)
    assert (found.low, found.high) == pytest.approx((0.025 ** (1 / n) - 1, 1 - 0.025 ** (1 / n)))
    one = table(n // 2, 1, 0, n - n // 2 - 1)
    assert one.low < found.low
    assert one.low < one.value < one.high
