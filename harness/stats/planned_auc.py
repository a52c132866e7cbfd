"""What a comparison or a threshold of AUCs can show, before there are samples."""

from __future__ import annotations

import math

from harness.stats.auc import AreaSpread, area_interval, welch_spread
from harness.stats.intervals import square_and_add
from harness.stats.planned import quantiles, smallest


def planned_auc_variance(area: float, positives: int, negatives: int) -> float:
    """Return the variance of an AUC whose scores are normal in both classes, with equal spread.

    Args:
        area: The true AUC, in (0, 1).
        positives: Samples of the positive class, at least 1.
        negatives: Likewise of the other class.

    Source: Hanley and McNeil (1982), Radiology 143:29, for the form.
    """
    spread = _placements(area) * (positives + negatives - 2) + area * (1 - area)
    return spread / (positives * negatives)


def _placements(area: float) -> float:
    """Return the variance of either class's placements.

    Source: Owen (1956), Ann. Math. Stat. 27:1075, for the chance that two positives are above one
    negative.
    """
    from scipy.special import ndtri, owens_t

    return area - 2 * float(owens_t(float(ndtri(area)), 1 / math.sqrt(3))) - area**2


def planned_area_spread(area: float, positives: int, negatives: int) -> AreaSpread:
    """Return what samples of such an AUC would tell of its spread; arguments as above."""
    variance = planned_auc_variance(area, positives, negatives)
    return welch_spread(variance, [(_placements(area), n) for n in (positives, negatives)], area)


def mde_auc(
    positives: int, negatives: int, area: float, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Return how far an AUC must lie from a threshold for its interval to show it, or infinity.

    The interval is that of `auc_interval`. Of the two directions the greater distance counts, or
    the only one where the other has no room.

    Args:
        positives: Samples of the positive class.
        negatives: Samples of the other class.
        area: The threshold, in [0, 1].
        alpha: Two-sided level, in (0, 1).
        power: Wished chance to show the distance, in (alpha, 1).

    Raises:
        ValueError: If an argument is out of range.
    """
    _, shown = quantiles(alpha, power)
    if not 0 <= area <= 1:
        raise ValueError(f"an AUC of {area} is not in [0, 1]")
    if min(positives, negatives) < 2:
        return math.inf

    def lack(true: float, side: int) -> float:
        # Four estimates in five lie beyond this one, whose own interval must show it.
        variance = planned_auc_variance(true, positives, negatives)
        at = _logit(true) - side * shown * math.sqrt(max(variance, 0.0)) / (true * (1 - true))
        estimate = 1 / (1 + math.exp(-at))
        ends = area_interval(estimate, planned_area_spread(estimate, positives, negatives), alpha)
        return side * (area - ends[0 if side > 0 else 1])

    found = [
        smallest(lambda far, side=side: lack(area + side * far, side), room)  # type: ignore[misc]
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
    _, shown = quantiles(alpha, power)
    if not 0 < area < 1 or not -1 <= correlation < 1:
        raise ValueError(f"an AUC of {area} with a correlation of {correlation}")
    if min(positives, negatives) < 2:
        return math.inf

    def lack(difference: float) -> float:
        (p, one), (q, two) = (
            (at, planned_area_spread(at, positives, negatives))
            for at in (area - difference / 2, area + difference / 2)
        )
        # As `area_difference` puts the two intervals together.
        (_, high), (low, _) = area_interval(p, one, alpha), area_interval(q, two, alpha)
        below = square_and_add(q - low, high - p, correlation)
        both = one.variance + two.variance
        error = both - 2 * correlation * math.sqrt(one.variance * two.variance)
        return below + shown * math.sqrt(max(0.0, error)) - difference

    return smallest(lack, 2 * min(area, 1 - area))


def _logit(share: float) -> float:
    return math.log(share / (1 - share))
