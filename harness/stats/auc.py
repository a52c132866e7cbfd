"""The area under the ROC curve, its intervals and what its tests rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats.arrays import Bools, Floats
from harness.stats.intervals import fixed_mean_interval, student

NO_VARIANCE = 1e-24
"""Variances below it are rounding errors, as of clusters whose differences cancel out."""


def auc(scores: Sequence[float] | Floats, positives: Sequence[bool] | Bools) -> float:
    """Return the area under the ROC curve: P(positive above negative), ties counted as half.

    Args:
        scores: One number per sample, higher for the positive class; infinities may occur.
        positives: Whether each sample is of the positive class.

    Raises:
        ValueError: If a class is absent, a score is NaN or the lengths differ.

    Source: Mann and Whitney (1947), Ann. Math. Stat. 18:50.
    """
    values, mask = two_classes(scores, positives)
    positive, negative = int(mask.sum()), int((~mask).sum())
    rank_sum = float(midranks(values)[mask].sum())
    return (rank_sum - positive * (positive + 1) / 2) / (positive * negative)


def auc_interval(
    scores: Sequence[float] | Floats,
    positives: Sequence[bool] | Bools,
    *,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the interval of the AUC by DeLong's variance on the logit scale.

    Close to 1 the AUC is skewed, and an interval on its own scale, or from a bootstrap, ends too
    high too often. Few samples of one class say little of its spread: the variance is taken as if
    there were four more, see `steadied`, and Student's t has Welch's degrees of freedom. Where the
    area shows no spread (full separation, equal scores), Clopper and Pearson's interval with the
    size of the smaller class stands in for it. Of a class of one sample nothing is known of the
    spread, and the interval is [0, 1].

    Args:
        scores: As for `auc`.
        positives: As for `auc`.
        level: Confidence in (0, 1).

    Raises:
        ValueError: As `auc`.

    Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44:837; Pepe (2003), The
    Statistical Evaluation of Medical Tests, ch. 5, for the logit; Welch (1947), Biometrika 34:28.
    """
    up, down = placements(*two_classes(scores, positives))
    if min(up.size, down.size) < 2:
        return 0.0, 1.0
    return area_interval(float(up.mean()), area_spread(up, down), 1 - level)


def area_interval(area: float, spread: AreaSpread, alpha: float) -> tuple[float, float]:
    """Return the interval of an area on the logit scale; without variance, that of a share.

    What the steadied spread adds ends where Clopper and Pearson's interval of a share with as many
    samples as the smaller class has does, since no placements spread more than zeros and ones.

    Args:
        area: In [0, 1].
        spread: What is known of how far it may be off.
        alpha: One minus the confidence, in (0, 1).
    """
    least, most = fixed_mean_interval(area, spread.fewest, alpha=alpha)
    if spread.variance < NO_VARIANCE or not 0 < area < 1:
        return least, most
    middle, quantile = math.log(area / (1 - area)), student(alpha, spread.freedom)
    (low, high), (lower, higher) = (
        (_expit(middle - half), _expit(middle + half))
        for variance in (spread.variance, spread.steadied)
        for half in (quantile * math.sqrt(variance) / (area * (1 - area)),)
    )
    return min(low, max(lower, least)), max(high, min(higher, most))


def area_variance(up: Floats, down: Floats) -> float:
    """Return DeLong's variance of an area, or of a difference of areas.

    Args:
        up: Placement of each positive, two at least, or the difference of two.
        down: The same of each negative.
    """
    return float(np.var(up, ddof=1)) / up.size + float(np.var(down, ddof=1)) / down.size


@dataclass(frozen=True, slots=True)
class AreaSpread:
    """How far an area, or a difference of areas, may be off.

    Attributes:
        variance: As it was seen: DeLong's, or the cluster-robust one.
        steadied: The same for the interval of an area, see `steadied`.
        freedom: Degrees of freedom of Student's t.
        fewest: Samples or clusters of the class that has fewer.
    """

    variance: float
    steadied: float
    freedom: float
    fewest: int


def area_spread(up: Floats, down: Floats) -> AreaSpread:
    """Return the spread of an area of independent samples, with Welch's degrees of freedom.

    Args:
        up: Placement of each positive, two at least, or the difference of two.
        down: The same of each negative.

    Source: Welch (1947), Biometrika 34:28.
    """
    seen = [(float(np.var(side, ddof=1)), side.size) for side in (up, down)]
    return welch_spread(area_variance(up, down), seen, float(up.mean()))


