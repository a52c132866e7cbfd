"""Two figures on the same samples: difference, interval and test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.stats.arrays import Bools, Floats
from harness.stats.auc import placements, two_classes
from harness.stats.clusters import cluster_area_variance, cluster_sums
from harness.stats.hypothesis import mcnemar_exact, sign_flip_test
from harness.stats.intervals import (
    clopper_pearson_interval,
    fixed_mean_interval,
    wilson_interval,
)
from harness.stats.resampling import block_size

# Quantile of the standard normal distribution for a two-sided 95% interval.
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference (second minus first) with its 95% interval and two-sided p-value.

    Attributes:
        low: Lower end of the interval; of another level than 95% only where that was asked for.
        high: Upper end of the interval.
        first: The figure of the first side on the paired samples.
        second: The figure of the second side on the same samples.
        lost: Samples that only the first side has right (0 for AUC).
        won: Samples that only the second side has right (0 for AUC).
        n: Paired samples.
    """

    first: float
    second: float
    low: float
    high: float
    p: float
    lost: int
    won: int
    n: int

    @property
    def value(self) -> float:
        """Second minus first, in [-1, 1]."""
        return self.second - self.first


def paired_accuracy(first: Sequence[bool] | Bools, second: Sequence[bool] | Bools) -> Difference:
    """Compare two accuracies on the same samples: exact McNemar, Newcombe's interval.

    Newcombe's takes two sides that hardly differ for certain: of 30 samples without a discordant
    pair it would exclude a loss that no sample shows in 13% of all draws. So where no pair was won,
    the lower end lies no higher than Clopper and Pearson's bound of the rate of losses, and where
    none was lost, the upper end no lower than that of the rate of gains.

    Args:
        first: Whether the first side is right, per sample.
        second: The same for the second side, in the same order.

    Raises:
        ValueError: If there are no samples or the lengths differ.

    Source: Newcombe (1998), Stat. Med. 17:2635, method 10; Clopper and Pearson (1934), Biometrika
    26:404.
    """
    a, b = np.asarray(first, dtype=np.bool_), np.asarray(second, dtype=np.bool_)
    if a.shape != b.shape or a.size == 0:
        raise ValueError(f"no pairs: {a.size} and {b.size} samples")
    n, both, none = int(a.size), int((a & b).sum()), int((~a & ~b).sum())
    lost, won = int((a & ~b).sum()), int((~a & b).sum())
    p, q = float(a.mean()), float(b.mean())
    (low_p, high_p), (low_q, high_q) = (wilson_interval(int(x.sum()), n) for x in (a, b))
    margins = float(a.sum() * (~a).sum() * b.sum() * (~b).sum())
    cross = float(both * none - lost * won)
    if cross > 0:
        # Newcombe's continuity correction of a positive correlation.
        cross = max(cross - n / 2, 0.0)
    phi = cross / np.sqrt(margins) if margins > 0 else 0.0
    below = _spread(q - low_q, high_p - p, phi)
    above = _spread(high_q - q, p - low_p, phi)
    low, high = max(-1.0, q - p - below), min(1.0, q - p + above)
    if won == 0:
        low = min(low, -clopper_pearson_interval(lost, n)[1])
    if lost == 0:
        high = max(high, clopper_pearson_interval(won, n)[1])
    return Difference(p, q, low, high, mcnemar_exact(lost, won), lost, won, n)


