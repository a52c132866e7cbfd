"""Figures over the number of shots, where cells differ in nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.language import Words
from harness.markdown import escape
from harness.records import Row
from harness.report.format import with_interval
from harness.report.plots import canvas
from harness.report.plots.canvas import Plot
from harness.report.plots.cells import group_name, grouped, name
from harness.report.plots.forest import DRAWN
from harness.report.plots.lengths import placement_handles
from harness.report.tables import table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Line = list[Row]

_PAGE_ROWS = 4
_SIZE = (2.6, 1.7)
_DODGE = 0.13


def over_shots(slug: str, rows: Sequence[Row], t: Words) -> Iterator[Plot]:
    """Yield the pages of one eval set; none where no two few-shot cells differ in k alone."""
    figures = [figure for figure in DRAWN if any(figure in row.figures for row in rows)]
    series = _series(rows)
    pages = [series[i : i + _PAGE_ROWS] for i in range(0, len(series), _PAGE_ROWS)]
    for number, page in enumerate(pages, 1):
        title = t.say("p_shots", evalset=rows[0].evalset)
        if len(pages) > 1:
            title = t.say("p_part", title=title, number=number, total=len(pages))
        panels = [(lines, figure) for lines in page for figure in figures]
        # One row of panels for each series, whatever the number of figures.
        width = (canvas.WIDTH - 1.0) / len(figures) - 0.3
        sheet = canvas.sheet(
            [(_series_name(lines), t[f"h_{figure}"]) for lines, figure in panels],
            title,
            size=(width, _SIZE[1]),
            gap=(0.3, 0.55),
            bottom=0.8,
        )
        shown = [row.figures[f] for lines in page for line in lines for row in line for f in figures
                 if f in row.figures]  # fmt: skip
        counts = sorted({row.k for lines in page for line in lines for row in line})
        for i, (lines, figure) in enumerate(panels):
            axes = sheet.axes[i]
            _draw(axes, lines, figure, counts)
            axes.set_ylim(max(0.0, min(one.low for one in shown) - 0.05), 1.02)
            axes.set_xticks(
                range(len(counts)), [str(k) for k in counts] if sheet.at_bottom(i) else []
            )
            axes.set_xlim(-0.5, len(counts) - 0.5)
            axes.grid(axis="y", color=canvas.GRID, linewidth=0.6)
            axes.set_axisbelow(True)
            axes.tick_params(labelleft=sheet.at_left(i))
            if sheet.at_bottom(i):
                axes.set_xlabel(t["p_k"], labelpad=2)
        placements = dict.fromkeys(line[-1].placement for lines in page for line in lines)
        canvas.legend(sheet.figure, placement_handles(list(placements), t))
        alt = t.say("p_shots_alt", evalset=escape(rows[0].evalset))
        yield Plot(f"shots-{slug}-{number}", sheet.figure, alt, _numbers(page, figures, t))


def _series(rows: Sequence[Row]) -> list[list[Line]]:
    """Return the lines of each panel: one per placement of a model, prompt, selector and order.

    A line has all cells of its placement, those of several draws included, and begins with the
    zero-shot cell where there is one.
    """
    found: list[list[Line]] = []
    for group in grouped(rows).values():
        bare = [row for row in group if row.k == 0 and not row.classifier]
        shown = [row for row in group if row.k > 0]
        for way in dict.fromkeys((row.selector, row.order) for row in shown):
            lines: list[Line] = []
            own = [row for row in shown if (row.selector, row.order) == way]
            for placement in dict.fromkeys(row.placement for row in own):
                line = [row for row in own if row.placement == placement]
                if len({row.k for row in line}) > 1:
                    lines.append(sorted([*bare, *line], key=lambda row: row.k))
            found += [lines] if lines else []
    return found


def _series_name(lines: Sequence[Line]) -> str:
    row = lines[0][-1]
    parts = [group_name(row), name(row.selector or ""), name(row.order or "")]
    return " · ".join(part for part in parts if part)


def _draw(axes: Axes, lines: Sequence[Line], figure: str, counts: Sequence[int]) -> None:
    for i, line in enumerate(lines):
        having = [row for row in line if figure in row.figures]
        if not having:
            continue
        colour, marker, style = canvas.style_of(line[-1].placement)
        places = [counts.index(row.k) + _shift(row, having, i, len(lines)) for row in having]
        shown = [row.figures[figure] for row in having]
        axes.errorbar(
            places, [one.value for one in shown],
            yerr=canvas.whiskers(shown),
            fmt=marker, color=colour, elinewidth=1, markersize=3.5,
        )  # fmt: skip
        steps = sorted({row.k for row in having})
        means = [_mean([row.figures[figure].value for row in having if row.k == k]) for k in steps]
        middle = _DODGE * (i - (len(lines) - 1) / 2)
        axes.plot(
            [counts.index(k) + middle for k in steps], means, linestyle=style, color=colour,
            linewidth=1, gid="means",
        )  # fmt: skip


def _shift(row: Row, having: Sequence[Row], line: int, lines: int) -> float:
    """Return how far a point stands beside its k, so that intervals do not cover each other."""
    same = [one for one in having if one.k == row.k]
    step = _DODGE / max(1, len(same))
    own = step * (same.index(row) - (len(same) - 1) / 2)
    return _DODGE * (line - (lines - 1) / 2) + own


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _numbers(page: Sequence[Sequence[Line]], figures: Sequence[str], t: Words) -> str:
    """Return the figures, a line for each cell; the first of a panel's lines begin with one."""
    rows = {row.cell: row for lines in page for line in lines for row in line}
    lines = [
        {
            t["h_cell"]: escape(row.cell),
            t["p_k"]: str(row.k),
            **{t[f"h_{name}"]: with_interval(row.figures[name]) if name in row.figures else ""
               for name in figures},
        }
        for row in rows.values()
    ]  # fmt: skip
    return table(lines, keep=set())
