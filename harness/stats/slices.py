"""Tests of slices of a cell: which deviate from the rest, and whether those of a column differ."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Hashable, Sequence

import numpy as np

from harness.stats.arrays import Bools, Floats, Whole
from harness.stats.clusters import effective_number
from harness.stats.resampling import blocks, group_sums

ALPHA = 0.05
_RESAMPLES = 9999


def deviation_tests(
    right: Sequence[bool] | Bools,
    members: Bools,
    clusters: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> list[float]:
    """Return a two-sided p-value for each slice: whether its rate is that of all other samples.

    Fisher's exact test. Where samples share clusters, the signs of the clusters' scores are
    flipped, see `flip_tests`, and of k clusters in a slice p is no less than that of k equal signs.

    Args:
        right: Whether each sample is right, [n].
        members: Whether each sample stands in each slice, [n, slices].
        clusters: The cluster of each sample; by default each is its own.
        seed: Seed of the random signs.
        resamples: Sign patterns.

    Raises:
        ValueError: If shapes differ.

    Source: Fisher (1935), The Design of Experiments, ch. 2; Kline and Santos (2012), J. Econom.
    Methods 1:23, for clusters.
    """
    values = _checked(right, members)
    if clusters is not None:
        scores = (members - members.mean(axis=0)) * (values - values.mean())[:, None]
        found = flip_tests(group_sums(scores, clusters), seed=seed, resamples=resamples)
        # The rest's mean rests on all clusters, so that signs alone may hide how few are inside.
        inside = _units_in(members, clusters)
        # Signs take the spread from the slice itself, too little where it is nearly all right.
        part = effective_number(values > 0, clusters) / len(values)
        size, good = (np.rint(part * one) for one in (members.sum(axis=0), values @ members))
        n, total = round(part * len(values)), round(part * values.sum())
        exact = [_fisher(int(a), int(b), n, total) if 0 < a < n else 1.0
                 for a, b in zip(size, good, strict=True)]  # fmt: skip
        return [max(p, q, _least(k)) for p, q, k in zip(found, exact, inside, strict=True)]
    sizes, passed = members.sum(axis=0), values @ members
    n, total = len(values), int(values.sum())
    return [
        _fisher(int(size), int(good), n, total) if 0 < size < n else 1.0
        for size, good in zip(sizes, passed, strict=True)
    ]


def mde_slice(size: int, rest: int, rate: float, *, alpha: float, power: float = 0.8) -> float:
    """Return how far a slice's rate lies below the others' where Fisher's test shows it.

    By the greatest number of right answers in the slice that is significant, for nine quantiles of
    the others' number.

    Args:
        size: Samples of the slice, at least 1.
        rest: The other samples, at least 1.
        rate: Of these, in (0, 1).
        alpha: Of the two-sided test, after all corrections.
        power: Share of draws in which it is shown.

    Returns:
        A difference of rates, infinity where even a rate of 0 is not shown as often.
    """
    from scipy.optimize import brentq
    from scipy.stats import binom

    others = binom.ppf((np.arange(9) + 0.5) / 9, rest, rate).astype(int)
    most = np.array([_most_right(size, rest, int(good), alpha) for good in others])

    def lack(far: float) -> float:
        return power - float(binom.cdf(most, size, rate - far).mean())

    if lack(rate) > 0:
        return math.inf
    return float(brentq(lack, 0.0, rate)) if lack(0.0) > 0 else 0.0


def _most_right(size: int, rest: int, good: int, alpha: float) -> int:
    """Return the most right answers of a slice that are significantly few, -1 for none."""
    below = range(math.ceil(size * good / rest))
    return bisect_left(
        below, alpha, key=lambda k: _fisher(size, k, size + rest, k + good)
    ) - 1  # fmt: skip


def column_test(
    right: Sequence[bool] | Bools,
    places: Whole,
    clusters: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> float:
    """Return the p-value that the slices of a column all have one rate.

    Pearson's chi-square with the p-value of tables drawn with the same margins; where samples share
    clusters, with the signs of the clusters' scores flipped.

    Args:
        right: Whether each sample is right, [n].
        places: Which slice each sample stands in, from 0, [n].
        clusters: The cluster of each sample; by default each is its own.
        seed: Seed of the draws.
        resamples: Draws.

    Raises:
        ValueError: If lengths differ.

    Source: Patefield (1981), Appl. Stat. 30:91, for tables with fixed margins.
    """
    sizes = np.bincount(places)
    members = places[:, None] == np.flatnonzero(sizes)
    sizes = sizes[sizes > 0]
    values = _checked(right, members)
    rate, rng = values.mean(), np.random.default_rng(seed)
    if len(sizes) < 2 or rate in (0.0, 1.0):
        return 1.0
    least = 0.0
    if clusters is None:
        drawn = rng.multivariate_hypergeometric(
            sizes, int(values.sum()), size=resamples, method="marginals"
        )
        off = drawn - sizes * rate
    else:
        scores = group_sums(members * (values - rate)[:, None], clusters)
        inside = _units_in(members, clusters)
        least = _least(sum(inside) - max(inside))
        off = np.concatenate(
            [_signs(rng, size, len(scores)) @ scores for size in blocks(resamples, len(scores))]
        )
    seen = float((((values @ members) - sizes * rate) ** 2 / sizes).sum())
    return max(least, _p((off**2 / sizes).sum(axis=1), seen))


def flip_tests(scores: Floats, *, seed: int = 0, resamples: int = _RESAMPLES) -> list[float]:
    """Return for each column the two-sided p-value that its sum is that of random signs.

    Args:
        scores: One row for each independent unit, [units, columns].
        seed: Seed of the signs.
        resamples: Random sign patterns, the same for all columns.
    """
    seen, rng = np.abs(scores.sum(axis=0)), np.random.default_rng(seed)
    reached = np.zeros(scores.shape[1])
    for size in blocks(resamples, len(scores)):
        drawn = np.abs(_signs(rng, size, len(scores)) @ scores)
        # Rounding must not tell a pattern from its mirror image.
        reached += (drawn >= seen - 1e-9).sum(axis=0)
    return [float(p) for p in (reached + 1) / (resamples + 1)]


def widening(tests: float, units: int) -> float:
    """Return by which factor 95% half-widths grow that are to hold for several figures together.

    By Bonferroni's correction, in quantiles of Student's t.

    Args:
        tests: Figures whose intervals are all to hold their truths at once; or into how many parts
            the error of 5% is divided, of which an interval gets one.
        units: Independent samples or clusters behind a figure.

    Source: Dunn (1961), JASA 56:52.
    """
    from scipy.stats import t

    freedom = max(1, units - 1)
    return float(t.ppf(1 - ALPHA / (2 * tests), freedom) / t.ppf(1 - ALPHA / 2, freedom))


def _fisher(size: int, passed: int, n: int, total: int) -> float:
    """Return the two-sided p-value of Fisher's exact test of a slice of n samples, total right.

    As scipy's `fisher_exact`, which takes far longer for tables of thousands.
    """
    from scipy.stats import hypergeom

    chances = hypergeom.pmf(np.arange(size + 1), n, total, size)
    return min(1.0, float(chances[chances <= chances[passed] * (1 + 1e-7)].sum()))


def _checked(right: Sequence[bool] | Bools, members: Bools) -> Floats:
    values = np.asarray(right, dtype=np.float64)
    if values.shape != members.shape[:1]:
        raise ValueError(f"{values.size} samples, {len(members)} in slices")
    return values


def _units_in(members: Bools, clusters: Sequence[Hashable]) -> list[int]:
    """Return how many clusters have samples in each slice."""
    counts = group_sums(members.astype(np.float64), clusters)
    return [int(one) for one in (counts > 0).sum(axis=0)]


def _least(units: int) -> float:
    """Return the least two-sided p-value that the signs of so many units can have."""
    return float(0.5 ** (max(1, units) - 1))


def _signs(rng: np.random.Generator, size: int, units: int) -> Floats:
    return np.asarray(rng.integers(0, 2, size=(size, units)) * 2.0 - 1.0, dtype=np.float64)


def _p(drawn: Floats, seen: float) -> float:
    return float((1 + (drawn >= seen - 1e-9).sum()) / (1 + len(drawn)))
