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
    """Return by how much each sample moves the calibrated accuracy through the batch's prior.

    Batch calibration fits the labels' prior to the very samples that it is judged by. All answers
    near a threshold move together with it, so that they err together, which a test that takes the
    answers for independent does not know. A sample's influence is what it moves the logarithm of
    each label's mean probability by, times what that moves the accuracy by. The slope of the
    accuracy is a central difference over a bandwidth of Silverman's rule.

    Args:
        logprobs: As for `batch_calibrate`, shape [n, labels].
        targets: Index of each sample's right label, shape [n].

    Returns:
        Shape [n], in units of the accuracy times n: the mean of the squares of these and of what
        answers differ by, over n, is the variance of a difference.

    Raises:
        ValueError: As `batch_calibrate`, or if the lengths differ.

    Source: Hampel (1974), J. Am. Stat. Assoc. 69:383, for influences; Silverman (1986), Density
    Estimation, 3.4.2, for the bandwidth.
    """
    normal = _normalised(logprobs)
    right = np.asarray(targets, dtype=np.intp)
    if right.shape != (len(normal),):
        raise ValueError(f"{right.size} targets for {len(normal)} samples")
    shares = np.exp(normal)
    means = shares.mean(axis=0)
    scores = _without(normal, np.log(np.maximum(means, 1e-300)))
    total = np.zeros(len(normal))
    for label in range(normal.shape[1]):
        if means[label] <= 0:
            continue
        others = np.delete(scores, label, axis=1).max(axis=1)
        margin = scores[:, label] - others
        spread = float(margin[np.isfinite(margin)].std()) if np.isfinite(margin).any() else 0.0
        width = 1.06 * spread * len(normal) ** -0.2
        if width <= 0:
            continue
        moved = []
        for step in (width, -width):
            tried = scores.copy()
            tried[:, label] -= step
            moved.append(float((tried.argmax(axis=1) == right).mean()))
        slope = (moved[0] - moved[1]) / (2 * width)
        total += slope * (shares[:, label] - means[label]) / means[label]
    return total


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
