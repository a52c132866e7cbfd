from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import norm

from harness.stats import auc, auc_influence, paired_auc


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
    variance = brute_variance(first, second, positives)
    step = auc_influence(second, positives) - auc_influence(first, positives)
    assert step.sum() == pytest.approx(0, abs=1e-9)
    assert (step @ step) / 50**2 == pytest.approx(variance)
    half = 1.96 * np.sqrt(variance)
    assert (found.low, found.high) == pytest.approx(
        (found.value - half, found.value + half), abs=0.04
    )


@pytest.mark.parametrize("area", [0.95, 0.98])
@pytest.mark.parametrize(("n", "shared"), [(40, 0.5), (100, 0.5), (100, 0.9)])
def test_a_loss_as_great_as_the_margin_rarely_passes_close_to_1(area, n, shared):
    """DeLong's interval on the scale of the area had its lower end above it in 6% to 12%."""
    positives, rng, above = np.arange(n) % 2 == 0, np.random.default_rng(2), 0
    skills = [2**0.5 * norm.ppf(one) for one in (area, area - 0.02)]
    for _ in range(250):
        common = rng.normal(size=n) * shared**0.5
        sides = [common + rng.normal(size=n) * (1 - shared) ** 0.5 + skill * positives
                 for skill in skills]  # fmt: skip
        found = paired_auc(*sides, positives)
        above += found.low > -0.02
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
    assert above <= 12  # 6.25 expected; above 12 is p < 0.01


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


def test_auc_of_the_same_scores_differs_by_what_unseen_samples_may():
    scores, positives = np.arange(20.0), np.arange(20) % 2 == 0
    found = paired_auc(scores, scores, positives)
    share = 1 - 0.025 ** (1 / 10)
    assert (found.value, found.p) == (0, 1)
    assert (found.low, found.high) == pytest.approx((-share, share))
    assert paired_auc(scores, 2 * scores, positives) == found


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


def test_auc_refuses_a_class_of_one():
    with pytest.raises(ValueError, match="two samples of each class"):
        paired_auc([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [True, False, False])


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
