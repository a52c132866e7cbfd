from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest

from harness.stats import auc, auc_interval, two_classes


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


def test_auc_interval_equals_plain_bootstrap():
    rng = np.random.default_rng(3)
    positives = np.arange(60) % 2 == 0
    scores = np.round(rng.normal(size=60) + positives, 1)
    up, down = scores[positives], scores[~positives]
    areas = []
    for _ in range(2000):
        a, b = rng.choice(up, 30), rng.choice(down, 30)
        areas.append((a[:, None] > b).mean() + 0.5 * (a[:, None] == b).mean())
    found = auc_interval(scores, positives)
    assert found == pytest.approx(np.quantile(areas, [0.025, 0.975]), abs=0.015)


def test_auc_interval_is_seeded_and_quick():
    rng = np.random.default_rng(0)
    positives = rng.random(2000) < 0.5
    scores = rng.normal(size=2000) + positives
    auc_interval(scores, positives)
    start = time.perf_counter()
    first = auc_interval(scores, positives, seed=5)
    assert time.perf_counter() - start < 3  # 0.35 s on two slow cores
    assert first == auc_interval(scores, positives, seed=5)
    assert first != auc_interval(scores, positives, seed=6)
    assert first[0] < auc(scores, positives) < first[1]


def test_auc_interval_covers():
    truth, hits = 0.7602, 0  # Phi(1 / sqrt(2)) of two normals one deviation apart
    for seed in range(200):
        rng = np.random.default_rng(seed)
        positives = np.arange(80) % 2 == 0
        low, high = auc_interval(rng.normal(size=80) + positives, positives, resamples=500)
        hits += low <= truth <= high
    assert hits >= 180


@pytest.mark.parametrize(("n", "low"), [(3, 0.43), (20, 0.83)])
def test_auc_interval_of_full_separation_is_not_a_point(n, low):
    scores = [1.0] * n + [0.0] * n
    found = auc_interval(scores, [True] * n + [False] * n)
    assert found == pytest.approx((low, 1.0), abs=0.011)


def test_auc_interval_of_equal_scores_is_wide():
    low, high = auc_interval([0.0] * 20, [True, False] * 10)
    assert low < 0.3
    assert high > 0.7


def test_blocks_do_not_change_the_count(monkeypatch):
    rng = np.random.default_rng(0)
    scores, positives = rng.normal(size=50), np.arange(50) % 2 == 0
    whole = auc_interval(scores, positives, resamples=1000)
    monkeypatch.setattr("harness.stats.resampling._BLOCK", 777)
    assert auc_interval(scores, positives, resamples=1000) == pytest.approx(whole, abs=0.03)
