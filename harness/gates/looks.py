"""A gate on a baseline that is looked at day after day: one look, and its verdict."""

from __future__ import annotations

import math

from harness.figures import FigureKind, figure_kind
from harness.records import Contrast, Look, Verdict
from harness.stats.looks import look_alpha, look_bound

# z of 80% power / z of a 95% interval: half-widths that a loss must lie beyond what a look shows.
_BEYOND = 0.8416212335729143 / 1.959963984540054


def take_look(
    found: Contrast, planned: int, *, units: int, tests: int = 1, kind: FigureKind | None = None
) -> Look:
    """Return what one of the planned looks shows.

    Args:
        found: The comparison, with its 95% interval.
        planned: How many looks there are to be.
        units: Independent samples or clusters behind it.
        tests: Comparisons of which the worst is judged, such as slices.
        kind: Of the figure, by default the one of its name.
    """
    end = found.low if kind_of(found, kind).smaller else found.high
    bound = look_bound(found.value, end, looks=planned, units=units, tests=tests)
    return Look(planned, look_alpha(planned), bound)


def look_verdict(
    found: Contrast, margin: float, look: Look, *, kind: FigureKind | None = None
) -> Verdict:
    """Return what one of many looks says about `no_worse_than`.

    It passes where the 95% interval excludes a loss greater than the margin, as a single comparison
    does. It fails where a loss is shown, with the error of one look, that is not shown to be within
    the margin: while nothing has changed, any of the planned looks fails with a chance of
    `harness.stats.looks.SERIES` at most, whatever the margin and the number of samples. Between the
    two no loss is shown, and a loss of the margin is not excluded.

    Args:
        found: The comparison; of the worst of several slices with a simultaneous interval.
        margin: The loss that is tolerated.
        look: Of the same comparison.
        kind: Of the figure, by default the one of its name.
    """
    smaller = kind_of(found, kind).smaller
    # Of a figure that should be small, a gain is what it falls by.
    low, end = (-found.high, -look.end) if smaller else (found.low, look.end)
    return "pass" if low >= -margin else "fail" if end < 0 else "inconclusive"


def look_detectable(found: Contrast, look: Look, *, kind: FigureKind | None = None) -> float:
    """Return the true loss that such samples would show at one look in four of five runs."""
    kind = kind_of(found, kind)
    end = found.low if kind.smaller else found.high
    far = abs(look.end - found.value) + _BEYOND * abs(end - found.value)
    return far if far <= kind.span else math.inf


def look_words(found: Contrast, look: Look, *, kind: FigureKind | None = None) -> str:
    """Return a look in words: its error, and what the difference is with this error."""
    side = "least" if kind_of(found, kind).smaller else "most"
    return (f"one of {look.planned} looks, by which the difference is at {side} {look.end:+.3f} "
            f"(one-sided, alpha {look.alpha:.2g})")  # fmt: skip


def kind_of(found: Contrast, kind: FigureKind | None) -> FigureKind:
    """Return the kind that is given, which figures of judged models need, or that of the name."""
    return kind or figure_kind(found.figure)[0]


def overrun_words(look: Look) -> str:
    """Say that there were more looks than planned, or nothing."""
    if look.count <= look.planned:
        return ""
    return f"; look {look.count} of {look.planned} planned: write the baseline anew"
