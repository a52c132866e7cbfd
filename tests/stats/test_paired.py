from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from harness.stats import auc
from harness.stats.paired import Difference, paired_accuracy, paired_auc, paired_bootstrap


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


def brute_variance(first, second, positives):
    """DeLong's variance of the difference from all pairs of samples."""
    up, down = np.flatnonzero(positives), np.flatnonzero(~positives)
    steps = np.zeros((len(up), len(down)))
    for i, j in product(range(len(up)), range(len(down))):
        for scores, sign in ((first, -1), (second, 1)):
            a, b = scores[up[i]], scores[down[j]]
            steps[i, j] += sign * ((a > b) + 0.5 * (a == b))
    by_up, by_down = steps.mean(axis=1), steps.mean(axis=0)
    return by_up.var(ddof=1) / len(up) + by_down.var(ddof=1) / len(down)


@pytest.mark.parametrize("seed", range(3))
def test_auc_difference_equals_brute_force(seed):
    rng = np.random.default_rng(seed)
    positives = rng.random(50) < 0.4
    first = np.round(rng.normal(size=50) + positives, 1)
    second = np.round(first + rng.normal(size=50), 1)
    found = paired_auc(first, second, positives)
    assert found.first == pytest.approx(auc(first, positives))
    assert found.second == pytest.approx(auc(second, positives))
    half = 1.96 * np.sqrt(brute_variance(first, second, positives))
    assert (found.low, found.high) == pytest.approx(
        (found.value - half, found.value + half), abs=1e-4
    )


def test_auc_test_keeps_its_level_and_finds_a_difference():
    positives = np.arange(200) % 2 == 0
    rng = np.random.default_rng(0)
    false_alarms = finds = 0
    for _ in range(300):
        own = rng.normal(size=200) + positives
        same = [own + rng.normal(0, 0.7, 200) for _ in range(2)]
        false_alarms += paired_auc(*same, positives).p < 0.05
        finds += paired_auc(own, rng.normal(size=200), positives).p < 0.05
    assert false_alarms <= 27
    assert finds >= 295


