"""Accuracy over the length of the text, a panel per model and prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.analysis.findings import Bin
from harness.language import Words
from harness.markdown import escape
from harness.records import GIVEN, Figure, Row
from harness.report.format import count, with_interval
from harness.report.plots import canvas
from harness.report.plots.canvas import Plot
from harness.report.plots.cells import (
    ENCODER,
    TRAINED,
    Bins,
    group_name,
    grouped,
    per_placement,
    style_key,
)
from harness.report.tables import table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Spans = Sequence[tuple[int, int]]

PAGE_PANELS = 9
_SIZE = (2.6, 1.7)
_DODGE = 0.16


def over_lengths(slug: str, rows: Sequence[Row], bins: Bins, t: Words) -> Iterator[Plot]:
    """Yield the pages of one eval set; none where the lengths of its texts are unknown."""
    first = bins[rows[0].evalset, rows[0].cell]
    spans, figure = first.length_spans, first.length_figure
    panels: list[list[tuple[Row, tuple[Bin, ...]]]] = []
    for group in grouped(rows).values():
        lines = [
            (row, found)
            for row in per_placement(group, figure)
            if (found := bins[row.evalset, row.cell].lengths)
        ]
        panels += [lines] if lines and spans else []
    pages = [panels[i : i + PAGE_PANELS] for i in range(0, len(panels), PAGE_PANELS)]
    for number, page in enumerate(pages, 1):
        title = t.say("p_length", figure=t[f"f_{figure}"], evalset=rows[0].evalset)
        if len(pages) > 1:
            title = t.say("p_part", title=title, number=number, total=len(pages))
        headings = [(group_name(panel[0][0]),) for panel in page]
        sheet = canvas.sheet(headings, title, size=_SIZE, gap=(0.3, 0.4), bottom=0.8)
        low = min(b.share.low for panel in page for _, found in panel for b in found)
        for i, panel in enumerate(page):
            axes = sheet.axes[i]
            axes.set_ylim(max(0.0, low - 0.05), 1.02)
            _draw(axes, panel, spans)
            _axes(axes, spans, t, left=sheet.at_left(i), bottom=sheet.at_bottom(i))
        placements = dict.fromkeys(style_key(row) for panel in page for row, _ in panel)
        canvas.legend(sheet.figure, placement_handles(list(placements), t))
        alt = t.say("p_length_alt", figure=t[f"f_{figure}"], evalset=escape(rows[0].evalset),
                    bins=len(spans))  # fmt: skip
        yield Plot(f"length-{slug}-{number}", sheet.figure, alt, _numbers(page, spans, t))


def placement_handles(placements: Sequence[str | None], t: Words) -> list[object]:
    """Return legend entries of the placements, and of classifiers."""
    from matplotlib.lines import Line2D

    found: list[object] = []
    for placement in placements:
        colour, marker, line = canvas.style_of(placement)
        label = t["zeroshot"] if placement is None else t.say("p_fewshot", placement=placement)
        named = {TRAINED: t["p_trained"], ENCODER: t["p_encoder"], GIVEN: t["given"]}
        label = named.get(placement or "", label)
        found.append(Line2D([], [], color=colour, marker=marker, linestyle=line, label=label))
    return found


def _draw(axes: Axes, panel: Sequence[tuple[Row, Sequence[Bin]]], spans: Spans) -> None:
    places = {low: i for i, (low, _) in enumerate(spans)}
    for i, (row, bins) in enumerate(panel):
        shift = _DODGE * (i - (len(panel) - 1) / 2)
        colour, marker, line = canvas.style_of(style_key(row))
        shares = [b.share for b in bins]
        axes.errorbar(
            [places[int(b.low)] + shift for b in bins], [s.value for s in shares],
            yerr=canvas.whiskers(shares),
            fmt=marker, color=colour, linestyle=line, linewidth=1, elinewidth=1,
            markersize=3.5, label=row.cell,
        )  # fmt: skip


def _axes(axes: Axes, spans: Spans, t: Words, *, left: bool, bottom: bool) -> None:
    axes.grid(axis="y", color=canvas.GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlim(-0.5, len(spans) - 0.5)
    axes.set_xticks(range(len(spans)), [str(high) for _, high in spans] if bottom else [])
    if bottom:
        axes.set_xlabel(t["p_characters"], labelpad=2)
    if not left:
        axes.tick_params(labelleft=False)


def _numbers(page: Sequence[Sequence[tuple[Row, Sequence[Bin]]]], spans: Spans, t: Words) -> str:
    """Return the shares, a line for each cell and a column for each span of lengths."""
    lines = []
    for panel in page:
        for row, bins in panel:
            found = {(int(one.low), int(one.high)): one.share for one in bins}
            shares = {
                t.say("p_h_span", low=span[0], high=span[1]): _share(found.get(span))
                for span in spans
            }
            lines.append({t["h_cell"]: escape(row.cell), **shares})
    return table(lines, keep=set())


def _share(share: Figure | None) -> str:
    return "" if share is None else f"{with_interval(share)}, n={count(share.n)}"
