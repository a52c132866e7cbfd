from __future__ import annotations

import numpy as np
import pytest

from harness.stats import batch_calibrate, contextual_calibrate
from harness.stats.calibration import calibration_influence


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


def batch(n, share, rng, offset):
    """Answers of a model whose mean probability is one half, though the labels are not even."""
    positive = rng.random(n) < share
    odds = rng.normal(0.0, 1.5, n) + 1.2 * (2 * positive - 1) + offset
    return np.stack([-np.logaddexp(0, -odds), -np.logaddexp(0, odds)], axis=1), 1 - positive


def test_a_threshold_that_the_batch_moves_is_no_effect_of_calibration():
    # With this offset the mean probability of 80% positives is 0.5: calibration moves the
    # threshold by chance alone, and takes all answers near it along.
    rng = np.random.default_rng(0)
    without, carried = 0, 0
    for _ in range(200):
        logprobs, targets = batch(2000, 0.8, rng, -0.7668)
        raw, answers = logprobs.argmax(1), batch_calibrate(logprobs).argmax(1)
        step = (answers == targets) * 1.0 - (raw == targets)
        moved = step + calibration_influence(logprobs, targets)
        without += abs(step.sum()) > 1.96 * np.sqrt((step**2).sum())
        carried += abs(step.sum()) > 1.96 * np.sqrt((moved**2).sum())
    assert without / 200 > 0.3
    assert carried / 200 <= 0.08


@pytest.mark.parametrize("labels", [2, 3])
def test_its_squares_are_the_spread_of_the_accuracy_over_batches(labels):
    # The accuracy's own spread over 400 batches, to what answers and influences say of one.
    rng = np.random.default_rng(1)
    accuracies, said = [], []
    for _ in range(400):
        targets = rng.choice(labels, 600, p=[0.7, *[0.3 / (labels - 1)] * (labels - 1)])
        scores = rng.normal(size=(600, labels)) + 1.5 * np.eye(labels)[targets]
        right = batch_calibrate(scores).argmax(1) == targets
        moved = right - right.mean() + calibration_influence(scores, targets)
        accuracies.append(right.mean())
        said.append((moved**2).sum() / 600**2)
    assert np.mean(said) == pytest.approx(np.var(accuracies, ddof=1), rel=0.2)


def test_targets_of_another_number_are_refused():
    with pytest.raises(ValueError, match="3 targets for 2 samples"):
        calibration_influence(np.zeros((2, 2)), [0, 1, 0])


def test_a_label_without_any_mass_moves_nothing():
    table = np.array([[0.0, -1.0, -np.inf], [-1.0, 0.0, -np.inf]])
    assert np.isfinite(calibration_influence(table, [0, 1])).all()
