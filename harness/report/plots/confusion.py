"""Confusion: which label was answered for which target, a small panel per cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from harness.analysis.findings import CellBins
from harness.language import Words
from harness.markdown import escape
from harness.records import Row
from harness.report.format import count, percent
from harness.report.plots import canvas, letters
from harness.report.plots.canvas import Plot
from harness.report.plots.cells import Bins, mode_names, name, panel_name, telling
from harness.report.tables import table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Counts = list[list[int]]

# With more labels the counts in a panel cannot be read any longer.
MOST_LABELS = 8
_SIDE = 0.62
_SMALLEST = 1.4
_TICKS = 0.95
_PAGE_HEIGHT = 8.0


def confusions(slug: str, rows: Sequence[Row], bins: Bins, t: Words) -> Iterator[Plot]:
    """Yield the pages of one eval set's confusion plot; none with more than `MOST_LABELS`."""
    labels = list(rows[0].targets)
    found = [
        (row, _counts(bins[row.evalset, row.cell], labels))
        for row in telling([row for row in rows if row.n])
    ]
    if not 2 <= len(labels) <= MOST_LABELS or not found:
        return
    names = mode_names(rows, t)
    side = max(_SMALLEST, _SIDE * len(labels))
    per_page = _per_page(side)
    pages = [found[i : i + per_page] for i in range(0, len(found), per_page)]
    for number, page in enumerate(pages, 1):
        title = t.say("p_confusion", evalset=rows[0].evalset)
        if len(pages) > 1:
            title = t.say("p_part", title=title, number=number, total=len(pages))
        headings = [panel_name(row, names[row.cell]) for row, _ in page]
        sheet = canvas.sheet(
            headings, title, size=(side, side), gap=(0.3, 0.62), left=_TICKS + 0.3,
            bottom=0.45 if _flat([name(label) for label in labels], side / len(labels))
            else _TICKS + 0.3,
        )  # fmt: skip
        for i, (_, counts) in enumerate(page):
            axes = sheet.axes[i]
            _draw(axes, counts, side / len(labels))
            _axes(axes, labels, side, t, left=sheet.at_left(i), bottom=sheet.at_bottom(i))
        cells = t.say("n_cells", count=len(page))
        alt = t.say("p_confusion_alt", cells=cells, evalset=escape(rows[0].evalset))
        yield Plot(f"confusion-{slug}-{number}", sheet.figure, alt, _numbers(page, labels, t))


def _counts(found: CellBins, labels: Sequence[str]) -> Counts:
    """Return the counts by target (outer) and answer (inner)."""
    pairs = found.confusion
    return [[pairs.get(target, {}).get(answer, 0) for answer in labels] for target in labels]


def _per_page(side: float) -> int:
    columns = int((canvas.WIDTH - _TICKS - 0.45 + 0.3) / (side + 0.3))
    return max(1, columns) * max(1, int(_PAGE_HEIGHT / (side + 0.62)))


def _draw(axes: Axes, counts: Counts, cell: float) -> None:
    shares = [[count / max(1, sum(line)) for count in line] for line in counts]
    # No darker than what the ink is still read on.
    axes.pcolormesh(shares, vmin=0, vmax=1.7, cmap="Blues", edgecolors=canvas.PAPER, linewidth=1)
    for i, line in enumerate(counts):
        for j, number in enumerate(line):
            share = percent(shares[i][j]) if sum(line) else ""
            axes.text(
                j + 0.5, i + 0.5, f"{share}\n{number}".strip(), ha="center", va="center",
                fontsize=canvas.TEXT if cell > 0.6 else canvas.SMALL, linespacing=1.1,
            )  # fmt: skip


def _flat(labels: Sequence[str], width: float) -> bool:
    """Whether the labels fit side by side below cells of this width."""
    return all(letters.text_width(label, canvas.TEXT) <= width for label in labels)


def _axes(
    axes: Axes, labels: Sequence[str], side: float, t: Words, *, left: bool, bottom: bool
) -> None:
    shown = [letters.fit(name(label), _TICKS - 0.1, canvas.SMALL) for label in labels]
    flat = _flat(shown, side / len(labels))
    middles = [i + 0.5 for i in range(len(labels))]
    axes.set_ylim(len(labels), 0)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks(middles, shown if bottom else [], rotation=0 if flat else 90)
    axes.set_yticks(middles, shown if left else [])
    if bottom:
        axes.set_xlabel(t["p_answer"], labelpad=3)
    if left:
        axes.set_ylabel(t["p_target"], labelpad=3)


def _numbers(page: Sequence[tuple[Row, Counts]], labels: Sequence[str], t: Words) -> str:
    """Return the counts, a line for each target of a cell."""
    lines = []
    for row, counts in page:
        for label, own in zip(labels, counts, strict=True):
            answers = {
                t.say("p_h_answer", label=escape(answer)): count(one)
                for answer, one in zip(labels, own, strict=True)
            }
            lines.append({t["h_cell"]: escape(row.cell), t["p_target"]: escape(label), **answers})
    return table(lines, keep=set())
