"""Intervals of a mean that may be looked at after each value, and still hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.stats.arrays import Floats

# No bet risks more than this part of what was won so far.
_RISK = 0.5
_STEPS = 40


def anytime_interval(
    values: Sequence[float] | Floats, *, level: float = 0.95
) -> tuple[float, float]:
    """Return an interval of the mean that holds at all numbers of values at once.

    An interval of n values holds in 95% for this n; whoever looks after each further value and
    stops at will is misled more often. This one leaves out the true mean at any of the looks with a
    chance of at most 1 - level, however many there are. For each candidate mean someone bets on the
    next value to be above it, and someone to be below it; no one wins much on the true mean, and
    the candidates stay on which neither has won 2 / (1 - level) times the stake.

    Args:
        values: In [0, 1], in the order in which they came: it must not depend on them, and whatever
            came before, the next one has the same mean.
        level: Confidence in (0, 1).

    Raises:
        ValueError: If there are no values or one is out of range.

    Source: Waudby-Smith and Ramdas (2024), J. R. Stat. Soc. B 86:1, theorem 3, the hedged capital
    process with predictable plug-in bets; without their intersection over earlier looks.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 or not ((array >= 0) & (array <= 1)).all():
        raise ValueError("an interval needs at least one value, all of them in [0, 1]")
    alpha = 1 - level
    bets, most = _bets(array, alpha), float(np.log(2 / alpha))
    low = _end(array, bets, most)
    high = 1 - _end(1 - array, bets, most)
    return low, high


def _bets(array: Floats, alpha: float) -> Floats:
    """Return how much is bet on each value, by the spread of those before it."""
    count = np.arange(1, array.size + 1)
    means = (0.5 + np.cumsum(array)) / (count + 1)
    spread = (0.25 + np.cumsum((array - means) ** 2)) / (count + 1)
    before = np.concatenate([[0.25], spread[:-1]])
    return np.asarray(np.sqrt(2 * np.log(2 / alpha) / (before * count * np.log(count + 1))))


def _end(array: Floats, bets: Floats, most: float) -> float:
    """Return the greatest mean below which those who bet on more have won too much.

    What they have won falls with the mean, so that halving finds it, from the outer side.
    """
    least, greatest = 0.0, 1.0
    for _ in range(_STEPS):
        mean = (least + greatest) / 2
        stakes = np.minimum(bets, _RISK / mean)
        won = float(np.log1p(stakes * (array - mean)).sum())
        least, greatest = (mean, greatest) if won >= most else (least, mean)
    return least