def welch_spread(variance: float, seen: Sequence[tuple[float, int]], area: float) -> AreaSpread:
    """Return the spread of an area from that of the placements of its two classes.

    Args:
        variance: Of the area.
        seen: The variance of each class's placements, and their number, two at least.
        area: The area, or a difference of areas.
    """
    fewest = min(size for _, size in seen)
    if variance < NO_VARIANCE or not 0 < area < 1:
        return AreaSpread(variance, variance, fewest - 1, fewest)
    parts = [(steadied(spread, area, size) / size, size - 1) for spread, size in seen]
    more = sum(part for part, _ in parts)
    return AreaSpread(variance, more, more**2 / sum(p**2 / free for p, free in parts), fewest)


def steadied(spread: float, area: float, size: int) -> float:
    """Return the variance of a class's placements as if four more had been seen.

    Ten placements close to 1 rarely hold one of those far below that make up most of the variance.
    The four more have the greater of the two variances that exponential scores give at this area;
    they never make a spread smaller.

    Args:
        spread: The variance of the placements that were seen.
        area: Their mean, in [0, 1].
        size: How many were seen, two at least; of samples in clusters, the clusters.

    Source: Hanley and McNeil (1982), Radiology 143:29, for exponential scores; four more as in
    Agresti and Coull (1998), Am. Stat. 52:119.
    """
    expected = max(area / (2 - area), 2 * area * area / (1 + area)) - area * area
    return max(spread, ((size - 1) * spread + 4 * expected) / (size + 3))


def auc_influence(scores: Sequence[float] | Floats, positives: Sequence[bool] | Bools) -> Floats:
    """Return by how much each sample moves the AUC, [n], times n; their sum is 0.

    The sum of their squares over n squared is DeLong's variance; that of the difference of two
    sides' influences, the variance of the difference of their AUCs.

    Args:
        scores: As for `auc`.
        positives: As for `auc`; each class has two samples at least.

    Raises:
        ValueError: As `auc`, or if a class has one sample only.

    Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44:837.
    """
    values, mask = two_classes(scores, positives)
    up, down = placements(values, mask)
    if min(up.size, down.size) < 2:
        raise ValueError("the influence on an AUC needs two samples of each class")
    return area_influence(up, down, mask) * values.size


def area_influence(up: Floats, down: Floats, mask: Bools) -> Floats:
    """Return by how much each sample moves an area, or a difference of areas, [n]; they sum to 0.

    The sum of their squares is DeLong's variance, see `area_variance`.

    Args:
        up: Placement of each positive, two at least, or the difference of two.
        down: The same of each negative.
        mask: Whether each sample is a positive.
    """
    found = np.zeros(mask.size)
    for side, own in ((mask, up), (~mask, down)):
        found[side] = (own - own.mean()) / math.sqrt(own.size * (own.size - 1))
    return found


def mean_placements(draws: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Return the mean of several draws' placements, of the positives and of the negatives."""
    return np.mean([up for up, _ in draws], axis=0), np.mean([down for _, down in draws], axis=0)


def two_classes(
    scores: Sequence[float] | Floats, positives: Sequence[bool] | Bools
) -> tuple[Floats, Bools]:
    """Return scores and class mask as arrays of shape [n].

    Raises:
        ValueError: If a class is absent, a score is NaN or the lengths differ.
    """
    values, mask = np.asarray(scores, dtype=np.float64), np.asarray(positives, dtype=np.bool_)
    if values.shape != mask.shape or values.ndim != 1:
        raise ValueError(f"{values.size} scores for {mask.size} samples")
    if np.isnan(values).any():
        raise ValueError("a score is NaN")
    if not mask.any() or mask.all():
        raise ValueError("an AUC needs samples of both classes")
    return values, mask


def midranks(values: Floats) -> Floats:
    """Return the ranks of numbers from 1 on, equal ones with the mean of theirs.

    As scipy's `rankdata`, whose module takes a second of processor time to import.
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) * np.float64(0.5)
    found: Floats = ranks[places]
    return found


def placements(values: Floats, mask: Bools) -> tuple[Floats, Floats]:
    """Return per positive the share of negatives below it, per negative of positives above it.

    Ties count half; the mean of either array is the AUC.

    Args:
        values: Scores of shape [n], without NaN.
        mask: Whether each sample is of the positive class; both classes occur.

    Source: Sun and Xu (2014), IEEE Signal Process. Lett. 21:1389.
    """
    overall = midranks(values)
    positive, negative = int(mask.sum()), int((~mask).sum())
    up = (overall[mask] - midranks(values[mask])) / negative
    down = 1 - (overall[~mask] - midranks(values[~mask])) / positive
    return up, down


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0
