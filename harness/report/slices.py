"""Slices in a report: the worst of each cell, a sentence where they differ, and their tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.findings import ALPHA, SlicedCell, SliceFigures
from harness.figures.slices import PartKind
from harness.language import Words
from harness.markdown import escape
from harness.records import BaselineCheck, SliceContrast
from harness.report.format import (
    NOTHING,
    count,
    fraction,
    p_value,
    signed,
    signed_interval,
    with_interval,
)
from harness.report.mistakes import Names
from harness.report.names import figure_name, some
from harness.report.tables import table

_LONGEST = 40
_UNFOLDED = 8


@dataclass(frozen=True, slots=True)
class SlicedPart:
    """All that a report says of slices, as inert markdown.

    Attributes:
        short: A sentence for each cell whose slices differ.
        cells: For each cell a line on its worst slice, its table, and whether that is folded.
        losses: A line for each slice that differs from the baseline.
    """

    short: tuple[str, ...]
    cells: tuple[Mapping[str, str | bool], ...]
    losses: tuple[str, ...]


def sliced_part(
    cells: Sequence[SlicedCell], checks: Sequence[BaselineCheck], names: Names, t: Words
) -> SlicedPart:
    """Return what a report says of slices."""
    short = [_short(one, names, t) for one in cells if one.differ]
    told = [_cell(one, names, t) for one in cells]
    losses = [
        _loss(check, one, names, t)
        for check in checks
        for one in check.slices
        if one.adjusted < ALPHA
    ]
    return SlicedPart((*short, *losses), tuple(told), tuple(losses))


def slice_name(column: str, value: str, kind: PartKind, t: Words, values: int = 0) -> str:
    """Return how a report calls a slice, a long value cut."""
    shown = escape(column, limit=_LONGEST)
    if kind == "other":
        return t.say("sl_other", column=shown, values=values or "")
    if kind == "nothing":
        return t.say("sl_nothing", column=shown)
    return f"{shown} = {escape(value, limit=_LONGEST)}"


def _name(one: SliceFigures, t: Words) -> str:
    return slice_name(one.column, one.value, one.kind, t, one.values)


def _short(cell: SlicedCell, names: Names, t: Words) -> str:
    off = [
        t.say(
            "sl_below" if one.below else "sl_above",
            slice=_name(one, t),
            value=with_interval(one.figures[cell.figure]),
        )
        for one in cell.slices
        if one.deviates and cell.figure in one.figures
    ]
    columns = [escape(name) for name, p in cell.columns.items() if p < ALPHA]
    return t.say(
        "sl_differ",
        cell=names[cell.evalset, cell.cell],
        figure=figure_name(cell.figure, t),
        which=some(off, t) if off else t.say("sl_by_column", columns=", ".join(columns)),
        p=p_value(cell.adjusted),
    )


def _cell(cell: SlicedCell, names: Names, t: Words) -> dict[str, str | bool]:
    name = names[cell.evalset, cell.cell]
    line = t.say("sl_no_worst", cell=name)
    if cell.worst is not None and cell.interval is not None:
        line = t.say(
            "sl_worst",
            cell=name,
            slice=_name(cell.slices[cell.worst], t),
            figure=figure_name(cell.figure, t),
            value=fraction(cell.interval.value),
            interval=f"[{fraction(cell.interval.low)}, {fraction(cell.interval.high)}]",
            n=count(cell.interval.n),
            of=len(cell.slices),
        )
    columns = ", ".join(f"{escape(name)} {p_value(p)}" for name, p in cell.columns.items())
    line += " " + t.say("sl_columns", columns=columns)
    figures = dict.fromkeys(name for one in cell.slices for name in one.figures)
    lines = []
    for one in cell.slices:
        row = {
            t["h_slice"]: _name(one, t),
            t["h_n"]: count(one.n),
            t["h_unscored"]: count(one.unscored),
        }
        for figure in figures:
            found = one.figures.get(figure)
            row[figure_name(figure, t)] = with_interval(found) if found else NOTHING
        row[t["h_differs"]] = p_value(one.adjusted) if one.deviates else ""
        lines.append(row)
    return {"line": line, "table": table(lines, keep=set()), "folded": len(lines) > _UNFOLDED}


def _loss(check: BaselineCheck, one: SliceContrast, names: Names, t: Words) -> str:
    found = one.contrast
    return t.say(
        "sl_loss" if found.value < 0 else "sl_gain",
        cell=names[check.evalset, check.cell],
        slice=slice_name(one.column, one.value, one.kind, t),
        figure=figure_name(found.figure, t),
        first=fraction(found.first),
        second=fraction(found.second),
        value=signed(found.value, 3),
        interval=signed_interval(found.low, found.high, 3),
        n=count(found.n),
        p=p_value(one.adjusted),
    )
