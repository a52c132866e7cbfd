from __future__ import annotations

import numpy as np
import pytest

from harness.stats import (
    batch_calibrate,
    calibration_influence,
    contextual_calibrate,
    paired_accuracy,
)


def test_batch_calibrate_by_hand():
    probabilities = np.array([[0.8, 0.2], [0.6, 0.4], [0.7, 0.3]])
    # Half of the mass is elsewhere: the labels are normalised first.
    found = batch_calibrate(np.log(0.5 * probabilities))
    assert found == pytest.approx(np.log(probabilities / [0.7, 0.3]))
    assert found.argmax(axis=1).tolist() == [0, 1, 0]


def test_batch_calibrate_takes_a_constant_bias_out():
    rng = np.random.default_rng(0)
    truth = np.arange(400) % 2
    odds = np.where(truth == 0, 0.2, -0.2) + rng.normal(0, 0.1, 400)
    raw = np.stack([-np.logaddexp(0, -(odds - 3)), -np.logaddexp(0, odds - 3)], axis=1)
    assert (raw.argmax(axis=1) == truth).mean() == 0.5
    assert (batch_calibrate(raw).argmax(axis=1) == truth).mean() > 0.95


def test_batch_calibrate_keeps_a_label_without_mass_out():
    found = batch_calibrate([[-1.0, -2.0, -np.inf], [-2.0, -1.0, -np.inf]])
    assert np.isneginf(found[:, 2]).all()
    assert found[:, :2].argmax(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize(
    "logprobs", [[], [0.0, 1.0], [[np.nan, 0.0]], [[-np.inf, -np.inf]], np.zeros((0, 2))]
)
def test_batch_calibrate_refuses(logprobs):
    with pytest.raises(ValueError, match="log-probabilities"):
        batch_calibrate(logprobs)


def test_contextual_calibrate_by_hand():
    probabilities = np.array([[0.8, 0.2], [0.6, 0.4], [0.7, 0.3]])
    bare = np.array([[0.7, 0.3], [0.5, 0.5]])
    # Both lose some of their mass to other words: labels are normalised first.
    found = contextual_calibrate(np.log(0.5 * probabilities), np.log(0.1 * bare))
    assert found == pytest.approx(np.log(probabilities / [0.6, 0.4]))
    assert found.argmax(axis=1)[[0, 2]].tolist() == [0, 0]


def test_contextual_calibrate_needs_no_batch():
    logprobs = np.log([[0.7, 0.3], [0.9, 0.1], [0.2, 0.8]])
    bare = np.log([[0.75, 0.25]])
    together = contextual_calibrate(logprobs, bare)
    alone = [contextual_calibrate(row[None], bare)[0] for row in logprobs]
    assert together == pytest.approx(np.array(alone))
    assert together.argmax(axis=1).tolist() == [1, 0, 1]
    # Batch calibration's prior is the batch itself.
    assert batch_calibrate(logprobs) == pytest.approx(
        contextual_calibrate(logprobs, np.log([[0.6, 0.4]]))
    )


@pytest.mark.parametrize(
    ("bare", "problem"),
    [
        ([], "have shape"),
        ([[-1.0, -2.0, -3.0]], "of 2 and 3 labels"),
        ([[np.nan, 0.0]], "NaN"),
        ([[-np.inf, -np.inf]], "without any label mass"),
    ],
)
def test_contextual_calibrate_refuses(bare, problem):
    with pytest.raises(ValueError, match=problem):
        contextual_calibrate([[-1.0, -2.0]], bare)


def two_labels(odds):
    return np.column_stack([-np.logaddexp(0, -odds), -np.logaddexp(0, odds)])


def test_influence_on_the_threshold_equals_the_formula_of_two_labels():
    rng = np.random.default_rng(0)
    positives = rng.random(300) < 0.7
    odds = rng.normal(size=300) + 2 * positives - 0.5
    p = 1 / (1 + np.exp(-odds))
    border = np.log(p.mean() / (1 - p.mean()))
    h = 1.06 * odds.std() * 300**-0.2
    slope = (((odds > border + h) == positives).mean()
             - ((odds > border - h) == positives).mean()) / (2 * h)  # fmt: skip
    expected = slope * (p - p.mean()) / (p.mean() * (1 - p.mean()))
    found = calibration_influence(two_labels(odds), (~positives).astype(int))
    assert found == pytest.approx(expected)
    assert found.sum() == pytest.approx(0, abs=1e-9)


def test_influence_tells_the_spread_of_an_accuracy_after_calibration_of_three_labels():
    rng, shares, told, seen = np.random.default_rng(1), [0.7, 0.2, 0.1], [], []
    for _ in range(300):
        targets = rng.choice(3, 400, p=shares)
        logprobs = rng.normal(size=(400, 3)) + 1.5 * np.eye(3)[targets]
        right = batch_calibrate(logprobs).argmax(axis=1) == targets
        psi = right - right.mean() + calibration_influence(logprobs, targets)
        told.append(np.sqrt(psi @ psi) / 400)
        seen.append(right.mean())
    assert np.mean(told) == pytest.approx(np.std(seen), rel=0.12)


def test_influence_without_a_spread_is_none():
    same = calibration_influence(two_labels(np.zeros(6)), [0, 1] * 3)
    assert (same == 0).all()
    far = calibration_influence([[0.0, -np.inf], [-np.inf, 0.0]], [0, 1])
    assert np.isfinite(far).all()
    with pytest.raises(ValueError, match="2 samples, 3 targets"):
        calibration_influence([[0.0, -1.0], [-1.0, 0.0]], [0, 1, 1])


@pytest.mark.parametrize(("share", "n"), [(0.65, 2000), (0.8, 300), (0.8, 2000)])
def test_calibration_that_changes_nothing_on_average_is_rarely_said_to(share, n):
    """The mean probability is one half, so that raw and calibrated answers agree in the limit."""
    shift = {0.65: -0.759, 0.8: -1.3845}[share]
    rng, alarms, naive = np.random.default_rng(2), 0, 0
    for _ in range(200):
        positives = rng.random(n) < share
        odds = 1.5 * rng.normal(size=n) + 2 * np.where(positives, 1, -1) + shift
        logprobs, targets = two_labels(odds), (~positives).astype(int)
        raw = (odds > 0) == positives
        right = batch_calibrate(logprobs).argmax(axis=1) == targets
        influence = calibration_influence(logprobs, targets)
        alarms += paired_accuracy(raw, right, influence=influence).p < 0.05
        naive += paired_accuracy(raw, right).p < 0.05
    assert alarms <= 19  # 10 expected; above 19 is p < 0.003
    assert naive > 25
