"""A cell's slices against the same samples of its baseline."""

from __future__ import annotations

from collections.abc import Sequence

from harness.figures import ResultsById
from harness.figures.slices import (
    Part,
    parts_of,
    simultaneous_difference,
    tested_figure,
    units_of,
)
from harness.gates.paired import contrast_runs
from harness.gates.slices import some
from harness.records import Contrast, Result, Row, SliceContrast
from harness.stats import holm


def slice_contrasts(
    first: Sequence[ResultsById], second: ResultsById, row: Row, results: Sequence[Result]
) -> list[SliceContrast]:
    """Return how two sides differ in each slice of a cell, as far as slices can be paired.

    Args:
        first: Results by sample of each run of the baseline.
        second: Likewise of the cell.
        row: The cell.
        results: Of the cell, which say what stands in which slice.
    """
    figure, labels = tested_figure(row), tuple(row.targets)
    parts = parts_of(results, row.slices)
    found: list[tuple[Part, Contrast]] = []
    for part in parts:
        ids = [results[place].sample for place in part.places]
        *runs, now = (some(side, ids) for side in (*first, second))
        if (one := contrast_runs(runs, now, figure, labels=labels, part=True)) is not None:
            units = units_of(part.of(results), row)
            found.append((part, simultaneous_difference(one, len(parts), units)))
    adjusted = holm([one.p for _, one in found])
    return [
        SliceContrast(part.column, part.value, part.kind, one, p)
        for (part, one), p in zip(found, adjusted, strict=True)
    ]
