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


def planned_auc_variance(area: float, positives: int, negatives: int) -> float:
    """Return the variance of an AUC whose scores are normal in both classes, with equal spread.

    Args:
        area: The true AUC, in (0, 1).
        positives: Samples of the positive class, at least 1.
        negatives: Likewise of the other class.

    Source: Hanley and McNeil (1982), Radiology 143:29, for the form; Owen (1956), Ann. Math. Stat.
    27:1075, for the chance that two positives are above one negative.
    """
    from scipy.special import ndtri, owens_t

    both = area - 2 * float(owens_t(float(ndtri(area)), 1 / math.sqrt(3)))
    spread = (both - area**2) * (positives + negatives - 2) + area * (1 - area)
    return spread / (positives * negatives)


def mde_auc(
    positives: int, negatives: int, area: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Return how far an AUC must lie from a threshold for its interval to show it, or infinity.

    The interval is DeLong's on the logit scale. Of the two directions the greater distance counts,
    or the only one where the other has no room.

    Args:
        positives: Samples of the positive class.
        negatives: Samples of the other class.
        area: The threshold, in [0, 1].
        alpha: Two-sided level, in (0, 1).
        power: Wished chance to show the distance, in (alpha, 1).

    Raises:
        ValueError: If an argument is out of range.
    """
    level, shown = _quantiles(alpha, power)
    if not 0 <= area <= 1:
        raise ValueError(f"an AUC of {area} is not in [0, 1]")
    if min(positives, negatives) < 2:
        return math.inf

    def error(true: float) -> float:
        variance = planned_auc_variance(true, positives, negatives)
        return math.sqrt(max(variance, 0.0)) / (true * (1 - true))

    def lack(true: float, side: int) -> float:
        # Four estimates in five lie beyond this one, whose own interval must show it.
        at = _logit(true) - side * shown * error(true)
        estimate = 1 / (1 + math.exp(-at))
        return level * error(estimate) - side * (at - _logit(area))

    found = [
        _smallest(lambda far, side=side: lack(area + side * far, side), room)  # type: ignore[misc]
        for side, room in ((1, 1 - area), (-1, area))
        if 0 < area < 1
    ]
    return max((one for one in found if math.isfinite(one)), default=math.inf)


def mde_paired_auc(
    positives: int,
    negatives: int,
    area: float,
    correlation: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
) -> float:
    """Return the smallest difference of two AUCs on the same samples that is shown, or infinity.

    Args:
        positives: Samples of the positive class.
        negatives: Samples of the other class.
        area: The AUC half-way between the two, in (0, 1).
        correlation: Of the two estimates, in [-1, 1).
        alpha: Two-sided level, in (0, 1).
        power: Wished chance to show the difference, in (alpha, 1).

    Raises:
        ValueError: If an argument is out of range.

    Source: Hanley and McNeil (1983), Radiology 148:839.
    """
    reach = sum(_quantiles(alpha, power))
    if not 0 < area < 1 or not -1 <= correlation < 1:
        raise ValueError(f"an AUC of {area} with a correlation of {correlation}")
    if min(positives, negatives) < 2:
        return math.inf

    def lack(difference: float) -> float:
        one, two = (
            planned_auc_variance(area + side * difference / 2, positives, negatives)
            for side in (-1, 1)
        )
        return reach * math.sqrt(one + two - 2 * correlation * math.sqrt(one * two)) - difference

    return _smallest(lack, 2 * min(area, 1 - area))


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
    reach = sum(_quantiles(alpha, power))
    if not -1 <= margin <= 1:
        raise ValueError(f"{n} pairs, {discordant} discordant, margin {margin}")
    error = pairs_error(n, discordant, noise=noise)
    none, every = np.zeros(n, dtype=np.bool_), np.ones(n, dtype=np.bool_)
    if paired_accuracy(none, every).low <= margin:
        return math.inf
    return _smallest(lambda far: reach * error(margin + far) - far, 1 - margin)


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

    return _smallest(lack, room)


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
    return error * sum(_quantiles(alpha, power))


def error_shown(difference: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Return the standard error by which a difference is shown with the power."""
    return difference / sum(_quantiles(alpha, power))


def _quantiles(alpha: float, power: float) -> tuple[float, float]:
    """Return in standard errors how far an interval reaches, and how far beyond it is shown."""
    from scipy.special import ndtri

    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha {alpha} and power {power} are not 0 < alpha < power < 1")
    return float(-ndtri(alpha / 2)), float(ndtri(power))


def _smallest(lack: Callable[[float], float], room: float) -> float:
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


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
