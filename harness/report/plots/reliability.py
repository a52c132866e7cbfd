"""Reliability plot: stated label probabilities against what came true, a small panel per cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.analysis.bins import PROBABILITY_BINS
from harness.analysis.findings import Bin, Reliability
from harness.language import Words
from harness.markdown import escape
from harness.records import Row
from harness.report.plots import canvas, letters
from harness.report.plots.canvas import Plot
from harness.report.plots.cells import Bins, mode_names, name, panel_name, telling
from harness.report.tables import table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


PAGE_PANELS = 12
_SIZE = (1.85, 1.85)
_STRIP = 0.32
_BEFORE = (canvas.BLUE, "o", "-")
_AFTER = (canvas.ORANGE, "s", "--")


def reliabilities(slug: str, rows: Sequence[Row], bins: Bins, t: Words) -> Iterator[Plot]:
    """Yield the pages of one eval set's reliability plot."""
    names = mode_names(rows, t)
    able = [row for row in rows if "calibrated_accuracy" in row.figures]
    found = [
        (row, one)
        for row in telling(able)
        if (one := bins[row.evalset, row.cell].reliability) is not None
    ]
    pages = [found[i : i + PAGE_PANELS] for i in range(0, len(found), PAGE_PANELS)]
    for number, page in enumerate(pages, 1):
        title = t.say("p_reliability", evalset=rows[0].evalset)
        if len(pages) > 1:
            title = t.say("p_part", title=title, number=number, total=len(pages))
        modes = [t.say("p_mode_n", mode=names[row.cell], n=sum(b.share.n for b in one.raw))
                 for row, one in page]  # fmt: skip
        headings = [panel_name(row, mode) for (row, _), mode in zip(page, modes, strict=True)]
        sheet = canvas.sheet(headings, title, size=_SIZE, gap=(0.3, 0.62), bottom=0.8)
        for i, (_, one) in enumerate(page):
            axes = sheet.axes[i]
            _draw(axes, one)
            _strip(axes, one)
            _axes(axes, one, t, left=sheet.at_left(i), bottom=sheet.at_bottom(i))
        canvas.legend(sheet.figure, _handles(t))
        cells = t.say("n_cells", count=len(page))
        alt = t.say("p_reliability_alt", cells=cells, evalset=escape(page[0][0].evalset))
        yield Plot(f"reliability-{slug}-{number}", sheet.figure, alt, _numbers(page, t))


def _draw(axes: Axes, one: Reliability) -> None:
    axes.plot([0, 1], [0, 1], color=canvas.FAINT, linewidth=1, linestyle=(0, (1, 1.5)))
    for bins, (colour, marker, line) in ((one.raw, _BEFORE), (one.calibrated, _AFTER)):
        shares = [b.share for b in bins]
        axes.errorbar(
            [b.middle for b in bins], [s.value for s in shares],
            yerr=canvas.whiskers(shares),
            fmt=marker, color=colour, linestyle=line, linewidth=1, elinewidth=1,
            markersize=3.5, markerfacecolor=colour if bins is one.raw else canvas.PAPER,
        )  # fmt: skip


def _strip(axes: Axes, one: Reliability) -> None:
    """Draw the counts of the bins along the foot of the panel, up to the largest of them."""
    most = max(b.share.n for b in (*one.raw, *one.calibrated))
    edges = [i / PROBABILITY_BINS for i in range(PROBABILITY_BINS + 1)]
    for bins, colour in ((one.raw, canvas.LIGHT_BLUE), (one.calibrated, canvas.ORANGE)):
        counts = {b.low: b.share.n for b in bins}
        axes.stairs(
            [_STRIP * counts.get(low, 0) / most - _STRIP - 0.06 for low in edges[:-1]],
            edges,
            baseline=-_STRIP - 0.06,
            fill=bins is one.raw,
            color=colour,
            linewidth=1,
        )
    axes.axhline(-0.03, color=canvas.GRID, linewidth=0.8)
    axes.annotate(
        f"{most}", (1, -0.06), (2, 0), textcoords="offset points", va="top",
        fontsize=canvas.SMALL, color=canvas.INK, annotation_clip=False,
    )  # fmt: skip


def _axes(axes: Axes, one: Reliability, t: Words, *, left: bool, bottom: bool) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-_STRIP - 0.06, 1.03)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    words = ["0", "", "0.5", "", "1"]
    axes.set_yticks(ticks, words if left else [])
    axes.set_xticks(ticks, words if bottom else [])
    label = None if one.label is None else t.say("quote", text=name(one.label))
    if bottom:
        text = t["p_answer_stated"] if label is None else t.say("p_stated", label=label)
        axes.set_xlabel(letters.fit(text, _SIZE[0], canvas.TEXT), labelpad=2)
    if left:
        text = t["p_answer_came"] if label is None else t.say("p_came", label=label)
        axes.set_ylabel(letters.fit(text, _SIZE[1], canvas.TEXT), labelpad=2)


def _handles(t: Words) -> list[object]:
    from matplotlib.lines import Line2D

    styles = ((_BEFORE, "p_before", _BEFORE[0]), (_AFTER, "p_after", canvas.PAPER))
    found: list[object] = [
        Line2D([], [], color=colour, marker=marker, linestyle=line, linewidth=1,
               markerfacecolor=face, label=t[key])
        for (colour, marker, line), key, face in styles
    ]  # fmt: skip
    line = Line2D([], [], color=canvas.FAINT, linestyle=(0, (1, 1.5)), label=t["p_diagonal"])
    return [*found, line]


def _numbers(page: Sequence[tuple[Row, Reliability]], t: Words) -> str:
    """Return how many bins are off, a line for each cell."""
    lines = [
        {t["h_cell"]: escape(row.cell),
         t.say("p_h_off", when=t["p_before"]): _off(one.raw, t),
         t.say("p_h_off", when=t["p_after"]): _off(one.calibrated, t)}
        for row, one in page
    ]  # fmt: skip
    return table(lines, keep=set())


def _off(bins: Sequence[Bin], t: Words) -> str:
    return t.say("p_of", part=sum(one.off for one in bins), total=len(bins))