def paired_auc(
    first: Sequence[float] | Floats,
    second: Sequence[float] | Floats,
    positives: Sequence[bool] | Bools,
    *,
    clusters: Sequence[str] | None = None,
) -> Difference:
    """Compare two AUCs on the same samples.

    Equal scores on both sides differ by nothing: the interval is 0 twice, and p is 1.

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
    same = bool(np.array_equal(a, b))
    return area_difference(placements(a, mask), placements(b, mask), mask, clusters, same=same)


def area_difference(
    first: tuple[Floats, Floats],
    second: tuple[Floats, Floats],
    mask: Bools,
    clusters: Sequence[str] | None = None,
    *,
    same: bool = False,
) -> Difference:
    """Compare two AUCs by the placements of their positives and negatives.

    Where the variance is 0, as of two sides that both separate the classes, it knows nothing of
    the spread. Unless the scores are the same, the interval is then made of Clopper and Pearson's
    of both areas, each with the size of the smaller class (or its clusters), and p is the least
    level at which it leaves out 0. The areas count as independent; of sides that put samples
    which are not separated in one order, as correlated by 1 - 1 / n, the most that Newcombe's
    continuity correction allows.

    Args:
        first: Placements of the first side, see `harness.stats.auc.placements`.
        second: Those of the second side.
        mask: Whether each sample is of the positive class.
        clusters: The cluster of each sample; by default each is its own.
        same: Whether both sides have the same scores, sample by sample.

    Raises:
        ValueError: If a class has fewer than two samples, or stands in fewer than two clusters.

    Source: as `paired_auc`; Obuchowski (1997), Biometrics 53:567, where there are clusters; Zou
    and Donner (2008), Stat. Med. 27:1693, for an interval made of two.
    """
    from scipy.stats import norm, t

    (up_a, down_a), (up_b, down_b) = first, second
    if min(up_a.size, down_a.size) < 2:
        raise ValueError("AUCs can be compared with at least two samples of each class")
    up, down = up_b - up_a, down_b - down_a
    areas = float(up_a.mean()), float(up_b.mean())
    value, spread, quantile = areas[1] - areas[0], norm, _Z
    fewest = min(up.size, down.size)
    if clusters is None:
        variance = sum(float(np.var(step, ddof=1)) / step.size for step in (up, down))
    else:
        found = cluster_area_variance(up, down, mask, clusters)
        if found is None:
            raise ValueError("AUCs can be compared with at least two clusters of each class")
        variance, freedom, fewest = found
        spread, quantile = t(freedom), float(t.ppf(0.975, freedom))
    # Clusters whose differences cancel out leave a variance of rounding errors.
    if variance > 1e-24:
        error = variance**0.5
        p = float(2 * spread.sf(abs(value) / error))
        low, high = max(-1.0, value - quantile * error), min(1.0, value + quantile * error)
    elif same:
        low, high, p = 0.0, 0.0, 1.0
    else:
        one_order = not (up.any() or down.any()) and bool(np.ptp(up_a) > 0)
        phi = 1 - 1 / fewest if one_order else 0.0
        low, high = fixed_means_interval(*areas, fewest, phi)
        p = _fixed_areas_p(*areas, fewest, phi)
    return Difference(*areas, low, high, p, 0, 0, int(mask.size))


def paired_bootstrap(
    first: Sequence[float] | Floats | Bools,
    second: Sequence[float] | Floats | Bools,
    *,
    clusters: Sequence[str] | None = None,
    method: Literal["percentile", "bca"] = "percentile",
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> Difference:
    """Compare two means on the same samples: bootstrap of the pairs, sign-flip test.

    Whole clusters are drawn and flipped where samples share one, whole samples otherwise. Where
    every cluster shows the same difference, the bootstrap knows nothing of the spread: Newcombe's
    interval with one pair for each cluster stands in for it if the values are 0 and 1, and the
    interval is a point if they are not.

    Args:
        first: The first side's value of each sample, finite; booleans count as 0 and 1.
        second: The same for the second side, in the same order.
        clusters: The cluster of each sample; by default each is its own.
        method: `percentile`, or `bca`: bias-corrected and accelerated.
        seed: Seed of the resampling.
        resamples: Bootstrap resamples and random sign flips, at least 1.
        level: Confidence in (0, 1).

    Returns:
        The difference; `lost` and `won` count the samples with a lower and a higher second value.

    Raises:
        ValueError: If there are no samples, lengths differ, a value is not finite, or there are
            clusters, but fewer than two.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, ch. 13 and 14;
    Field and Welsh (2007), JRSS B 69:369, for whole clusters.
    """
    from scipy.stats import bootstrap

    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or a.size == 0:
        raise ValueError(f"no pairs: {a.size} and {b.size} samples")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a value is not finite")
    step = b - a
    sums, sizes, firsts = cluster_sums(step, clusters)
    if np.ptp(sums / sizes) == 0:
        low = high = float(step.mean())
        if set(np.concatenate([a, b])) <= {0.0, 1.0}:
            bare = paired_accuracy(a[firsts] == 1, b[firsts] == 1)
            low, high = bare.low, bare.high
    else:
        found = bootstrap(
            (sums, sizes),
            lambda x, y, axis=-1: x.sum(axis=axis) / y.sum(axis=axis),
            paired=True,
            vectorized=True,
            method="BCa" if method == "bca" else "percentile",
            n_resamples=resamples,
            batch=block_size(len(sums)),
            confidence_level=level,
            rng=np.random.default_rng(seed),
        ).confidence_interval
        low, high = float(found.low), float(found.high)
    p = sign_flip_test(sums, seed=seed, resamples=resamples)
    lost, won = int((step < 0).sum()), int((step > 0).sum())
    return Difference(float(a.mean()), float(b.mean()), low, high, p, lost, won, int(a.size))


def fixed_means_interval(
    first: float, second: float, n: int, phi: float = 0.0, *, alpha: float = 0.05
) -> tuple[float, float]:
    """Return the interval of a difference of two means that show no spread, from those of each.

    Args:
        first: Mean of the first side, in [0, 1].
        second: Mean of the second side.
        n: Independent values of each.
        phi: The correlation that is taken for granted; 0 gives the widest of what is plausible.
        alpha: One minus the confidence, in (0, 1).

    Source: Zou and Donner (2008), Stat. Med. 27:1693.
    """
    (low_p, high_p), (low_q, high_q) = (
        fixed_mean_interval(mean, n, alpha=alpha) for mean in (first, second)
    )
    below = _spread(second - low_q, high_p - first, phi)
    above = _spread(high_q - second, first - low_p, phi)
    return max(-1.0, second - first - below), min(1.0, second - first + above)


def _fixed_areas_p(first: float, second: float, n: int, phi: float) -> float:
    """Return the least alpha at which `fixed_means_interval` leaves out 0; 1 where none does."""
    from scipy.optimize import brentq

    def distance(log_alpha: float) -> float:
        low, high = fixed_means_interval(first, second, n, phi, alpha=math.exp(log_alpha))
        return low if second > first else -high

    least = math.log(1e-300)
    if distance(0.0) <= 0:
        return 1.0
    return 0.0 if distance(least) > 0 else math.exp(brentq(distance, least, 0.0))


def _spread(first: float, second: float, phi: float) -> float:
    return float(np.sqrt(max(0.0, first**2 - 2 * phi * first * second + second**2)))
