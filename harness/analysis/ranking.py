"""Which cells of a model are the best, by which figure; no test is in it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

from harness.records import Row


def lead(rows: Sequence[Row]) -> str:
    """Return the accuracy that cells are ranked by: calibrated where all scored cells have it."""
    scored = [row for row in rows if row.n]
    calibrated = scored and all("calibrated_accuracy" in row.figures for row in scored)
    return "calibrated_accuracy" if calibrated else "accuracy"


def best_pair(rows: Sequence[Row]) -> tuple[Row | None, Row | None]:
    """Return the best zero-shot and the best few-shot cell of one model by its leading figure."""
    figure = lead(rows)
    having = [row for row in rows if figure in row.figures]

    def best(cells: Iterable[Row]) -> Row | None:
        return max(cells, key=lambda row: row.figures[figure].value, default=None)

    bare = best(row for row in having if row.k == 0 and not row.train_rows)
    return bare, best(row for row in having if row.k > 0)


def grouped(rows: Sequence[Row], key: Callable[[Row], Hashable]) -> list[list[Row]]:
    """Return the rows of each key, in their order."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())
