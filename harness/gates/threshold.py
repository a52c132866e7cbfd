"""Gates: requirements on a cell's figures, judged by their intervals."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.figures import UNSCORED, figure_kind
from harness.gates.outcome import decided, failed, open_gate
from harness.reasons import Reason
from harness.records import Bound, Figure, Gate, Row, Verdict
from harness.stats import clopper_pearson_interval
from harness.stats.power import mde_proportion

if TYPE_CHECKING:
    from harness.spec import GateSpec

# (z of a two-sided 5% test + z of 80% power) / (z of a 95% interval): half-widths of an interval
# that a difference must have to be shown four times in five.
_DETECTABLE = (1.959963984540054 + 0.8416212335729143) / 1.959963984540054


def judge_threshold(row: Row, spec: GateSpec, *, gate_id: str = "") -> Gate:
    """Return the verdict of `at_least` or `at_most` on one cell.

    A gate passes or fails when the whole interval of its figure lies on one side of the threshold,
    and is inconclusive otherwise. It fails, too, where it has nothing to judge: no scored samples,
    no such figure, or more unscored samples than it allows.
    """
    gate = open_gate(spec, evalset=row.evalset, cell=row.cell, gate_id=gate_id)
    threshold = spec.threshold
    wanted = f"at {'least' if spec.bound == 'at_least' else 'most'} {threshold:g}"
    figure = gate_figure(row, spec.figure)
    problem = cell_problem(row, spec, figure)
    if figure is None:
        return failed(gate, f"{spec.figure} {wanted}", problem)
    far = _detectable(row, figure, spec.figure, threshold)
    gate = replace(gate, detectable=far)
    shown = f"{spec.figure} {figure_words(figure, row, spec, far)}: {wanted}"
    if problem:
        return failed(gate, shown, problem)
    return decided(gate, interval_verdict(figure, spec.bound, threshold), shown)


def gate_figure(row: Row, name: str) -> Figure | None:
    """Return a figure that a gate can name; `unscored` is the share of samples without verdict."""
    total = row.n + row.unscored
    if name == UNSCORED:
        if total == 0:
            return None
        return Figure(row.unscored / total, *clopper_pearson_interval(row.unscored, total), total)
    return row.figures.get(name)


def only_label(row: Row) -> str | None:
    """Return the label of all targets, None where they are of several labels."""
    found = [label for label, share in row.targets.items() if share > 0]
    return found[0] if len(found) == 1 else None


def is_undefined(row: Row, name: str) -> bool:
    """Return whether it is for its samples that a scored cell lacks a figure, not its scoring."""
    kind, _ = figure_kind(name)
    rated = "label_mass" in row.figures
    return kind.measure is not None and row.n > 0 and (kind.need == "answers" or rated)


def missing(row: Row, name: str, figure: Figure) -> int:
    """Return how many of the cell's samples do not enter a figure.

    Equally probable labels leave raw accuracy without a verdict, but not the other figures. A
    figure of one label counts some of the answers only; any sample without one may be of it.
    """
    if name == UNSCORED or figure_kind(name)[0].argument == "label":
        return row.unscored
    return row.n + row.unscored - figure.n


def interval_verdict(figure: Figure, bound: Bound, threshold: float) -> Verdict:
    """Return on which side of the threshold the interval lies; `inconclusive` on both."""
    if bound == "at_least":
        good, bad = figure.low >= threshold, figure.high < threshold
    else:
        good, bad = figure.high <= threshold, figure.low > threshold
    return "pass" if good else "fail" if bad else "inconclusive"


def _detectable(row: Row, figure: Figure, name: str, threshold: float) -> float | None:
    """Return how far a figure must lie from a threshold for a gate to tell, four times in five.

    Proportions by the exact power of their interval; other figures, and all where samples stand in
    clusters, from the interval's half-width as if they were normal. None for a threshold that no
    proportion can have.
    """
    kind, _ = figure_kind(name)
    if kind.exact and row.clusters is None:
        return mde_proportion(figure.n, threshold) if 0 <= threshold <= 1 else None
    most = max(threshold - kind.lowest, kind.highest - threshold)
    return half_width_detectable(figure.low, figure.high, most=most)


def half_width_detectable(low: float, high: float, *, most: float) -> float:
    """Return the difference that an estimate with this 95% interval shows four times in five.

    Args:
        low: Lower end of the interval.
        high: Upper end.
        most: The greatest difference that there can be; beyond it, infinity is returned.
    """
    far = _DETECTABLE * (high - low) / 2
    return far if far <= most else math.inf


def shown_detectable(value: float | None) -> str:
    """Return a detectable difference with three decimals, or `none`."""
    return "none" if value is None or math.isinf(value) else f"{value:.3f}"


def cell_problem(row: Row, spec: GateSpec, figure: Figure | None) -> Reason | None:
    """Return why there is nothing to judge in a cell, or None."""
    total = row.n + row.unscored
    if total == 0:
        return Reason("no_samples")
    if figure is None and row.n == 0:
        return Reason("none_scored", {"total": total})
    if figure is None and spec.figure == "auc" and (label := only_label(row)):
        return Reason("one_label", {"label": label})
    if figure is None and is_undefined(row, spec.figure):
        return Reason("undefined", {"figure": spec.figure})
    if figure is None:
        return Reason("no_figure", {"scoring": row.scoring})
    share = missing(row, spec.figure, figure) / total
    if spec.figure != UNSCORED and share > spec.max_unscored:
        return Reason("too_many_unscored", {"share": share, "most": spec.max_unscored})
    return None


def figure_words(figure: Figure, row: Row, spec: GateSpec, far: float | None) -> str:
    """Return a figure in words, with interval, n, unscored samples and detectable distance."""
    interval = f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
    unscored = missing(row, spec.figure, figure)
    return f"{interval}, detectable {shown_detectable(far)}, n={figure.n}, unscored {unscored}"
