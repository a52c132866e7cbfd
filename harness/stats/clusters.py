"""Intervals where samples share a cluster, such as several questions about one text."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from harness.records import Figure
from harness.stats.arrays import Bools, Floats, Whole
from harness.stats.auc import (
    NO_VARIANCE,
    AreaSpread,
    area_interval,
    placements,
    steadied,
    two_classes,
)
from harness.stats.intervals import beta_interval


def cluster_interval(
    values: Sequence[float] | Floats, clusters: Sequence[Hashable], *, level: float = 0.95
) -> tuple[float, float]:
    """Return the cluster-robust interval of a mean; of equal values, that value twice.

    The variance is CR1 (residuals summed up within each cluster, times G / (G - 1)), the quantile
    is of Student's t with G - 1 degrees of freedom, G the number of clusters.

    Args:
        values: One for each sample, finite.
        clusters: The cluster of each sample, at least two different ones.
        level: Confidence in (0, 1).

    Raises:
        ValueError: If lengths differ, a value is not finite, or there are fewer than two clusters.

    Source: Liang and Zeger (1986), Biometrika 73:13; Cameron and Miller (2015), J. Hum. Resour.
    50:317, for the correction and the degrees of freedom.
    """
    array = np.asarray(values, dtype=np.float64)
    error, half = _error(array, clusters, level=level)
    mean = float(array.mean())
    return mean - half * error, mean + half * error


def cluster_proportion_interval(
    right: Sequence[bool] | Bools, clusters: Sequence[Hashable], *, level: float = 0.95
) -> tuple[float, float]:
    """Return the cluster-robust interval of a proportion, fractions in [0, 1].

    Clopper and Pearson's interval with an effective number of samples: the one whose binomial
    variance is the cluster-robust variance (see `cluster_interval`), with the degrees of freedom
    of the clusters, and never more than n. Where all samples are right or all are wrong, nothing
    is known of the variance, and it is the number of clusters.

    Args:
        right: Whether each sample is right.
        clusters: The cluster of each sample, at least two different ones.
        level: Confidence in (0, 1).

    Raises:
        ValueError: If lengths differ or there are fewer than two clusters.

    Source: Korn and Graubard (1998), Survey Methodology 24:193.
    """
    effective = effective_number(right, clusters, level=level)
    share = float(np.mean(np.asarray(right, dtype=np.float64)))
    return beta_interval(share * effective, effective, alpha=1 - level)


def effective_number(
    right: Sequence[bool] | Bools, clusters: Sequence[Hashable], *, level: float = 0.95
) -> float:
    """Return how many independent samples tell as much of a proportion as these do.

    See `cluster_proportion_interval`, of which this is the first half.
    """
    from scipy.special import stdtrit

    array = np.asarray(right, dtype=np.float64)
    error, half = _error(array, clusters, level=level)
    n, share = array.size, float(array.mean())
    if share in (0.0, 1.0):
        return float(len(set(clusters)))
    if error == 0:
        return float(n)
    shrink = float(stdtrit(n - 1, (1 + level) / 2)) / half
    return min(float(n), share * (1 - share) / error**2 * shrink**2)


def cluster_auc_interval(
    scores: Sequence[float] | Floats,
    positives: Sequence[bool] | Bools,
    clusters: Sequence[Hashable],
    *,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the cluster-robust interval of an AUC, fractions in [0, 1].

    DeLong's placements are summed up within each cluster, whichever classes it holds; t has the
    degrees of freedom of the clusters, the spread of few clusters is `steadied` as that of few
    samples is, and the interval is made on the logit scale. Where the area
    shows no spread, Clopper and Pearson's interval stands in for it, with the number of clusters of
    the class that has fewer. If a class stands in one cluster only, nothing is known of its spread,
    and the interval is [0, 1].

    Args:
        scores: As for `auc`.
        positives: As for `auc`.
        clusters: The cluster of each sample, at least two different ones.
        level: Confidence in (0, 1).

    Raises:
        ValueError: As `auc`, or if lengths differ or there are fewer than two clusters.

    Source: Obuchowski (1997), Biometrics 53:567.
    """
    values, mask = two_classes(scores, positives)
    up, down = placements(values, mask)
    found = cluster_area_spread(up, down, mask, clusters)
    if found is None:
        return 0.0, 1.0
    return area_interval(float(up.mean()), found, 1 - level)


