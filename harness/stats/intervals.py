"""Intervals of proportions and means."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.stats.arrays import Floats
from harness.stats.resampling import blocks, percentiles


def wilson_interval(passed: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion, fractions in [0, 1].

    Args:
        passed: Successes, 0 <= passed <= n.
        n: Scored samples, unscored left out; n >= 1.
        level: Confidence in (0, 1).

    Raises:
        ValueError: If n < 1 or passed or level is out of range.

    Source: Wilson (1927), JASA 22:209.
    """
    from scipy.special import ndtri

    _check(passed, n, level)
    z2 = float(ndtri((1 + level) / 2)) ** 2
    middle = (passed + z2 / 2) / (n + z2)
    half = math.sqrt(z2 * (passed * (n - passed) / n + z2 / 4)) / (n + z2)
    # At 0 and n one end is exact.
    return (0.0 if passed == 0 else middle - half), (1.0 if passed == n else middle + half)


def clopper_pearson_interval(passed: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a proportion, fractions in [0, 1].

    It holds the true proportion in at least `level` of all repetitions, for every n and every
    proportion; Wilson's is narrower, but falls to 84% close to 0 and 1.

    Args:
        passed: Successes, 0 <= passed <= n.
        n: Scored samples, unscored left out; n >= 1.
        level: Confidence in (0, 1).

    Raises:
        ValueError: If n < 1 or passed or level is out of range.

    Source: Clopper and Pearson (1934), Biometrika 26:404.
    """
    _check(passed, n, level)
    return beta_interval(passed, n, alpha=1 - level)


def beta_interval(count: float, n: float, *, alpha: float) -> tuple[float, float]:
    """Return Clopper and Pearson's interval of a count that need not be whole.

    Args:
        count: In [0, n].
        n: Above 0.
        alpha: One minus the confidence, in (0, 1).
    """
    from scipy.special import betainccinv, betaincinv

    low = betaincinv(count, n - count + 1, alpha / 2) if count > 0 else 0.0
    high = betainccinv(count + 1, n - count, alpha / 2) if count < n else 1.0
    return float(low), float(high)


def fixed_mean_interval(mean: float, n: int, *, alpha: float = 0.05) -> tuple[float, float]:
    """Return an interval of a mean of values in [0, 1] that show no spread.

    It is Clopper and Pearson's of that share of n: no values with this mean spread more than zeros
    and ones do, so it is rather too wide than too narrow.

    Args:
        mean: In [0, 1]; what rounding adds beyond that is cut off.
        n: Independent values, n >= 1.
        alpha: One minus the confidence, in (0, 1).
    """
    return beta_interval(min(max(mean, 0.0), 1.0) * n, n, alpha=alpha)


def equal_values_interval(
    value: float, n: int, *, lowest: float, highest: float, level: float = 0.95
) -> tuple[float, float]:
    """Return an interval of a mean of which all n values that were seen are equal.

    Those that were not seen may all have another value, as low or as high as there is; what share
    of them there can be is told by Clopper and Pearson's bound of n of n.

    Args:
        value: That of all, from lowest to highest.
        n: Independent values, n >= 1.
        lowest: Least value that there is.
        highest: Greatest value that there is.
        level: Confidence in (0, 1).
    """
    share, _ = clopper_pearson_interval(n, n, level=level)
    return lowest + (value - lowest) * share, highest - (highest - value) * share


def lumped(values: Sequence[float] | Floats) -> bool:
    """Return whether more than half of the values are equal, at least one value."""
    _, counts = np.unique(np.round(np.asarray(values, dtype=np.float64), 9), return_counts=True)
    return bool(counts.max() * 2 > counts.sum())


def bounded_mean_interval(
    values: Sequence[float] | Floats,
    *,
    lowest: float,
    highest: float,
    level: float = 0.95,
    draws: int = 20_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return an interval of a mean of values that lie between two bounds, however they lie there.

    Values that were not seen may be as low or as high as there is, which Student's interval does
    not allow for: nine values of 1 and one of 0.96 give it [0.99, 1.00]. Of values that are 0 and 1
    it is Clopper and Pearson's, of equal values that of `equal_values_interval`; each but for the
    error of the draws.

    Args:
        values: Independent ones, at least one, from lowest to highest.
        lowest: Least value that there is.
        highest: Greatest value that there is.
        level: Confidence in (0, 1).
        draws: At most so many draws of the shares that the spaces between the values may have;
            fewer, but 2,000 at least, of thousands of values.
        seed: Of the draws.

    Source: Gaffke (2005), Three test statistics for a nonparametric one-sided hypothesis on the
    mean of a nonnegative variable; Learned-Miller and Thomas (2020), arXiv 1905.06208.
    """
    array = np.sort(np.asarray(values, dtype=np.float64))
    size = min(draws, max(2_000, 4_000_000 // (array.size + 1)))
    shares = np.random.default_rng(seed).dirichlet(np.ones(array.size + 1), size=size)
    tail = (1 - level) / 2
    low = float(np.quantile(shares @ np.concatenate([[lowest], array]), tail))
    high = float(np.quantile(shares @ np.concatenate([array, [highest]]), 1 - tail))
    mean = float(array.mean())
    return max(lowest, min(low, mean)), min(highest, max(high, mean))


def equal_steps_interval(value: float, n: int, span: float) -> tuple[float, float]:
    """Return the 95% interval of a paired difference of which all n pairs show the same.

    Pairs that were not seen may differ otherwise, by as much as there is; what share of them there
    can be is told by Clopper and Pearson's bound of none of n.

    Args:
        value: The difference of all pairs.
        n: Independent pairs, n >= 1.
        span: The greatest by which two differences are taken to be apart.
    """
    _, share = clopper_pearson_interval(0, n)
    return value - share * span, value + share * span


def fixed_means_interval(
    first: float, second: float, n: int, *, alpha: float = 0.05
) -> tuple[float, float]:
    """Return the interval of a difference of two means that show no spread, from those of each.

    The two count as independent, which gives the widest of what is plausible.

    Args:
        first: Mean of the first side, in [0, 1].
        second: Mean of the second side.
        n: Independent values of each.
        alpha: One minus the confidence, in (0, 1).

    Source: Zou and Donner (2008), Stat. Med. 27:1693.
    """
    (low_p, high_p), (low_q, high_q) = (
        fixed_mean_interval(mean, n, alpha=alpha) for mean in (first, second)
    )
    below = square_and_add(second - low_q, high_p - first)
    above = square_and_add(high_q - second, first - low_p)
    return max(-1.0, second - first - below), min(1.0, second - first + above)


def square_and_add(first: float, second: float, correlation: float = 0.0) -> float:
    """Return how far the interval of a difference reaches, from those of its two sides.

    Args:
        first: How far the interval of one side reaches, to the side in question.
        second: How far that of the other side does, to the opposite side.
        correlation: Of the two estimates.

    Source: Newcombe (1998), Stat. Med. 17:2635; Zou and Donner (2008), Stat. Med. 27:1693, where
    they are correlated.
    """
    return math.sqrt(max(0.0, first**2 - 2 * correlation * first * second + second**2))


def mean_interval(
    values: Sequence[float] | Floats,
    *,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a mean; of one value, that value twice.

    Raises:
        ValueError: If there are no values or one is not finite.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, ch. 13.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError("a mean needs at least one value, all of them finite")
    rng = np.random.default_rng(seed)
    means = [
        array[rng.integers(0, array.size, size=(block, array.size))].mean(axis=1)
        for block in blocks(resamples, array.size)
    ]
    return percentiles(np.concatenate(means), level)


def _check(passed: int, n: int, level: float) -> None:
    if n < 1 or not 0 <= passed <= n:
        raise ValueError(f"no proportion: {passed} passed of {n}")
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not in (0, 1)")


def student(alpha: float, freedom: float) -> float:
    """Return the two-sided quantile of Student's t."""
    from scipy.special import stdtrit

    return float(-stdtrit(freedom, alpha / 2))
