"""The area under the ROC curve, its intervals and what its tests rest on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.stats.arrays import Bools, Floats
from harness.stats.resampling import blocks, percentiles, resampled_shares


def auc(scores: Sequence[float] | Floats, positives: Sequence[bool] | Bools) -> float:
    """Return the area under the ROC curve: P(positive above negative), ties counted as half.

    Args:
        scores: One number per sample, higher for the positive class; infinities may occur.
        positives: Whether each sample is of the positive class.

    Raises:
        ValueError: If a class is absent, a score is NaN or the lengths differ.

    Source: Mann and Whitney (1947), Ann. Math. Stat. 18:50.
    """
    from scipy.stats import rankdata

    values, mask = two_classes(scores, positives)
    positive, negative = int(mask.sum()), int((~mask).sum())
    rank_sum = float(rankdata(values)[mask].sum())
    return (rank_sum - positive * (positive + 1) / 2) / (positive * negative)


def auc_interval(
    scores: Sequence[float] | Floats,
    positives: Sequence[bool] | Bools,
    *,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile interval of the AUC from a bootstrap within each class.

    Where every resample gives the same area (full separation, equal scores), the bootstrap knows
    nothing of the spread, and a Wilson interval with the smaller class's size stands in for it.

    Args:
        scores: As for `auc`.
        positives: As for `auc`.
        seed: Seed of the resampling.
        resamples: Bootstrap resamples, at least 1.
        level: Confidence in (0, 1).

    Raises:
        ValueError: As `auc`.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, ch. 13.
    """
    values, mask = two_classes(scores, positives)
    positive, negative = int(mask.sum()), int((~mask).sum())
    places, inverse = np.unique(values, return_inverse=True)
    rng = np.random.default_rng(seed)
    areas: list[Floats] = []
    for block in blocks(resamples, len(places)):
        # Counts per distinct score say all that the area needs, so nothing is sorted again.
        above, below = (
            resampled_shares(inverse[side], block, len(places), rng) for side in (mask, ~mask)
        )
        areas.append((above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1))
    low, high = percentiles(np.concatenate(areas), level)
    if high - low < 1e-12:
        return interval_of_fixed_area(auc(values, mask), min(positive, negative), level=level)
    return max(0.0, low), min(1.0, high)


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


def placements(values: Floats, mask: Bools) -> tuple[Floats, Floats]:
    """Return per positive the share of negatives below it, per negative of positives above it.

    Ties count half; the mean of either array is the AUC.

    Args:
        values: Scores of shape [n], without NaN.
        mask: Whether each sample is of the positive class; both classes occur.

    Source: Sun and Xu (2014), IEEE Signal Process. Lett. 21:1389.
    """
    from scipy.stats import rankdata

    overall = rankdata(values)
    positive, negative = int(mask.sum()), int((~mask).sum())
    up = (overall[mask] - rankdata(values[mask])) / negative
    down = 1 - (overall[~mask] - rankdata(values[~mask])) / positive
    return up, down


def interval_of_fixed_area(area: float, n: int, *, level: float) -> tuple[float, float]:
    """Return Wilson's interval of an area that shows no spread, from n independent units."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(area * n, n, alpha=1 - level, method="wilson")
    return float(low), float(high)
