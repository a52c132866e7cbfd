"""Forest plot: the figures of all cells of an eval set with their intervals and gates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor
from typing import TYPE_CHECKING

from harness.figures import COMPARED, FIGURES
from harness.language import Words
from harness.markdown import escape
from harness.records import Gate, Row
from harness.report.format import fraction, with_interval
from harness.report.plots import canvas, letters
from harness.report.plots.canvas import Plot
from harness.report.plots.cells import group_name, grouped, mode_names, style_key
from harness.report.tables import table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Lane = tuple[str, Row | None]
"""A line of the plot: a cell by its mode, or without a cell the name of a group."""

DRAWN = tuple(name for name in FIGURES if name in COMPARED)
"""The figures that are drawn, in the order of their table."""
PAGE_CELLS = 24
_LANE = 0.21
_LABELS = 3.2
_VALUES = 0.5
_TOP, _BOTTOM, _TICKS = 0.62, 0.62, 0.32
_SIGNS: Mapping[str, str] = {"at_least": "≥", "at_most": "≤"}
_GATE_LINES = {"pass": ("-", canvas.GREEN), "inconclusive": ("--", canvas.BLACK),
               "fail": (":", canvas.ORANGE)}  # fmt: skip


def forest(slug: str, rows: Sequence[Row], gates: Sequence[Gate], t: Words) -> Iterator[Plot]:
    """Yield the pages of one eval set's forest plot, each of at most `PAGE_CELLS` cells."""
    figures = [figure for figure in DRAWN if any(figure in row.figures for row in rows)]
    if not figures:
        return
    own = [
        gate
        for gate in gates
        # The threshold of a comparison is a margin, no place on the axis.
        if gate.evalset == rows[0].evalset
        and gate.figure in figures
        and gate.bound in ("at_least", "at_most")
    ]
    span = _span(rows, own, figures)
    names = mode_names(rows, t)
    pages = list(_pages(rows))
    for number, page in enumerate(pages, 1):
        title = t.say("p_forest", evalset=rows[0].evalset)
        if len(pages) > 1:
            title = t.say("p_part", title=title, number=number, total=len(pages))
        lanes = _lanes(page, names)
        height = _TOP + _LANE * len(lanes) + (_BOTTOM if own else _TICKS)
        sheet = canvas.page(height, title)
        left = 0.3 + min(
            _LABELS, max(letters.text_width(text, canvas.TEXT, bold=not row) for text, row in lanes)
        )
        width = (canvas.WIDTH - left - 0.1) / len(figures)
        for i, figure in enumerate(figures):
            axes = canvas.place(sheet, left + i * width, _TOP, width - _VALUES, _LANE * len(lanes))
            axes.set_title(t[f"h_{figure}"], fontweight="bold", pad=4)
            axes.set_xlim(*span)
            axes.set_ylim(len(lanes) - 0.5, -0.5)
            _label(axes, lanes, shown=i == 0)
            _draw(axes, lanes, figure, own)
        canvas.legend(sheet, _handles(own, t), columns=5)
        cells = t.say("n_cells", count=len(page))
        alt = t.say("p_forest_alt", cells=cells, evalset=escape(rows[0].evalset))
        yield Plot(f"forest-{slug}-{number}", sheet, alt, _numbers(page, own, figures, t))


