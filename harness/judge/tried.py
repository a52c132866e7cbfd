"""Rubrics that a judge was measured by on the same gold: the best of several looks too good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from harness.judge.passport import Passport, PassportError, load_passport
from harness.judge.passport_checks import DEMANDED
from harness.judge.passport_figures import PassportSet
from harness.judge.point_figures import CLASSES, PointSet
from harness.records import Figure
from harness.stats.intervals import clopper_pearson_interval
from harness.stats.slices import widening

_LEVEL = 0.05
_Set = TypeVar("_Set", PassportSet, PointSet)


def with_earlier(path: Path, passport: Passport) -> Passport:
    """Return a new passport with the rubrics of those that it replaces.

    Args:
        path: Where it will be saved; a passport of another judge's weights there says nothing.
        passport: The new one.
    """
    try:
        old = load_passport(path)
    except PassportError:
        return passport
    if old.model_digest != passport.model_digest:
        return passport
    tried = {gold: {*rubrics} for gold, rubrics in old.tried.items()}
    for gold, rubrics in _measured(old):
        tried.setdefault(gold, set()).add(rubrics)
    for gold, rubrics in _measured(passport):
        tried.get(gold, set()).discard(rubrics)
    return replace(passport, tried={g: tuple(sorted(r)) for g, r in sorted(tried.items()) if r})


def as_demanded(passport: Passport) -> Passport:
    """Return a passport whose demanded figures allow for the rubrics that were tried.

    Where k rubrics were measured on one gold set, this one included, an interval of a demanded
    figure holds the truth of all k at once in 95% (Bonferroni: each is one of 1 - 0.05 / k).
    Shares of pairs have Clopper and Pearson's; both halves of those of points, which go by
    answers, are widened as those of slices are.
    """
    points = passport.points
    return replace(
        passport,
        sets=tuple(_widened(one, passport, DEMANDED) for one in passport.sets),
        points=points
        and replace(points, sets=tuple(_widened(o, passport, CLASSES) for o in points.sets)),
    )


def rubrics_tried(passport: Passport, gold: str) -> int:
    """Return how many rubrics a judge was measured by on a gold set, the present one included."""
    return 1 + len(passport.tried.get(gold, ()))


def _measured(passport: Passport) -> Iterator[tuple[str, str]]:
    """Yield the digest of each gold set, and that of the rubrics that it was asked by."""
    for one in passport.sets:
        yield one.digest, f"{passport.rubric.digest} {passport.pairwise.digest}"
    if points := passport.points:
        yield from ((own.digest, points.digest) for own in points.sets)


def _widened(one: _Set, passport: Passport, names: tuple[str, ...]) -> _Set:
    k = rubrics_tried(passport, one.digest)
    if k == 1:
        return one
    of_pairs = isinstance(one, PassportSet)
    wider = {
        name: _exact(figure, k) if of_pairs else _wider(figure, k, one.n)
        for name, figure in one.figures.items()
        if name in names
    }
    return replace(one, figures={**one.figures, **wider})


def _exact(figure: Figure, k: int) -> Figure:
    passed = round(figure.value * figure.n)
    low, high = clopper_pearson_interval(passed, figure.n, level=1 - _LEVEL / k)
    return replace(figure, low=low, high=high)


def _wider(figure: Figure, k: int, answers: int) -> Figure:
    """Return a share of points with both halves of its interval widened."""
    times = widening(k, max(answers, 2))
    low, high = (figure.value + times * (end - figure.value) for end in (figure.low, figure.high))
    return replace(figure, low=max(0.0, low), high=min(1.0, high))