def test_auc_of_the_same_scores_differs_by_nothing():
    found = paired_auc([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], [False, True, False, True])
    assert (found.value, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


FOUR = [False, False, True, True]


@pytest.mark.parametrize("clusters", [None, ["a", "b", "c", "d"]])
def test_auc_of_few_separated_samples_tells_little(clusters):
    found = paired_auc([1.0, 2, 3, 4], [1.0, 2, 3, 5], FOUR, clusters=clusters)
    # Clopper and Pearson's of 2 of 2 is [0.158, 1].
    assert (found.value, found.p) == (0, 1)
    assert (found.low, found.high) == pytest.approx((-0.8419, 0.8419), abs=1e-4)
    found = paired_auc([4.0, 3, 2, 1], [1.0, 2, 3, 4], FOUR, clusters=clusters)
    assert (found.low, found.high) == pytest.approx((1 - 2**0.5 * 0.8419, 1), abs=1e-4)
    # 0 lies at the end where the lower bound of 2 of 2 is 1 - 0.5 ** 0.5.
    assert found.p == pytest.approx(2 * (1 - 0.5**0.5) ** 2)
    back = paired_auc([1.0, 2, 3, 4], [4.0, 3, 2, 1], FOUR, clusters=clusters)
    assert (back.low, back.high, back.p) == (-found.high, -found.low, found.p)


@pytest.mark.parametrize("clusters", [None, list("abcdefghij")])
def test_auc_without_spread_goes_by_the_smaller_class(clusters):
    for mask in ([False] * 8 + [True] * 2, [True] * 8 + [False] * 2):
        order = np.where(mask, 20.0, 0) + np.arange(10)
        found = paired_auc(order, 2 * order, mask, clusters=clusters)
        assert (found.low, found.high) == pytest.approx((-0.8419, 0.8419), abs=1e-4)


def test_auc_of_sides_that_rank_nothing_is_as_wide_as_of_any_two():
    found = paired_auc(np.zeros(4), np.ones(4), FOUR)
    # Clopper and Pearson's of 1 of 2 is [0.0126, 0.9874].
    assert (found.value, found.p) == (0, 1)
    assert (found.low, found.high) == pytest.approx((-0.6893, 0.6893), abs=1e-3)


@pytest.mark.parametrize("n", [6, 20, 2000])
def test_auc_of_reversed_order_is_different_with_enough_samples(n):
    positives = np.arange(n) % 2 == 0
    found = paired_auc(-1.0 * positives, 1.0 * positives, positives)
    assert found.p == pytest.approx(2 * (1 - 0.5**0.5) ** (n // 2), rel=1e-6, abs=1e-300)
    assert found.low < 1 == found.high
    assert (found.low > 0) == (found.p < 0.05)


def test_auc_of_equal_scores_against_perfect_order():
    positives = np.arange(20) < 10
    found = paired_auc(np.zeros(20), np.arange(20.0)[::-1], positives)
    assert (found.first, found.second) == (0.5, 1)
    assert 0 < found.low < 0.1 < 0.7 < found.high < 1
    assert 0.001 < found.p < 0.05


def test_auc_of_one_order_with_other_scores_has_a_narrow_interval():
    positives = np.arange(300) % 2 == 0
    first = np.random.default_rng(0).normal(size=300) + positives
    found = paired_auc(first, first * 2, positives)
    assert (found.value, found.p) == (0, 1)
    assert -0.02 < found.low < -0.005 < 0.005 < found.high < 0.02
    few = paired_auc([1.0, 3, 2, 4], [1.0, 3, 2, 5], FOUR)
    assert (few.low, few.high) == pytest.approx((-0.604, 0.604), abs=1e-3)


def test_auc_refuses_a_class_of_one():
    with pytest.raises(ValueError, match="two samples of each class"):
        paired_auc([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [True, False, False])


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


def test_bootstrap_of_clusters_allows_for_what_they_share():
    rng = np.random.default_rng(0)
    clusters = [str(i // 10) for i in range(200)]
    shared = rng.normal(size=20).repeat(10)
    first = rng.normal(size=200)
    second = first + shared + rng.normal(scale=0.3, size=200)
    alone, found = paired_bootstrap(first, second), paired_bootstrap(
        first, second, clusters=clusters
    )  # fmt: skip
    assert found.value == alone.value
    half = 1.96 * shared[::10].std() / 20**0.5
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.15)
    assert (alone.high - alone.low) < 0.5 * (found.high - found.low)
    assert alone.p < found.p


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_bootstrap_covers_clusters_and_raises_few_false_alarms(method):
    hits = alarms = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        clusters = np.arange(120) // 4
        first, second = (rng.normal(size=120) + rng.normal(size=30)[clusters] for _ in range(2))
        found = paired_bootstrap(first, second, clusters=clusters, method=method, resamples=500)
        hits += found.low <= 0 <= found.high
        alarms += found.p <= 0.05
    assert hits >= 135
    assert alarms <= 12


def test_bootstrap_without_spread_is_newcombes():
    first, second = [True] * 20, [False] * 20
    found, other = paired_bootstrap(first, second), paired_accuracy(first, second)
    assert (found.low, found.high, found.value) == (other.low, other.high, -1.0)
    grouped = paired_bootstrap(first, second, clusters=["a", "b"] * 10)
    two = paired_accuracy([True] * 2, [False] * 2)
    assert (grouped.low, grouped.high, grouped.p) == (two.low, two.high, 0.5)
    point = paired_bootstrap([0.5] * 9, [0.75] * 9)
    assert (point.low, point.high, point.won) == (0.25, 0.25, 9)


@pytest.mark.parametrize(
    ("first", "second", "clusters", "problem"),
    [
        ([], [], None, "no pairs"),
        ([1.0], [1.0, 2.0], None, "no pairs"),
        ([1.0, np.inf], [1.0, 2.0], None, "not finite"),
        ([1.0, 3.0], [1.0, 2.0], ["a", "a"], "1 cluster"),
        ([1.0, 3.0], [1.0, 2.0], ["a"], "1 clusters for 2 samples"),
    ],
)
def test_bootstrap_refuses(first, second, clusters, problem):
    with pytest.raises(ValueError, match=problem):
        paired_bootstrap(first, second, clusters=clusters)


def test_areas_of_single_samples_in_clusters_are_delongs():
    rng = np.random.default_rng(3)
    positives = np.arange(200) % 2 == 0
    first, second = (rng.normal(size=200) + positives * skill for skill in (0.5, 1.0))
    plain = paired_auc(first, second, positives)
    found = paired_auc(first, second, positives, clusters=[str(i) for i in range(200)])
    assert (found.first, found.second) == (plain.first, plain.second)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.002)
    assert found.p == pytest.approx(plain.p, abs=0.002)


def test_areas_of_equal_models_on_clusters_are_rarely_called_different():
    """Forty clusters of five; what a side adds to the common score is shared by the cluster."""
    which = np.repeat(np.arange(40), 5)
    positives = which % 2 == 0
    names = [str(one) for one in which]
    alarms = plain = inside = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        common = rng.normal(size=200) + positives
        first, second = (common + rng.normal(size=40)[which] for _ in range(2))
        found = paired_auc(first, second, positives, clusters=names)
        alarms += found.p < 0.05
        inside += found.low <= 0 <= found.high
        plain += paired_auc(first, second, positives).p < 0.05
    assert alarms <= 27  # 15 expected; above 27 is p < 0.002
    assert inside == 300 - alarms
    assert plain > 60


def test_areas_need_two_clusters_of_each_class():
    with pytest.raises(ValueError, match="two clusters of each class"):
        paired_auc([3.0, 1, 2, 0], [1.0, 2, 0, 3], [True, True, False, False],
                   clusters=["a", "a", "b", "c"])  # fmt: skip
