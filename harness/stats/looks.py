"""A comparison that is looked at many times: the error that each of the looks may have."""

from __future__ import annotations

from harness.stats.slices import ALPHA, widening

SERIES = 0.01
"""The chance that any of all planned looks shows a loss where there is none."""


def look_alpha(looks: int) -> float:
    """Return the one-sided error of a single look: each of the planned ones spends as much.

    Args:
        looks: How many are planned, at least 1.

    Raises:
        ValueError: If there are fewer.

    Source: Dunn (1961), JASA 56:52. It holds however the looks depend on each other.
    """
    if looks < 1:
        raise ValueError(f"{looks} looks")
    return SERIES / looks


def look_bound(value: float, end: float, *, looks: int, units: int, tests: int = 1) -> float:
    """Return the end of a difference's interval that holds at all planned looks together.

    Args:
        value: The difference.
        end: The same end of its 95% interval, which is moved away from the difference in the
            ratio of Student's quantiles.
        looks: How many are planned, at least 1.
        units: Independent samples or clusters behind the difference.
        tests: Differences that are judged at each look, such as slices.

    Raises:
        ValueError: If there are fewer looks.
    """
    return value + look_widening(looks=looks, units=units, tests=tests) * (end - value)


def look_widening(*, looks: int, units: int, tests: int = 1) -> float:
    """Return by which factor a 95% half-width grows at one of the planned looks.

    The arguments are those of `look_bound`.
    """
    return widening(ALPHA / 2 / (look_alpha(looks) / tests), units)
