"""Pages and panels of the plots; matplotlib without pyplot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness import records
from harness.plotstyle import (
    BLACK,
    BLUE,
    FAINT,
    GREEN,
    GRID,
    INK,
    LIGHT_BLUE,
    ORANGE,
    PAPER,
    PURPLE,
    SMALL,
    TEXT,
    drawing,
)
from harness.report.plots.letters import wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Format = Literal["svg", "png"]
__all__ = ["BLACK", "BLUE", "FAINT", "GREEN", "GRID", "INK", "LIGHT_BLUE", "ORANGE", "PAPER",
           "PURPLE", "SMALL", "TEXT", "WIDTH", "Format", "Plot", "Sheet", "drawing", "legend",
           "page", "place", "save", "sheet", "style_of", "whiskers"]  # fmt: skip

# All in inches and points.
WIDTH = 9.6
_TITLE = 10.0
_MARGIN = 0.15
_HEADING_LINE = (TEXT + 2.5) / 72

# Each has its own marker.
_STYLES = {
    None: (BLUE, "o", "-"),
    "system": (ORANGE, "s", "--"),
    "user": (GREEN, "^", "-."),
    "chat": (PURPLE, "D", ":"),
    "encoder": (BLACK, "X", "--"),
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawn picture.

    Attributes:
        name: Of its file, without the ending.
        alt: What kind of plot it is and of what, in at most 300 characters of inert markdown.
        numbers: What is seen in it, as tables in markdown.
    """

    name: str
    figure: Figure
    alt: str
    numbers: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of small panels of one size, in rows.

    Attributes:
        axes: In reading order.
        columns: Panels in a full row.
    """

    figure: Figure
    axes: tuple[Axes, ...]
    columns: int

    def at_left(self, index: int) -> bool:
        """Whether a panel is the first of its row."""
        return index % self.columns == 0

    def at_bottom(self, index: int) -> bool:
        """Whether there is no panel below."""
        return index + self.columns >= len(self.axes)


def save(plot: Plot, folder: Path, ending: Format) -> Path:
    """Write a plot's file, the same bytes for the same plot, and return its path."""
    path = folder / f"{plot.name}.{ending}"
    metadata = {"Date": None} if ending == "svg" else {"Software": None}
    plot.figure.savefig(path, format=ending, dpi=120, facecolor=PAPER, metadata=metadata)
    return path


def style_of(placement: str | None) -> tuple[str, str, str]:
    """Return colour, marker and line style of a placement; None is zero-shot, others trained."""
    return _STYLES.get(placement, (BLACK, "P", "-"))


def page(height: float, title: str) -> Figure:
    """Return an empty page of the common width, with its title.

    It is higher by the lines that a long title takes, which move what is placed below it.
    """
    from matplotlib.figure import Figure

    lines = wrap(title, WIDTH - 2 * _MARGIN, _TITLE, bold=True)
    full = height + _below(len(lines))
    figure = Figure(figsize=(WIDTH, full), facecolor=PAPER)
    figure.text(
        _MARGIN / WIDTH,
        1 - _MARGIN / full,
        "\n".join(lines),
        fontsize=_TITLE,
        fontweight="bold",
        va="top",
    )
    return figure


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Return axes at a place in inches, measured from the upper left corner of the page.

    Further lines of the page's title do not count.
    """
    full = figure.get_figheight()
    top += _below(len(figure.texts[0].get_text().splitlines()))
    box = (left / WIDTH, 1 - (top + height) / full, width / WIDTH, height / full)
    axes = figure.add_axes(box)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=2.5, pad=2)
    return axes


def _below(lines: int) -> float:
    """Return the inches by which a page's title is higher than one line."""
    return (lines - 1) * _TITLE * 1.3 / 72


def sheet(
    headings: Sequence[Sequence[str]],
    title: str,
    *,
    size: tuple[float, float],
    gap: tuple[float, float],
    left: float = 0.75,
    bottom: float = 0.95,
) -> Sheet:
    """Return a page of panels under their titles.

    Args:
        headings: The lines of each panel's title, the first of several bold; what is wider than
            the panel goes on in the next line.
        title: Of the page.
        size: Width and height of a panel in inches.
        gap: Space beside a panel and above it, where its title stands, in inches; lines that go
            on take more.
        left: Space for what stands left of the first column.
        bottom: Space below the last row: ticks, the axis' name and the legend.
    """
    columns = max(1, int((WIDTH - left - _MARGIN + gap[0]) / (size[0] + gap[0])))
    rows = -(-len(headings) // columns)
    titles = [_title_lines(lines, size[0]) for lines in headings]
    longer = max(len(found) - len(lines) for found, lines in zip(titles, headings, strict=True))
    above = gap[1] + longer * _HEADING_LINE
    height = 0.35 + rows * (size[1] + above) + bottom
    figure = page(height, title)
    found: list[Axes] = []
    for i, lines in enumerate(titles):
        left_edge = left + (i % columns) * (size[0] + gap[0])
        axes = place(figure, left_edge, 0.35 + above + (i // columns) * (size[1] + above), *size)
        _head(axes, lines)
        found.append(axes)
    return Sheet(figure, tuple(found), columns)


def _title_lines(lines: Sequence[str], width: float) -> list[tuple[str, bool]]:
    """Return the lines of a panel's title that fit a width in inches, and which are bold."""
    several = len(lines) > 1
    return [
        (part, bold)
        for place, line in enumerate(lines)
        for bold in [several and place == 0]
        for part in wrap(line, width, TEXT, bold=bold)
    ]


def _head(axes: Axes, lines: Sequence[tuple[str, bool]]) -> None:
    for i, (line, bold) in enumerate(reversed(lines)):
        axes.annotate(
            line,
            (0, 1),
            (0, 4 + i * _HEADING_LINE * 72),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=TEXT,
            fontweight="bold" if bold else "normal",
            annotation_clip=False,
        )


def whiskers(figures: Sequence[records.Figure]) -> list[list[float]]:
    """Return the lengths of the intervals below and above the values, of shape [2, n].

    Rounding can leave a limit beyond its value by a last digit, which no picture shows.
    """
    below = [max(0.0, one.value - one.low) for one in figures]
    return [below, [max(0.0, one.high - one.value) for one in figures]]


def legend(figure: Figure, handles: Sequence[object], *, columns: int = 4) -> None:
    """Put the legend at the foot of the page."""
    if handles:
        figure.legend(
            handles=list(handles),
            loc="lower left",
            bbox_to_anchor=(_MARGIN / WIDTH, 0.05 / figure.get_figheight()),
            ncols=min(columns, len(handles)),
            borderaxespad=0.2,
            handlelength=2.4,
            columnspacing=1.6,
        )
