from __future__ import annotations

import numpy as np
import pytest

from harness.stats.costs import mean_cost

TARGETS = np.array([0, 1, 0, 0, 1, 0, 1, 0])


def test_costs_of_nothing_and_one_have_agresti_and_coulls_interval():
    costs = np.array([[0.0, 1.0]] * 300)
    targets = (np.arange(300) % 10 == 0).astype(np.intp)
    found = mean_cost(costs, targets)
    middle, half = 32 / 304, 1.968 * np.sqrt(32 / 304 * 272 / 304 / 304)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half), rel=5e-3)
    assert found.value == 0.1


def test_a_wrong_answer_that_was_not_seen_may_turn_a_difference_around():
    sure = np.array([[0.0025, 0.9025]] * 8)
    unsure = np.array([[0.09, 0.49]] * 8)
    found = mean_cost(sure - unsure, np.zeros(8, dtype=np.intp))
    assert found.value == pytest.approx(-0.0875)
    assert found.low < found.value < 0 < found.high
    assert found.p > 0.05


def test_samples_by_themselves_are_clusters_of_one_and_copies_tell_no_more():
    costs = np.random.default_rng(3).random((8, 2))
    plain = mean_cost(costs, TARGETS)
    assert mean_cost(costs, TARGETS, range(8)) == plain
    many = mean_cost(costs.repeat(5, axis=0), TARGETS.repeat(5), np.arange(8).repeat(5).tolist())
    assert (many.value, many.low, many.high, many.p) == pytest.approx(
        (plain.value, plain.low, plain.high, plain.p)
    )


def test_three_labels_share_what_is_added():
    costs = np.array([[0.0, 1.0, 0.5], [0.2, 0.8, 0.1]] * 4)
    found = mean_cost(costs, np.zeros(8, dtype=np.intp))
    middle = (8 * 0.1 + 2 * 0.1 + 2 * (1.0 + 0.5 + 0.8 + 0.1) / 4) / 12
    assert (found.low + found.high) / 2 == pytest.approx(middle)


def test_no_spread_is_nothing_known():
    assert mean_cost(np.zeros((8, 2)), TARGETS) is None
    assert mean_cost(np.array([[0.1, 0.2]]), TARGETS[:1]) is None
