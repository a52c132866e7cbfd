"""Scores as a report spells them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from harness.records import Figure
from harness.report.format import NOTHING, signed


def scale_interval(figure: Figure | float) -> str:
    """Return a score, or one with its interval: `6.43 [5.10, 7.72]`."""
    if isinstance(figure, float):
        return f"{figure:.2f}"
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"


def strength_interval(figure: Figure) -> str:
    """Return a strength on its scale of logarithms with its interval, with true signs."""
    ends = f"[{signed(figure.low, 2)}, {signed(figure.high, 2)}]"
    return f"{signed(figure.value, 2)} {ends}"


def mean_spread(scores: Sequence[float], *, digits: int = 1) -> str:
    """Return the mean of a probe's scores and the least and greatest: `6.4 (5.1 to 7.7)`."""
    if not scores:
        return NOTHING
    middle, least, most = (f"{one:.{digits}f}" for one in (mean(scores), min(scores), max(scores)))
    return middle if len(scores) == 1 else f"{middle} ({least}\N{EN DASH}{most})"
