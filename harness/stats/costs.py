"""Means of what probabilities cost, such as Brier scores, and their paired differences."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats.arrays import Floats, Whole
from harness.stats.clusters import cluster_sums

# Samples, or clusters of them, that are added before the spread is told.
_MORE = 4.0


@dataclass(frozen=True, slots=True)
class MeanCost:
    """A mean with the ends of its interval, and p that it is 0."""

    value: float
    low: float
    high: float
    p: float


def mean_cost(
    costs: Floats,
    targets: Whole,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
) -> MeanCost | None:
    """Return the mean of what the samples' targets cost, as if four more samples were among them.

    Two of the four have the targets of these samples, two the other labels in their place. A few
    samples of a sure model show none of its wrong answers, which cost far more than what was seen,
    and may well turn a difference of two models around. Of costs that are 0 and 1 it is Agresti and
    Coull's interval with Student's t. Where samples share clusters, four more clusters are added,
    and the variance is CR1. The interval always holds the mean of the samples themselves.

    Args:
        costs: What a sample would cost if its target were each label, or the difference of what it
            costs two sides, [n, labels], two labels at least.
        targets: Place of each sample's target, [n].
        clusters: The cluster of each sample; by default each is its own.
        level: Confidence in (0, 1).

    Returns:
        None where there is one sample or cluster only, or all costs are equal: nothing is known of
        their spread.

    Source: Agresti and Coull (1998), Am. Stat. 52:119; Agresti and Caffo (2000), Am. Stat. 54:280,
    for differences; Cameron and Miller (2015), J. Hum. Resour. 50:317, for clusters.
    """
    from scipy.special import stdtr, stdtrit

    n, labels = costs.shape
    own = costs[np.arange(n), targets]
    weights = np.full((n, labels), 0.5 / (labels - 1) / n)
    weights[np.arange(n), targets] = 0.5 / n
    sums, sizes, _ = cluster_sums(own, clusters)
    units = len(sums)
    if units < 2:
        return None
    each = n / units
    total = n + _MORE * each
    middle = float(own.sum() + _MORE * each * (weights * costs).sum()) / total
    off = sums - sizes * middle
    more = _MORE * each**2 * float((weights * (costs - middle) ** 2).sum())
    error = math.sqrt(units / (units - 1) * float(off @ off) + more) / total
    if error <= 1e-12:
        return None
    value = float(own.mean())
    half = float(stdtrit(units - 1, (1 + level) / 2)) * error
    p = float(2 * stdtr(units - 1, -abs(middle) / error)) if value * middle > 0 else 1.0
    return MeanCost(value, min(value, middle - half), max(value, middle + half), p)