def cluster_area_spread(
    up: Floats, down: Floats, mask: Bools, clusters: Sequence[Hashable]
) -> AreaSpread | None:
    """Return the cluster-robust spread of an area or of a difference of areas.

    Args:
        up: Placement of each positive, or the difference of two; its mean is the area.
        down: The same of each negative.
        mask: Whether each sample is a positive.
        clusters: The cluster of each sample.

    Returns:
        None where a class stands in one cluster only.

    Raises:
        ValueError: If lengths differ or there are fewer than two clusters.

    Source: Obuchowski (1997), Biometrics 53:567.
    """
    area = float(up.mean())
    own, other = np.zeros(mask.size), np.zeros(mask.size)
    own[mask], other[~mask] = (up - area) / up.size, (down - area) / down.size
    a, _, _ = cluster_sums(own, clusters)
    b, _, _ = cluster_sums(other, clusters)
    having = [cluster_sums(side.astype(np.float64), clusters)[0] > 0 for side in (mask, ~mask)]
    groups, (first, second) = len(a), (int(one.sum()) for one in having)
    if min(first, second) < 2:
        return None
    parts = [
        (first / (first - 1) * float(a @ a), first),
        (second / (second - 1) * float(b @ b), second),
    ]
    variance = max(0.0, sum(part for part, _ in parts) + 2 * groups / (groups - 1) * float(a @ b))
    more = 0.0
    if variance >= NO_VARIANCE and 0 < area < 1:
        more = sum(steadied(part * size, area, size) / size - part for part, size in parts)
    freedom = min(groups - 1, first + second - 2)
    return AreaSpread(variance, variance + more, freedom, min(first, second))


def clustered_share(verdicts: Sequence[tuple[Hashable, bool]]) -> Figure | None:
    """Return the share of verdicts that hold, with its interval; None without verdicts.

    Args:
        verdicts: The cluster of each, whose verdicts are not independent, and whether it holds.
    """
    if not verdicts:
        return None
    clusters, holds = [one for one, _ in verdicts], [held for _, held in verdicts]
    value = sum(holds) / len(holds)
    # One cluster says nothing of how clusters differ.
    low, high = (
        cluster_proportion_interval(holds, clusters) if len(set(clusters)) > 1 else (0.0, 1.0)
    )
    return Figure(value, min(low, value), max(high, value), len(holds))


def cluster_sums(
    values: Floats, clusters: Sequence[Hashable] | None
) -> tuple[Floats, Floats, Whole]:
    """Return sum, size and first sample of each cluster; by default each sample is a cluster.

    Raises:
        ValueError: If lengths differ, a value is not finite, or there are fewer than two clusters.
    """
    if clusters is None:
        return values, np.ones(values.size), np.arange(values.size)
    if values.ndim != 1 or len(clusters) != values.size:
        raise ValueError(f"{len(clusters)} clusters for {values.size} samples")
    if not np.isfinite(values).all():
        raise ValueError("a value is not finite")
    places: dict[Hashable, int] = {}
    which = np.array([places.setdefault(one, len(places)) for one in clusters], dtype=np.intp)
    if len(places) < 2:
        raise ValueError(f"{len(places)} cluster: at least two are needed to tell their spread")
    sums = np.bincount(which, weights=values).astype(np.float64)
    sizes = np.bincount(which).astype(np.float64)
    return sums, sizes, np.unique(which, return_index=True)[1]


def _error(values: Floats, clusters: Sequence[Hashable], *, level: float) -> tuple[float, float]:
    """Return the CR1 standard error of a mean, and the quantile of t with G - 1 degrees."""
    from scipy.special import stdtrit

    if not 0 < level < 1:
        raise ValueError(f"level {level} is not in (0, 1)")
    sums, sizes, _ = cluster_sums(values, clusters)
    groups = len(sums)
    residuals = sums - sizes * values.mean()
    variance = groups / (groups - 1) * float((residuals**2).sum()) / values.size**2
    return float(np.sqrt(variance)), float(stdtrit(groups - 1, (1 + level) / 2))
