"""Slices of a run's cells: their figures, the worst of them, and whether they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.analysis.slice_findings import SlicedCell, SliceFigures
from harness.figures import by_sample
from harness.figures.scores import clusters_of, right_answers
from harness.figures.slices import (
    Part,
    figure_on,
    parts_of,
    simultaneous,
    tested_figure,
)
from harness.records import Result, Row
from harness.stats import holm
from harness.stats.slices import column_test, deviation_tests


def sliced_cells(rows: Sequence[Row], results: Sequence[Result]) -> list[SlicedCell]:
    """Return the slices of each cell that has some."""
    by: dict[tuple[str, str], list[Result]] = {}
    for one in results:
        by.setdefault((one.evalset, one.cell), []).append(one)
    found = [
        _sliced(row, by[row.evalset, row.cell])
        for row in rows
        if row.slices and (row.evalset, row.cell) in by
    ]
    adjusted = holm([one.p for one in found])
    return [replace(one, adjusted=p) for one, p in zip(found, adjusted, strict=True)]


def _sliced(row: Row, results: Sequence[Result]) -> SlicedCell:
    figure, parts = tested_figure(row), parts_of(results, row.slices)
    labels = tuple(row.targets)
    right = right_answers(by_sample(results), figure)
    alone, columns, rates = _tests(parts, results, right, list(row.slices))
    slices = tuple(
        _one(part, part.of(results), row, labels, p, below)
        for part, p, below in zip(parts, alone, rates, strict=True)
    )
    having = [place for place, one in enumerate(slices) if figure in one.figures]
    worst = min(having, key=lambda place: slices[place].figures[figure].value, default=None)
    interval = None
    if worst is not None:
        own = slices[worst].figures[figure]
        interval = simultaneous(own, figure, parts[worst].of(results), row, len(having))
    least = min([*alone, *columns.values()], default=1.0)
    return SlicedCell(row.evalset, row.cell, figure, slices, columns, worst, interval, least)


def _tests(
    parts: Sequence[Part],
    results: Sequence[Result],
    right: Mapping[str, bool],
    columns: Sequence[str],
) -> tuple[list[float], dict[str, float], list[bool]]:
    """Return each slice's p-value, each column's, all adjusted together, and which are below."""
    kept = [place for place, one in enumerate(results) if one.sample in right]
    ids = [results[place].sample for place in kept]
    if not ids:
        return [1.0] * len(parts), dict.fromkeys(columns, 1.0), [False] * len(parts)
    values = np.array([right[one] for one in ids], dtype=np.bool_)
    inside = np.zeros((len(results), len(parts)), dtype=np.bool_)
    for index, part in enumerate(parts):
        inside[list(part.places), index] = True
    members, clusters = inside[kept], clusters_of(by_sample(results), ids)
    alone = deviation_tests(values, members, clusters)
    whole: list[float] = []
    for column in columns:
        own = [index for index, part in enumerate(parts) if part.column == column]
        whole.append(column_test(values, members[:, own].argmax(axis=1), clusters))
    adjusted = holm([*alone, *whole])
    rates = [bool(column.any() and values[column].mean() < values.mean()) for column in members.T]
    return (
        adjusted[: len(parts)],
        dict(zip(columns, adjusted[len(parts) :], strict=True)),
        rates,
    )


def _one(
    part: Part,
    results: Sequence[Result],
    row: Row,
    labels: Sequence[str],
    adjusted: float,
    below: bool,
) -> SliceFigures:
    found = {name: figure_on(results, name, labels) for name in row.figures}
    n = sum(one.correct is not None for one in results)
    return SliceFigures(
        column=part.column,
        value=part.value,
        kind=part.kind,
        values=part.values,
        samples=len(results),
        n=n,
        unscored=len(results) - n,
        figures={name: one for name, one in found.items() if one is not None and one.finite},
        adjusted=adjusted,
        below=below,
    )
