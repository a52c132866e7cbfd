"""What must hold of a passport's figures: counting gave them, and nobody edited them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

from harness.judge.passport_figures import PassportSet
from harness.judge.point_figures import PointPassport, PointSet
from harness.records import Figure
from harness.spec.judgeset import HIGHEST, LOWEST
from harness.stats.intervals import clopper_pearson_interval

# Figures that every set has in which a pair has a verdict.
_NEEDED = ("accuracy", "order_agreement")
DEMANDED = (*_NEEDED, "accuracy_decided", "score_accuracy")
"""Shares of pairs, by which a judge is trusted."""


def check_figures(sets: Sequence[PassportSet], points: PointPassport | None) -> None:
    """Refuse figures that no measurement has, which would pass or fail a demand at random.

    Args:
        sets: What gold sets said of a judge.
        points: What marked answers said of it, None where they were not asked.

    Raises:
        ValueError: Which figure of which set.
    """
    for one in sets:
        if not 0 <= one.scored <= one.n <= one.total:
            raise ValueError(
                f"{one.name}: {one.scored} scored of {one.n}, in a file of {one.total}"
            )
        for name in _NEEDED if one.scored else ():
            if name not in one.figures:
                raise ValueError(f"{one.name}: no {name}")
            if one.figures[name].n != one.scored:
                raise ValueError(f"{one.name}: {name} is not of {one.scored} pairs")
        for name, figure in one.figures.items():
            _check_ends(one.name, name, figure)
            if name in DEMANDED and not _is_share(figure):
                raise ValueError(
                    f"{one.name}: {name} is not a share of {figure.n} with its interval"
                )
        _check_counts(one)
    for own in points.sets if points else ():
        _check_point_set(own)


def check_share(what: str, figure: Figure | None, most: int) -> None:
    """Refuse a share that counting at most so many things does not give.

    Raises:
        ValueError: What is not one.
    """
    if figure is None:
        return
    _check_ends(what, "share", figure)
    if figure.n > most or not _is_share(figure):
        raise ValueError(f"{what} is not a share of at most {most}")


def _check_point_set(own: PointSet) -> None:
    if not 0 <= own.scored <= own.points or not 0 < own.n <= own.total:
        raise ValueError(f"{own.name}: {own.scored} scored of {own.points} points")
    for name, figure in own.figures.items():
        _check_ends(own.name, name, figure)
        if figure.n > own.points or (name != "kappa" and not _is_counted(figure)):
            raise ValueError(f"{own.name}: {name} is not a share of {figure.n}")


def _check_ends(whose: str, name: str, figure: Figure) -> None:
    least = -1 if name.startswith("kappa") else 0
    ends = (least, figure.low, figure.value, figure.high, 1)
    if not all(map(math.isfinite, ends)) or list(ends) != sorted(ends) or figure.n < 1:
        raise ValueError(f"{whose}: {name} is not a figure")


def _is_counted(figure: Figure) -> bool:
    return math.isclose(figure.value * figure.n, round(figure.value * figure.n), abs_tol=1e-6)


def _is_share(figure: Figure) -> bool:
    """Return whether a figure is one that counting gives; one that was edited hardly is."""
    right = round(figure.value * figure.n)
    wanted = (right / figure.n, *clopper_pearson_interval(right, figure.n))
    found = (figure.value, figure.low, figure.high)
    return all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(found, wanted, strict=True))


def _check_counts(one: PassportSet) -> None:
    for part in [name for name in one.counts if "true_" in name]:
        if not 0 <= one.counts[part] <= one.counts.get(part.replace("true_", ""), -1):
            raise ValueError(f"{one.name}: {part} is not a count")
    for score in chain.from_iterable(one.scores.values()):
        if score is not None and not LOWEST <= score <= HIGHEST:
            raise ValueError(f"{one.name}: {score:g} is not a score")