def _pages(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Split the cells into pages, within a group only where it fills a page by itself."""
    page: list[Row] = []
    for group in grouped(rows).values():
        if page and len(page) + len(group) > PAGE_CELLS:
            yield page
            page = []
        page = page + group
        while len(page) > PAGE_CELLS:
            yield page[:PAGE_CELLS]
            page = page[PAGE_CELLS:]
    if page:
        yield page


def _lanes(page: Sequence[Row], names: Mapping[str, str]) -> list[Lane]:
    """Return the lines of a page: a group's name, then its cells."""
    lanes: list[Lane] = []
    for group in grouped(page).values():
        lanes.append((group_name(group[0]), None))
        lanes += [(names[row.cell], row) for row in group]
    return lanes


def _span(
    rows: Sequence[Row], gates: Sequence[Gate], figures: Sequence[str]
) -> tuple[float, float]:
    """Return the range that all panels and pages share, whole twentieths around all that is shown.

    Guessing at two equally frequent labels, 0.5, is always in it.
    """
    found = [row.figures[figure] for row in rows for figure in figures if figure in row.figures]
    low = min(0.5, *(one.low for one in found), *(gate.threshold for gate in gates))
    high = max(0.5, *(one.high for one in found), *(gate.threshold for gate in gates))
    return max(0.0, floor(low * 20) / 20) - 0.02, min(1.0, ceil(high * 20) / 20) + 0.02


def _label(axes: Axes, lanes: Sequence[Lane], *, shown: bool) -> None:
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color=canvas.GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    if not shown:
        axes.set_yticks([])
        return
    labels = [letters.fit(text, _LABELS, canvas.TEXT, bold=row is None) for text, row in lanes]
    axes.set_yticks(range(len(lanes)), labels, fontsize=canvas.TEXT)
    for tick, (_, row) in zip(axes.get_yticklabels(), lanes, strict=True):
        tick.set_fontweight("bold" if row is None else "normal")


def _draw(axes: Axes, lanes: Sequence[Lane], figure: str, gates: Sequence[Gate]) -> None:
    places = {row.cell: place for place, (_, row) in enumerate(lanes) if row is not None}
    for gate in gates:
        if gate.figure == figure and gate.cell in places:
            line, colour = _GATE_LINES[gate.verdict]
            place = places[gate.cell]
            axes.plot(
                [gate.threshold] * 2, [place - 0.48, place + 0.48], line, color=colour,
                linewidth=2.2, zorder=1.5, gid="gate",
            )  # fmt: skip
    having = [row for _, row in lanes if row is not None and figure in row.figures]
    for style in dict.fromkeys(style_key(row) for row in having):
        own = [row for row in having if style_key(row) == style]
        shown = [row.figures[figure] for row in own]
        colour, marker, _ = canvas.style_of(style)
        axes.errorbar(
            [one.value for one in shown], [places[row.cell] for row in own],
            xerr=canvas.whiskers(shown),
            fmt=marker, color=colour, elinewidth=1.4, capsize=2.5,
        )  # fmt: skip
    for row in having:
        axes.annotate(
            fraction(row.figures[figure].value), (1, places[row.cell]), (6, 0),
            xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
            fontsize=canvas.SMALL, annotation_clip=False,
        )  # fmt: skip
    if figure == "auc":
        axes.axvline(0.5, color=canvas.FAINT, linewidth=1, linestyle=(0, (1, 1.5)), zorder=0.5)


def _handles(gates: Sequence[Gate], t: Words) -> list[object]:
    from matplotlib.lines import Line2D

    verdicts = {gate.verdict for gate in gates}
    return [
        Line2D([], [], linestyle=line, color=colour, linewidth=2.2, label=t[f"p_gate_{verdict}"])
        for verdict, (line, colour) in _GATE_LINES.items()
        if verdict in verdicts
    ]


def _numbers(page: Sequence[Row], gates: Sequence[Gate], figures: Sequence[str], t: Words) -> str:
    """Return the figures, a line for each cell, with the marks of its gates."""
    lines = []
    for row in page:
        shown = {
            t[f"h_{name}"]: with_interval(row.figures[name]) if name in row.figures else ""
            for name in figures
        }
        marks = [
            t.say("p_mark", figure=t[f"h_{gate.figure}"], bound=_SIGNS[gate.bound],
                  threshold=f"{gate.threshold:g}", verdict=t[gate.verdict])
            for gate in gates if gate.cell == row.cell
        ]  # fmt: skip
        lines.append({t["h_cell"]: escape(row.cell), **shown, t["h_gate"]: "; ".join(marks)})
    return table(lines, keep=set())
