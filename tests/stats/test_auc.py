from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import norm

from harness.stats import auc, auc_influence, auc_interval, two_classes
from harness.stats.auc import midranks


def brute_auc(scores, positives):
    pairs = [
        (up > down) + 0.5 * (up == down)
        for up, down in product(
            [s for s, y in zip(scores, positives, strict=True) if y],
            [s for s, y in zip(scores, positives, strict=True) if not y],
        )
    ]
    return sum(pairs) / len(pairs)


@pytest.mark.parametrize("seed", range(5))
def test_auc_equals_pair_count(seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, size=40).astype(float)
    positives = rng.random(40) < 0.4
    assert auc(scores, positives) == pytest.approx(brute_auc(scores, positives))


def test_ranks_are_those_of_scipy():
    from scipy.stats import rankdata

    rng = np.random.default_rng(3)
    for values in (rng.normal(size=50), rng.integers(0, 9, 101).astype(float), np.zeros(4),
                   np.array([np.inf, -np.inf, 0.0, -0.0, np.inf])):  # fmt: skip
        assert (midranks(values) == rankdata(values)).all()


def test_auc_of_infinite_scores():
    assert auc([np.inf, np.inf, -np.inf, 0.0], [True, False, False, True]) == 0.625


@pytest.mark.parametrize(
    ("scores", "positives", "problem"),
    [
        ([1.0, 2.0], [True, True], "both classes"),
        ([1.0, 2.0], [False, False], "both classes"),
        ([], [], "both classes"),
        ([1.0, float("nan")], [True, False], "NaN"),
        ([1.0], [True, False], "1 scores for 2"),
    ],
)
def test_auc_refuses(scores, positives, problem):
    with pytest.raises(ValueError, match=problem):
        auc(scores, positives)
    with pytest.raises(ValueError, match=problem):
        two_classes(scores, positives)


def test_auc_interval_is_near_the_plain_bootstrap():
    rng = np.random.default_rng(3)
    positives = np.arange(60) % 2 == 0
    scores = np.round(rng.normal(size=60) + positives, 1)
    up, down = scores[positives], scores[~positives]
    areas = []
    for _ in range(2000):
        a, b = rng.choice(up, 30), rng.choice(down, 30)
        areas.append((a[:, None] > b).mean() + 0.5 * (a[:, None] == b).mean())
    found = auc_interval(scores, positives)
    assert found == pytest.approx(np.quantile(areas, [0.025, 0.975]), abs=0.04)


def test_auc_interval_is_symmetric_on_the_logit_scale():
    rng = np.random.default_rng(0)
    positives = rng.random(200) < 0.3
    scores = rng.normal(size=200) + 2 * positives
    low, high = auc_interval(scores, positives)
    area = auc(scores, positives)
    logits = [np.log(one / (1 - one)) for one in (low, area, high)]
    assert logits[1] == pytest.approx((logits[0] + logits[2]) / 2)
    influence = auc_influence(scores, positives)
    error = np.sqrt(influence @ influence) / 200 / (area * (1 - area))
    # Four more placements of each class, and Student's t, make it a little wider.
    assert 1 < (logits[2] - logits[1]) / (1.959964 * error) < 1.08
    low_90, high_90 = auc_interval(scores, positives, level=0.9)
    assert low < low_90 < high_90 < high


@pytest.mark.parametrize(("few", "many"), [(10, 100), (10, 1000), (20, 20)])
@pytest.mark.parametrize("area", [0.8, 0.95])
def test_auc_interval_of_few_samples_of_a_class_covers(few, many, area):
    rng = np.random.default_rng(few)
    positives = np.arange(few + many) < few
    shift = 2**0.5 * norm.ppf(area)
    above = below = 0
    for _ in range(200):
        low, high = auc_interval(rng.normal(size=few + many) + shift * positives, positives)
        above, below = above + (area < low), below + (area > high)
    assert above <= 10
    assert below <= 10


@pytest.mark.parametrize(("area", "n"), [(0.76, 80), (0.9, 30), (0.98, 100), (0.99, 100)])
def test_auc_interval_covers(area, n):
    """The bootstrap held 0.98 in 88% of draws of 100 and ended above it in 10%."""
    positives, rng, held, above = np.arange(n) % 2 == 0, np.random.default_rng(1), 0, 0
    skill = 2**0.5 * norm.ppf(area)
    for _ in range(400):
        low, high = auc_interval(rng.normal(size=n) + skill * positives, positives)
        held += low <= area <= high
        above += low > area
    assert held >= 368  # 92%
    assert above <= 20  # 10 expected; above 20 is p < 0.002


@pytest.mark.parametrize("n", [3, 20])
def test_auc_interval_of_full_separation_is_not_a_point(n):
    scores = [1.0] * n + [0.0] * n
    found = auc_interval(scores, [True] * n + [False] * n)
    assert found == pytest.approx((0.025 ** (1 / n), 1.0))


def test_auc_interval_of_a_class_of_one_tells_nothing():
    assert auc_interval([1.0, 2.0, 3.0], [True, False, False]) == (0.0, 1.0)
    with pytest.raises(ValueError, match="two samples of each class"):
        auc_influence([1.0, 2.0, 3.0], [True, False, False])


def test_auc_interval_of_equal_scores_is_wide():
    low, high = auc_interval([0.0] * 20, [True, False] * 10)
    assert low < 0.3
    assert high > 0.7
