"""Two AUCs on the same samples: difference, interval and test."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from harness.stats.arrays import Bools, Floats
from harness.stats.auc import (
    NO_VARIANCE,
    AreaSpread,
    area_interval,
    area_spread,
    placements,
    two_classes,
)
from harness.stats.clusters import cluster_area_spread
from harness.stats.intervals import equal_steps_interval, square_and_add
from harness.stats.paired import Difference


def paired_auc(
    first: Sequence[float] | Floats,
    second: Sequence[float] | Floats,
    positives: Sequence[bool] | Bools,
    *,
    clusters: Sequence[str] | None = None,
) -> Difference:
    """Compare two AUCs on the same samples.

    Args:
        first: Scores of the first side, as for `auc`.
        second: Scores of the second side, in the same order.
        positives: Whether each sample is of the positive class.
        clusters: The cluster of each sample; by default each is its own.

    Raises:
        ValueError: As `auc`, or as `area_difference`.

    Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44:837; placements from ranks by
    Sun and Xu (2014), IEEE Signal Process. Lett. 21:1389.
    """
    a, mask = two_classes(first, positives)
    b, _ = two_classes(second, positives)
    return area_difference(placements(a, mask), placements(b, mask), mask, clusters)


def area_difference(
    first: tuple[Floats, Floats],
    second: tuple[Floats, Floats],
    mask: Bools,
    clusters: Sequence[str] | None = None,
) -> Difference:
    """Compare two AUCs by the placements of their positives and negatives.

    Each area has its interval on the logit scale (see `auc_interval`), and the two are put together
    with the correlation that DeLong's covariance gives them: close to 1, where one side can fall
    farther than it can rise, the difference is skewed, and an interval that is not passes too much.
    p is the least level at which the interval leaves out 0, so that the two never contradict each
    other.

    Sides that place every sample alike have the interval of `equal_steps_interval` with the size of
    the smaller class (or its clusters), and p is 1. A side without variance, as one that separates
    the classes, has Clopper and Pearson's with that size, and counts as independent of the other.

    Args:
        first: Placements of the first side, see `harness.stats.auc.placements`.
        second: Those of the second side.
        mask: Whether each sample is of the positive class.
        clusters: The cluster of each sample; by default each is its own.

    Raises:
        ValueError: If a class has fewer than two samples, or stands in fewer than two clusters.

    Source: as `paired_auc`; Obuchowski (1997), Biometrics 53:567, where there are clusters; Zou
    and Donner (2008), Stat. Med. 27:1693, for an interval made of two; Newcombe (1998), Stat. Med.
    17:2635, for the same of proportions.
    """
    (up_a, down_a), (up_b, down_b) = first, second
    if min(up_a.size, down_a.size) < 2:
        raise ValueError("AUCs can be compared with at least two samples of each class")
    areas = float(up_a.mean()), float(up_b.mean())
    n = int(mask.size)
    one, other = _spread(up_a, down_a, mask, clusters), _spread(up_b, down_b, mask, clusters)
    step = _spread(up_b - up_a, down_b - down_a, mask, clusters).variance
    fewest = one.fewest
    # Means over draws that are equal differ by rounding errors.
    if max(np.abs(up_b - up_a).max(), np.abs(down_b - down_a).max()) < 1e-12:
        low, high = equal_steps_interval(areas[1] - areas[0], fewest, 1.0)
        return Difference(*areas, max(-1.0, low), min(1.0, high), 1.0, 0, 0, n)
    p_seen, q_seen = one.variance, other.variance
    spread = min(p_seen, q_seen) >= NO_VARIANCE
    correlation = (p_seen + q_seen - step) / (2 * math.sqrt(p_seen * q_seen)) if spread else 0.0
    correlation = min(1.0, max(-1.0, correlation))

    def bounds(alpha: float) -> tuple[float, float]:
        (low_p, high_p), (low_q, high_q) = (
            area_interval(area, side, alpha) for area, side in zip(areas, (one, other), strict=True)
        )
        p, q = areas
        below = square_and_add(q - low_q, high_p - p, correlation)
        above = square_and_add(high_q - q, p - low_p, correlation)
        return max(-1.0, q - p - below), min(1.0, q - p + above)

    return Difference(*areas, *bounds(0.05), _least_level(areas[1] - areas[0], bounds), 0, 0, n)


def _spread(up: Floats, down: Floats, mask: Bools, clusters: Sequence[str] | None) -> AreaSpread:
    if clusters is None:
        return area_spread(up, down)
    found = cluster_area_spread(up, down, mask, clusters)
    if found is None:
        raise ValueError("AUCs can be compared with at least two clusters of each class")
    return found


def _least_level(value: float, bounds: Callable[[float], tuple[float, float]]) -> float:
    """Return the least alpha at which an interval leaves out 0; 1 where none does."""
    from scipy.optimize import brentq

    def distance(log_alpha: float) -> float:
        low, high = bounds(math.exp(log_alpha))
        return low if value > 0 else -high

    least = math.log(1e-300)
    if value == 0 or distance(-1e-9) <= 0:
        return 1.0
    return 0.0 if distance(least) > 0 else math.exp(brentq(distance, least, -1e-9))
