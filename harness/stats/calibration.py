"""Label probabilities without the model's own preference for a label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.stats.arrays import Floats, Whole


def batch_calibrate(logprobs: Sequence[Sequence[float]] | Floats) -> Floats:
    """Return log-scores from which the batch's own bias towards a label is taken out.

    Probabilities are normalised over the labels, and each label's mean over the batch is divided
    out. No targets are used, but the whole unlabeled batch is: a sample's calibrated answer
    depends on the samples that it is evaluated with.

    Args:
        logprobs: Natural logarithms, shape [n, labels]; -inf may occur, but not in a whole row.

    Returns:
        Shape [n, labels]: log p(label | text) - log mean p(label | text).

    Raises:
        ValueError: If the array is not two-dimensional, has NaN, or a row without any mass.

    Source: Zhou et al. (2023), Batch Calibration, arXiv 2309.17249.
    """
    normal = _normalised(logprobs)
    return _without(normal, np.logaddexp.reduce(normal, axis=0) - np.log(len(normal)))


def contextual_calibrate(
    logprobs: Sequence[Sequence[float]] | Floats,
    content_free: Sequence[Sequence[float]] | Floats,
) -> Floats:
    """Return log-scores from which the bias on inputs without content is taken out.

    The same prompt is asked with texts that say nothing ("N/A", "[MASK]", an empty one). What
    it answers there is its bias: each label's mean probability over these inputs is divided out.
    Unlike batch calibration, a sample's answer does not depend on the other samples.

    Args:
        logprobs: Natural logarithms, shape [n, labels]; -inf may occur, but not in a whole row.
        content_free: The same for the inputs without content, shape [m, labels], m >= 1.

    Returns:
        Shape [n, labels]: log p(label | text) - log mean p(label | no content).

    Raises:
        ValueError: If an array is not two-dimensional, has NaN, or a row without any mass, or if
            the arrays differ in their labels.

    Source: Zhao et al. (2021), Calibrate Before Use, arXiv 2102.09690; diagonal W, b = 0.
    """
    normal, bare = _normalised(logprobs), _normalised(content_free)
    if normal.shape[1] != bare.shape[1]:
        raise ValueError(f"log-probabilities of {normal.shape[1]} and {bare.shape[1]} labels")
    return _without(normal, np.logaddexp.reduce(bare, axis=0) - np.log(len(bare)))


def calibration_influence(
    logprobs: Sequence[Sequence[float]] | Floats, targets: Sequence[int] | Whole
) -> Floats:
    """Return by how much each sample moves the calibrated accuracy through the batch's own prior.

    Batch calibration takes its threshold from the samples whose answers it then decides, so another
    draw of samples has another threshold, and all answers between the two change to one side. A
    sample moves the logarithm of a label's prior by (p - mean p) / mean p, over n, and the accuracy
    by that times its slope there: the accuracies at a prior h higher and h lower, over 2 h, where h
    is the normal reference bandwidth of the samples' distances from the label's border.

    Args:
        logprobs: As for `batch_calibrate`.
        targets: Place of each sample's target among the labels, [n].

    Returns:
        Shape [n], times n, their sum 0. The standard error of a calibrated accuracy is the root of
        the summed squares of (right or not - accuracy + influence) over n; that of a difference
        has the influences of both sides subtracted.

    Raises:
        ValueError: As `batch_calibrate`, or if the numbers of samples differ.

    Source: Hampel (1974), JASA 69:383, for influence functions; Silverman (1986), Density
    Estimation, ch. 3, for the bandwidth.
    """
    places = np.asarray(targets, dtype=np.intp)
    scores, normal = batch_calibrate(logprobs), _normalised(logprobs)
    if places.shape != scores.shape[:1]:
        raise ValueError(f"{len(scores)} samples, {len(places)} targets")
    probabilities = np.exp(normal)
    means = probabilities.mean(axis=0)
    found = np.zeros(len(scores))
    for label in np.flatnonzero(means > 0):
        slope = _slope(scores, places, int(label))
        found += slope * (probabilities[:, label] - means[label]) / means[label]
    return found


def _slope(scores: Floats, targets: Whole, label: int) -> float:
    """Return how the accuracy changes with the logarithm of a label's prior; 0 without a spread."""
    with np.errstate(invalid="ignore"):
        margins = scores[:, label] - np.delete(scores, label, axis=1).max(axis=1)
    finite = margins[np.isfinite(margins)]
    width = 1.06 * float(finite.std()) * len(scores) ** -0.2 if finite.size else 0.0
    if width == 0:
        return 0.0

    def accuracy(shift: float) -> float:
        moved = scores.copy()
        moved[:, label] -= shift
        return float((moved.argmax(axis=1) == targets).mean())

    return (accuracy(width) - accuracy(-width)) / (2 * width)


def _normalised(logprobs: Sequence[Sequence[float]] | Floats) -> Floats:
    """Return log-probabilities that sum up to 1 over the labels of each row."""
    array = np.asarray(logprobs, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"log-probabilities have shape {array.shape}, not [n, labels]")
    if np.isnan(array).any() or (array.max(axis=1) == -np.inf).any():
        raise ValueError("log-probabilities with NaN or a sample without any label mass")
    normal: Floats = array - np.logaddexp.reduce(array, axis=1, keepdims=True)
    return normal


def _without(normal: Floats, prior: Floats) -> Floats:
    # A label without any mass in the prior stays as it is instead of turning into -inf + inf.
    calibrated: Floats = normal - np.where(np.isneginf(prior), 0.0, prior)
    return calibrated
