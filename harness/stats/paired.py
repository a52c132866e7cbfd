"""Two figures on the same samples: difference, interval and test."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.stats.arrays import Bools, Floats, Whole
from harness.stats.clusters import cluster_sums
from harness.stats.hypothesis import mcnemar_exact, sign_flip_test
from harness.stats.intervals import (
    clopper_pearson_interval,
    equal_steps_interval,
    square_and_add,
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


def paired_accuracy(
    first: Sequence[bool] | Bools,
    second: Sequence[bool] | Bools,
    *,
    influence: Floats | None = None,
) -> Difference:
    """Compare two accuracies on the same samples: exact McNemar, Newcombe's interval.

    Newcombe's takes two sides that hardly differ for certain: of 30 samples without a discordant
    pair it would exclude a loss that no sample shows in 13% of all draws. So where no pair was won,
    the lower end lies no higher than Clopper and Pearson's bound of the rate of losses, and where
    none was lost, the upper end no lower than that of the rate of gains.

    Answers that hang on the other samples, as calibrated ones do, have a standard error that the
    pairs do not show. What it adds to the pairs' own variance is added to the squared distances of
    both ends, and to the variance that McNemar's p stands for; where it takes something away, both
    are made smaller in proportion.

    Args:
        first: Whether the first side is right, per sample.
        second: The same for the second side, in the same order.
        influence: By how much each sample moves the difference beside being right or wrong, [n],
            such as the difference of two sides' `calibration_influence`.

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
    below = square_and_add(q - low_q, high_p - p, phi)
    above = square_and_add(high_q - q, p - low_p, phi)
    low, high = max(-1.0, q - p - below), min(1.0, q - p + above)
    if won == 0:
        low = min(low, -clopper_pearson_interval(lost, n)[1])
    if lost == 0:
        high = max(high, clopper_pearson_interval(won, n)[1])
    found = Difference(p, q, low, high, mcnemar_exact(lost, won), lost, won, n)
    return found if influence is None else _stretched(found, b.astype(np.float64) - a, influence)


def _stretched(found: Difference, step: Floats, influence: Floats) -> Difference:
    """Return the difference with the variance that the influence adds or takes away."""
    from scipy.special import ndtr, ndtri

    off = step - step.mean()
    own, whole = (float(one @ one) / step.size**2 for one in (off, off + influence))
    value, z = found.value, float(-ndtri(found.p / 2))
    below, above = value - found.low, found.high - value
    if whole >= own:
        more = whole - own
        below, above = (math.sqrt(one**2 + _Z**2 * more) for one in (below, above))
        z = abs(value) / math.sqrt((value / z) ** 2 + more) if z > 0 else 0.0
    else:
        shrink = math.sqrt(whole / own)
        below, above = shrink * below, shrink * above
        z = z / shrink if shrink > 0 else z
    low, high = max(-1.0, value - below), min(1.0, value + above)
    return replace(found, low=low, high=high, p=float(2 * ndtr(-z)))


def paired_clusters(
    first: Sequence[float] | Floats | Bools,
    second: Sequence[float] | Floats | Bools,
    clusters: Sequence[Hashable],
    *,
    influence: Floats | None = None,
) -> Difference:
    """Compare two means on the same samples, which share clusters: CR1 standard error with t.

    The differences are added up within each cluster, see `cluster_interval`; interval and p-value
    are of the same t with G - 1 degrees of freedom for G clusters, so that they never contradict
    each other. Where every cluster shows the same difference, nothing is known of the spread:
    values of 0 and 1 then have the interval of `paired_accuracy` with one pair for each cluster,
    others that of `equal_steps_interval`, and p is that of the sign-flip test of the clusters.

    Args:
        first: The first side's value of each sample, finite; booleans count as 0 and 1.
        second: The same for the second side, in the same order.
        clusters: The cluster of each sample, at least two different ones.
        influence: As for `paired_accuracy`.

    Returns:
        The difference; `lost` and `won` count the samples with a lower and a higher second value.

    Raises:
        ValueError: If there are no samples, lengths differ, a value is not finite, or there are
            fewer than two clusters.

    Source: Liang and Zeger (1986), Biometrika 73:13; Cameron and Miller (2015), J. Hum. Resour.
    50:317.
    """
    from scipy.special import stdtr, stdtrit

    a, b = _checked(first, second)
    step = b - a
    sums, sizes, firsts = cluster_sums(step, clusters)
    value, units = float(step.mean()), len(sums)
    residuals = sums - sizes * value
    if influence is not None:
        residuals = residuals + cluster_sums(influence, clusters)[0]
    error = math.sqrt(units / (units - 1) * float(residuals @ residuals)) / step.size
    # Clusters with the same difference leave rounding errors.
    if error > 1e-12:
        half = float(stdtrit(units - 1, 0.975)) * error
        low, high = value - half, value + half
        p = float(2 * stdtr(units - 1, -abs(value) / error))
    else:
        low, high = _equal_steps(a, b, firsts)
        p = sign_flip_test(sums)
    return _difference(a, b, low, high, p)


