"""Which figure decides, and which cells of a model are the best by it; no test is in it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

from harness.figures import COMPARED
from harness.records import Row


def primary_of(rows: Sequence[Row]) -> str:
    """Return the figure that verdicts on an eval set go by.

    The one that the set names; else the first of AUC, calibrated and raw accuracy that all of its
    scored cells have. It is fixed by what the cells can have, not by what they came to.

    Args:
        rows: All of one set, or of one of its models.
    """
    if named := next((row.primary for row in rows if row.primary), ""):
        return named
    scored = [row for row in rows if row.n]
    having = (name for name in COMPARED if scored and all(name in row.figures for row in scored))
    return next(having, "accuracy")


def primaries(rows: Sequence[Row]) -> dict[str, str]:
    """Return the figure that verdicts go by of each eval set; others than classifiers choose it."""
    return {
        own[0].evalset: primary_of([row for row in own if not row.classifier] or own)
        for own in grouped(rows, lambda row: row.evalset)
    }


def lead(rows: Sequence[Row]) -> str:
    """Return the accuracy that shares of right answers are of: calibrated where all have it."""
    scored = [row for row in rows if row.n]
    calibrated = scored and all("calibrated_accuracy" in row.figures for row in scored)
    return "calibrated_accuracy" if calibrated else "accuracy"


def best_pair(rows: Sequence[Row], figure: str) -> tuple[Row | None, Row | None]:
    """Return the best zero-shot and the best few-shot cell of one model by a figure."""
    having = [row for row in rows if figure in row.figures]

    def best(cells: Iterable[Row]) -> Row | None:
        return max(cells, key=lambda row: row.figures[figure].value, default=None)

    bare = best(row for row in having if row.k == 0 and not row.classifier)
    return bare, best(row for row in having if row.k > 0)


def grouped(rows: Sequence[Row], key: Callable[[Row], Hashable]) -> list[list[Row]]:
    """Return the rows of each key, in their order."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())
