"""Plots of data and training: PNG files by matplotlib's object interface, without a display."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.markdown import cut, plain
from harness.plotstyle import BLUE, FAINT, GRID, ORANGE, PAPER, TEXT, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from harness.train.analyze import Analysis

_COLOURS = {"all": FAINT, "Russian": BLUE, "kept": ORANGE}
_BARS = 10
_LABEL = 28


@drawing()
def plot_funnel(analysis: Analysis, path: Path) -> None:
    """Draw the dialogues left after each filter."""
    names = ["read", *(f"{i}. {step.name}" for i, step in enumerate(analysis.steps, 1))]
    left = [len(analysis.read.dialogues), *(step.after for step in analysis.steps)]
    figure = _figure(9, 1.2 + 0.36 * len(names))
    axes = figure.add_subplot()
    places = range(len(names))
    axes.barh(places, left, color=_COLOURS["Russian"])
    dropped = [0, *(step.before - step.after for step in analysis.steps)]
    for place, (n, lost) in enumerate(zip(left, dropped, strict=True)):
        axes.text(n, place, f" {n:,}" + (f"  (-{lost:,})" if lost else ""), va="center")
    _name_bars(axes, names, width=48)
    axes.set_xlim(0, max(left) * 1.2)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("dialogues left")
    _title(axes, "What each filter leaves")
    _save(figure, path)


@drawing()
def plot_distributions(analysis: Analysis, path: Path) -> None:
    """Draw the shares of the values of each property, a panel each, the groups side by side."""
    names = list(analysis.values)
    figure = _figure(11, 3.4 * ((len(names) + 1) // 2))
    grid = figure.subplots((len(names) + 1) // 2, 2, squeeze=False).flatten()
    totals = [len(rows) for rows in analysis.groups.values()]
    for axes, name in zip(grid, names, strict=False):
        counts = analysis.counts(name)
        shown = dict(list(counts.items())[:_BARS])
        height = 0.8 / len(totals)
        for turn, group in enumerate(analysis.groups):
            shares = [100 * row[turn] / max(totals[turn], 1) for row in shown.values()]
            places = [at + (turn - (len(totals) - 1) / 2) * height for at in range(len(shown))]
            axes.barh(places, shares, height, color=_COLOURS[group],
                      label=f"{group} ({totals[turn]:,})")  # fmt: skip
        _name_bars(axes, list(shown), width=_LABEL)
        axes.set_xlabel("share of the group, %")
        rest = len(counts) - len(shown)
        _title(axes, name + (f" (the {_BARS} most frequent of {len(counts)})" if rest else ""))
    for axes in grid[len(names) :]:
        axes.set_axis_off()
    # Bars of any length leave no corner free.
    figure.legend(*grid[0].get_legend_handles_labels(), loc="outside lower left", ncols=len(totals))
    _save(figure, path)


@drawing()
def plot_lengths(analysis: Analysis, path: Path) -> None:
    """Draw histograms of the lengths on a logarithmic axis, with each group's median."""
    import numpy as np

    columns = analysis.lengths.columns
    rows = len(columns) // 2
    figure = _figure(11, 3.5 * rows)
    grid = figure.subplots(rows, 2, squeeze=False).flatten()
    for axes, (name, values) in zip(grid, columns.items(), strict=True):
        edges = np.geomspace(max(min(values), 1), max(*values, 2) + 1, 26)
        for group, positions in analysis.groups.items():
            if not positions:
                continue
            chosen = [max(values[at], 1) for at in positions]
            weights = [100 / len(chosen)] * len(chosen)
            axes.hist(chosen, edges.tolist(), weights=weights, histtype="step", linewidth=1.8,
                      color=_COLOURS[group],
                      label=f"{group}, median {np.median(chosen):,.0f}")  # fmt: skip
            axes.axvline(float(np.median(chosen)), color=_COLOURS[group], linestyle=":")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlabel(name.replace(", ", " length, "))
        axes.set_ylabel("share of the group, %")
        axes.legend()
    _save(figure, path)


@drawing()
def plot_loss(steps: Sequence[int], losses: Sequence[float], path: Path, *,
              expected: tuple[float | None, float | None] = (None, None)) -> None:  # fmt: skip
    """Draw a loss curve with its running mean and the expected range of the last steps.

    Args:
        steps: Optimizer steps.
        losses: Mean loss a trained token of each, in nats.
        path: The PNG file.
        expected: Lower and upper end of the range; None leaves an end open.
    """
    import numpy as np

    figure = _figure(8, 4.2)
    axes = figure.add_subplot()
    axes.plot(steps, losses, color=_COLOURS["all"], linewidth=1, label="loss of a step")
    window = max(1, len(losses) // 10)
    means = [float(np.mean(losses[max(0, at - window + 1) : at + 1])) for at in range(len(losses))]
    axes.plot(steps, means, color=_COLOURS["Russian"], linewidth=2, label=f"mean of {window} steps")
    low, high = expected
    if low is not None or high is not None:
        top = high if high is not None else max(losses)
        axes.axhspan(low or 0.0, top, color=_COLOURS["kept"], alpha=0.15,
                     label="expected at the end")  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("loss, nats a trained token")
    _title(axes, "Training loss")
    axes.legend()
    _save(figure, path)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained", facecolor=PAPER)


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontweight="bold", fontsize=TEXT + 1)


def _name_bars(axes: Axes, names: Sequence[str], *, width: int) -> None:
    """Label horizontal bars, first on top; foreign text is never read as mathematics."""
    short = [cut(plain(name), width) for name in names]
    axes.set_yticks(range(len(short)), short)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    axes.invert_yaxis()
    axes.grid(axis="x", color=GRID)
    axes.set_axisbelow(True)


def _save(figure: Figure, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(length=2.5, pad=2)
    figure.savefig(path, dpi=120, facecolor=PAPER, metadata={"Software": None})