def paired_bootstrap(
    first: Sequence[float] | Floats | Bools,
    second: Sequence[float] | Floats | Bools,
    *,
    method: Literal["percentile", "bca"] = "percentile",
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> Difference:
    """Compare two means on the same samples: bootstrap of the pairs, sign-flip test.

    Where every sample shows the same difference, the bootstrap knows nothing of the spread: values
    of 0 and 1 then have the interval of `paired_accuracy`, others that of `equal_steps_interval`.

    Args:
        first: The first side's value of each sample, finite; booleans count as 0 and 1.
        second: The same for the second side, in the same order.
        method: `percentile`, or `bca`: bias-corrected and accelerated.
        seed: Seed of the resampling.
        resamples: Bootstrap resamples and random sign flips, at least 1.
        level: Confidence in (0, 1).

    Returns:
        The difference; `lost` and `won` count the samples with a lower and a higher second value.

    Raises:
        ValueError: If there are no samples, lengths differ, or a value is not finite.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, ch. 13 and 14.
    """
    from scipy.stats import bootstrap

    a, b = _checked(first, second)
    step = b - a
    if np.ptp(step) == 0:
        low, high = _equal_steps(a, b, np.arange(a.size))
    else:
        found = bootstrap(
            (step,),
            np.mean,
            vectorized=True,
            method="BCa" if method == "bca" else "percentile",
            n_resamples=resamples,
            batch=block_size(step.size),
            confidence_level=level,
            rng=np.random.default_rng(seed),
        ).confidence_interval
        low, high = float(found.low), float(found.high)
    return _difference(a, b, low, high, sign_flip_test(step, seed=seed, resamples=resamples))


def _checked(
    first: Sequence[float] | Floats | Bools, second: Sequence[float] | Floats | Bools
) -> tuple[Floats, Floats]:
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or a.size == 0:
        raise ValueError(f"no pairs: {a.size} and {b.size} samples")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("a value is not finite")
    return a, b


def _equal_steps(a: Floats, b: Floats, firsts: Whole) -> tuple[float, float]:
    """Return the interval where all units differ alike, from the first sample of each."""
    values = np.concatenate([a, b])
    if set(values) <= {0.0, 1.0}:
        bare = paired_accuracy(a[firsts] == 1, b[firsts] == 1)
        return bare.low, bare.high
    lowest, highest = min(0.0, float(values.min())), max(1.0, float(values.max()))
    return equal_steps_interval(float((b - a).mean()), len(firsts), highest - lowest)


def _difference(a: Floats, b: Floats, low: float, high: float, p: float) -> Difference:
    """Return a difference of means, its interval within the range of values in [0, 1]."""
    if min(a.min(), b.min()) >= 0 and max(a.max(), b.max()) <= 1:
        low, high = max(-1.0, low), min(1.0, high)
    lost, won = int((b < a).sum()), int((b > a).sum())
    return Difference(float(a.mean()), float(b.mean()), low, high, p, lost, won, int(a.size))
