"""What a comparison or a threshold can show, before there are samples; see `power` for rates."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable

import numpy as np

from harness.stats.looks import look_widening
from harness.stats.paired import paired_accuracy
from harness.stats.slices import widening

_STEPS = 400
# Quantile of the standard normal distribution for a two-sided 95% interval.
_Z = 1.959963984540054


def mde_margin(
    n: int,
    discordant: float,
    margin: float,
    *,
    noise: bool = False,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float:
    """Return how far above a margin a difference of accuracies must lie to be shown there.

    The interval is that of pairs, such as Newcombe's; a normal approximation.

    Args:
        n: Pairs, at least 1.
        discordant: Share of the pairs that only one side has right, in [0, 1].
        margin: The difference to be told from, in [-1, 1]: minus 0.02 for `no_worse_than` by 0.02.
        noise: As for `pairs_error`.
        alpha: Two-sided level, in (0, 1).
        power: Wished chance to show it, in (alpha, 1).

    Returns:
        The distance; infinity where there is no room for it.

    Raises:
        ValueError: If an argument is out of range.
    """
    reach = sum(quantiles(alpha, power))
    if not -1 <= margin <= 1:
        raise ValueError(f"{n} pairs, {discordant} discordant, margin {margin}")
    error = pairs_error(n, discordant, noise=noise)
    none, every = np.zeros(n, dtype=np.bool_), np.ones(n, dtype=np.bool_)
    if paired_accuracy(none, every).low <= margin:
        return math.inf
    return smallest(lambda far: reach * error(margin + far) - far, 1 - margin)


def pairs_error(n: int, discordant: float, *, noise: bool = False) -> Callable[[float], float]:
    """Return the standard error of a difference of accuracies, by the true difference.

    Args:
        n: Pairs, at least 1.
        discordant: Share of the pairs that only one side has right, in [0, 1]; it is never less
            than the difference.
        noise: Whether that is the share while nothing differs, to which a difference adds its own.

    Raises:
        ValueError: If an argument is out of range.
    """
    if n < 1 or not 0 <= discordant <= 1:
        raise ValueError(f"{n} pairs, {discordant} discordant")

    def error(true: float) -> float:
        share = discordant + abs(true) if noise else max(discordant, abs(true))
        share = min(1.0, max(share, 1 / n))
        return math.sqrt(max(share - true**2, 0.0) / n)

    return error


def mde_look(
    error: Callable[[float], float],
    margin: float,
    *,
    looks: int,
    units: int,
    tests: int = 1,
    power: float = 0.8,
    room: float = 1.0,
) -> float:
    """Return the loss by which one of many planned looks fails its gate, or infinity.

    A look fails where its bound shows a loss and the 95% interval does not exclude one of the
    margin, see `harness.stats.looks`; of several slices both hold for all of them together.

    Args:
        error: Standard error of the difference, by the true difference.
        margin: The loss that is tolerated, at least 0.
        looks: How many are planned, at least 1.
        units: Independent samples or clusters behind the difference.
        tests: Differences that are judged at each look, such as slices.
        power: Wished chance of an alarm, in (0, 1).
        room: The greatest loss that there can be.

    Raises:
        ValueError: If there are fewer looks.
    """
    from scipy.special import ndtri

    ends = _Z * look_widening(looks=looks, units=units, tests=tests)
    interval, shown = _Z * widening(tests, units), float(ndtri(power))

    def lack(loss: float) -> float:
        own = error(loss)
        return max(ends * own, margin - interval * own) + shown * own - loss

    return smallest(lack, room)


def mde_counts(
    interval: Callable[[int], tuple[float, float]], n: int, threshold: float, *, power: float = 0.8
) -> float:
    """Return how far a rate must lie from a threshold for its interval to show it, or infinity.

    Exact for units that are right or wrong as a whole, such as probes with one answer each. Of the
    two directions the greater distance counts, or the only one where the other has no room.

    Args:
        interval: Of each number of right units; its ends rise with the number.
        n: Units, at least 1.
        threshold: The rate to be told from, in [0, 1].
        power: Wished chance to show the distance, in (0, 1).
    """
    from scipy.stats import beta

    found: list[float] = []
    above = bisect_left(range(n + 1), True, key=lambda right: interval(right)[0] > threshold)
    if 0 < above <= n:
        found.append(float(beta.ppf(power, above, n - above + 1)) - threshold)
    below = bisect_left(range(n + 1), True, key=lambda right: interval(right)[1] >= threshold)
    if below:
        # At most below - 1 right ones: as many wrong ones or more.
        wrong = n - below + 1
        found.append(float(beta.ppf(power, wrong, n - wrong + 1)) - (1 - threshold))
    return max(found, default=math.inf)


def equal_passes(error: float, margin: float, *, alpha: float = 0.05) -> float:
    """Return the chance that two equal sides are shown to differ by less than a margin.

    Args:
        error: Standard error of their difference, above 0.
        margin: Tolerated loss, at least 0.
        alpha: Two-sided level, in (0, 1).
    """
    from scipy.special import ndtr, ndtri

    return float(ndtr(margin / error + ndtri(alpha / 2)))


def shown_by(error: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the difference that is shown with the power, of an estimate with a standard error."""
    return error * sum(quantiles(alpha, power))


def error_shown(difference: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the standard error by which a difference is shown with the power."""
    return difference / sum(quantiles(alpha, power))


def quantiles(alpha: float, power: float) -> tuple[float, float]:
    """Return in standard errors how far an interval reaches, and how far beyond it is shown."""
    from scipy.special import ndtri

    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha {alpha} and power {power} are not 0 < alpha < power < 1")
    return float(-ndtri(alpha / 2)), float(ndtri(power))


def smallest(lack: Callable[[float], float], room: float) -> float:
    """Return the least distance at which nothing lacks, infinity where that is not in the room."""
    from scipy.optimize import brentq

    # Close to the end of its range an AUC is hard to show again: the first root is wanted.
    steps = [room * step / _STEPS for step in range(1, _STEPS)]
    before = 1e-9
    for step in steps:
        if lack(step) <= 0:
            return float(brentq(lack, before, step, xtol=1e-6)) if lack(before) > 0 else before
        before = step
    return math.inf
