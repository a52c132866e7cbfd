"""What the slices of a set could show, before there are samples' answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.figures.slices import parts_among, spoken, tested_figure
from harness.planning.earlier import EarlierRun
from harness.planning.size import Size
from harness.run.cells import Cell
from harness.stats.slices import ALPHA, mde_slice

ASSUMED_RATE = 0.8
"""Rate of right answers, where no run says it."""


@dataclass(frozen=True, slots=True)
class SliceReach:
    """What is shown of the smallest slice of a set, which shows the least.

    Attributes:
        slices: Of all columns together.
        n: Samples of the smallest.
        part: What that is.
        far: How far its rate lies below the other samples' where that is shown in 80%; infinity
            where it never is, None where it is not known.
        basis: On what that rests, in words.
    """

    slices: int
    n: int
    part: str
    far: float | None
    basis: str


def slice_reach(cells: Sequence[Cell], size: Size, last: EarlierRun | None) -> SliceReach | None:
    """Return what slices of a set could show, None where it has none.

    Args:
        cells: Of the set.
        size: Its samples.
        last: Its last run.
    """
    evalset = cells[0].evalset
    columns = {one.name: one.min for one in evalset.slices}
    if not columns:
        return None
    if size.loaded is None:
        return SliceReach(0, 0, "", None, "they are known where the data is read")
    samples = size.loaded.samples
    parts = parts_among([dict(one.slices) for one in samples], columns)
    some = [part for part in parts if len(part.places) < len(samples)]
    if not some:
        return SliceReach(0, 0, "", None, "all samples are of one")
    least = min(some, key=lambda part: len(part.places))
    n, name = len(least.places), spoken(least.column, least.value, least.kind)
    if evalset.data.cluster is not None:
        return SliceReach(len(parts), n, name, None, "not known where samples share clusters")
    rate, basis = _rate(cells, last)
    # The first step of Holm's correction: each slice, and each column as a whole.
    alpha = ALPHA / (len(parts) + len(columns))
    far = mde_slice(n, len(samples) - n, rate, alpha=alpha)
    return SliceReach(len(parts), n, name, far, basis)


def _rate(cells: Sequence[Cell], last: EarlierRun | None) -> tuple[float, str]:
    """Return the rate of the cell that shows the least, the one nearest to a half."""
    ids = {(cell.path, cell.id) for cell in cells}
    found = [
        figure.value
        for row in (last.run.rows if last else ())
        if (row.evalset, row.cell) in ids and (figure := row.figures.get(tested_figure(row)))
        if 0 < figure.value < 1
    ]
    if not found:
        return ASSUMED_RATE, f"a rate of {ASSUMED_RATE:g} elsewhere, assumed"
    rate = min(found, key=lambda one: abs(one - 0.5))
    return rate, f"a rate of {rate:.2f} elsewhere, as in the last run"
