from __future__ import annotations

import itertools

import numpy as np
import pytest

from harness.stats.over_seeds import pooled_accuracy, pooled_auc
from harness.stats.paired import paired_accuracy
from harness.stats.paired_auc import paired_auc


def brute_force(step: np.ndarray) -> float:
    """All sign patterns: the share of those whose sum is at least as far from zero."""
    total = abs(step.sum())
    signs = itertools.product((1, -1), repeat=len(step))
    hits = [abs((np.array(one) * step).sum()) >= total - 1e-9 for one in signs]
    return sum(hits) / len(hits)


def test_p_is_that_of_all_sign_patterns():
    first = [[0, 1, 0, 0, 1, 0, 0, 1, 0, 0], [0, 0, 1, 0, 1, 0, 0, 1, 0, 0]]
    second = [[1, 1, 1, 1, 1, 0, 1, 0, 0, 1], [1, 1, 0, 1, 1, 0, 0, 0, 1, 1], [1] * 5 + [0] * 5]
    found = pooled_accuracy(first, second)
    step = np.mean(second, axis=0) - np.mean(first, axis=0)
    assert found.p == pytest.approx(brute_force(step))
    assert found.value == pytest.approx(step.mean())
    assert (found.first, found.n) == (pytest.approx(np.mean(first)), 10)
    assert (found.lost, found.won) == ((step < 0).sum(), (step > 0).sum())


def test_one_draw_each_is_mcnemar():
    rng = np.random.default_rng(0)
    first = rng.random(60) < 0.6
    second = np.where(rng.random(60) < 0.15, ~first, first)
    found, exact = pooled_accuracy([first], [second]), paired_accuracy(first, second)
    assert found.p == pytest.approx(exact.p)
    assert (found.lost, found.won, found.value) == (exact.lost, exact.won, exact.value)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.03)


def test_repeating_a_draw_adds_no_evidence():
    rng = np.random.default_rng(1)
    first, second = rng.random(80) < 0.5, rng.random(80) < 0.7
    once, often = pooled_accuracy([first], [second]), pooled_accuracy([first] * 9, [second] * 9)
    assert often.p == pytest.approx(once.p, abs=1e-9)
    assert (often.low, often.high) == pytest.approx((once.low, once.high))
    positives = np.arange(80) % 2 == 0
    odds = [rng.normal(positives * skill) for skill in (0.8, 1.5)]
    once, often = (pooled_auc([odds[0]] * n, [odds[1]] * n, positives) for n in (1, 9))
    assert (often.p, often.low) == (pytest.approx(once.p), pytest.approx(once.low))


def test_equal_sides():
    right = [[True, False, True, True], [False, False, True, True]]
    found = pooled_accuracy(right, right)
    assert (found.value, found.p, found.lost, found.won) == (0, 1, 0, 0)
    assert found.low < 0 < found.high


def test_samples_that_all_differ_alike_have_an_interval_with_a_width():
    three = pooled_accuracy([[False] * 3] * 2, [[True] * 3] * 2)
    assert (three.value, three.p, three.high) == (1, 0.25, 1)
    assert three.low == pytest.approx(0, abs=1e-3)
    six = pooled_accuracy([[False] * 6] * 2, [[True] * 6, [False] * 6])
    # Clopper and Pearson's of 0 of 6 is [0, 0.459], of 3 of 6 [0.118, 0.882].
    assert six.value == 0.5
    assert (six.low, six.high) == pytest.approx(
        (0.5 - (0.382**2 + 0.459**2) ** 0.5, 0.882), abs=1e-3
    )


def test_auc_of_one_draw_is_delong():
    rng = np.random.default_rng(2)
    positives = rng.random(50) < 0.5
    first, second = rng.normal(positives, 1), np.round(rng.normal(positives * 2, 1), 1)
    found, exact = pooled_auc([first], [second], positives), paired_auc(first, second, positives)
    assert vars_of(found) == pytest.approx(vars_of(exact))


def test_auc_without_spread():
    positives, perfect = [False, False, True, True], [1.0, 2.0, 3.0, 4.0]
    found = pooled_auc([perfect] * 2, [[1.0, 2.0, 3.0, 5.0]] * 2, positives)
    assert (found.value, found.p) == (0, 1)
    assert found.low == pytest.approx(-0.8419, abs=1e-4)
    same = pooled_auc([perfect] * 2, [perfect] * 2, positives)
    assert (same.low, same.high, same.p) == (found.low, found.high, 1)


def vars_of(difference) -> list[float]:
    return [getattr(difference, name) for name in ("first", "second", "low", "high", "p", "n")]


def test_auc_over_draws_is_the_mean():
    rng = np.random.default_rng(3)
    positives = np.arange(40) % 2 == 0
    draws = [rng.normal(positives, 1) for _ in range(3)]
    found = pooled_auc(draws, draws[:1], positives)
    each = [paired_auc(draw, draws[0], positives).first for draw in draws]
    assert found.first == pytest.approx(np.mean(each))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["accuracy", "auc"])
def test_false_alarms_and_coverage(kind):
    """Under equal skill 5% of tests may call; intervals hold the truth in 95%."""
    rng = np.random.default_rng(4)
    n, alarms, covered, trials = 100, 0, 0, 300
    positives = np.arange(n) % 2 == 0
    for _ in range(trials):
        own = rng.normal(0, 1, n)
        sides = [own + rng.normal(0, 1, (draws, n)) for draws in (3, 2)]
        if kind == "accuracy":
            found = pooled_accuracy(*(side > -0.5 for side in sides))
        else:
            found = pooled_auc(*(side + positives for side in sides), positives)
        alarms += found.p < 0.05
        covered += found.low <= 0 <= found.high
    assert alarms / trials < 0.085
    assert covered / trials > 0.915


def test_a_shown_difference():
    rng = np.random.default_rng(5)
    own = rng.normal(0, 1, 150)
    first, second = (own + rng.normal(0, 1, (3, 150)) > bar for bar in (0.0, -0.6))
    found = pooled_accuracy(first, second)
    assert found.p < 0.001
    assert 0 < found.low < found.value < found.high


@pytest.mark.parametrize(
    ("first", "second"), [([], []), ([[]], [[]]), ([[True]], [[True, False]]), ([True], [True])]
)
def test_what_is_no_pair(first, second):
    with pytest.raises(ValueError, match=r"no pairs|shape"):
        pooled_accuracy(first, second)


def test_what_is_no_auc():
    with pytest.raises(ValueError, match="no draws"):
        pooled_auc([], [[1.0, 2.0]], [True, False])
    with pytest.raises(ValueError, match="at least two samples"):
        pooled_auc([[1.0, 2.0]], [[1.0, 2.0]], [True, False])
