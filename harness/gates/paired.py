"""Paired gates: a cell against another one, or against its baseline, on the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.figures import FigureKind, ResultsById, compare_runs, figure_kind
from harness.gates.looks import kind_of, look_detectable, look_verdict, look_words, take_look
from harness.gates.outcome import decided, failed, open_gate
from harness.gates.threshold import (
    cell_problem,
    gate_figure,
    half_width_detectable,
    shown_detectable,
)
from harness.reasons import Reason
from harness.records import Bound, Contrast, Gate, Row, Verdict
from harness.stats.power import mde_paired

if TYPE_CHECKING:
    from harness.spec import GateSpec


def contrast(
    first: ResultsById,
    second: ResultsById,
    figure: str,
    *,
    labels: Sequence[str],
    unchanged: bool = False,
    part: bool = False,
) -> Contrast | None:
    """Return one figure of two sides on the samples that both have it for, second minus first.

    Args:
        first: Results by sample id.
        second: Likewise, of the side that is judged; what its samples share counts.
        figure: As of `contrast_runs`, like all others.
        labels: Likewise.
        unchanged: Likewise.
        part: Likewise.
    """
    return contrast_runs([first], second, figure, labels=labels, unchanged=unchanged, part=part)


def contrast_runs(
    first: Sequence[ResultsById],
    second: ResultsById,
    figure: str,
    *,
    labels: Sequence[str],
    unchanged: bool = False,
    part: bool = False,
) -> Contrast | None:
    """Return one figure of a side and of the mean of several runs, second minus first.

    Args:
        first: The runs, one at least, each by sample id.
        second: The side that is judged; what its samples share counts.
        figure: One of `harness.figures.paired()`, with its argument.
        labels: The set's; the AUC ranks the first of them first.
        unchanged: Whether both sides are the very same system with the same results, which then
            differ by nothing on samples of whatever number.
        part: Whether these are some of the cells' samples, such as a slice.

    Returns:
        None where the two cannot be paired, see `harness.figures.pairs.pair`.
    """
    kind, _ = figure_kind(figure)
    paired = compare_runs(first, second, figure, labels, part=part)
    if paired is None:
        return None
    found, left_out = paired
    if unchanged:
        found = replace(found, low=0.0, high=0.0, p=1.0)
    fitted = kind.part is not None and not part
    several = len(first) > 1
    if not kind.exact or fitted or several or any(one.cluster for one in second.values()):
        detectable = half_width_detectable(found.low, found.high, most=kind.span)
    else:
        detectable = mde_paired(found.n, (found.lost + found.won) / found.n)
    return Contrast(
        figure=figure,
        first=found.first,
        second=found.second,
        low=found.low,
        high=found.high,
        p=found.p,
        lost=found.lost,
        won=found.won,
        n=found.n,
        left_out=left_out,
        detectable=detectable,
    )


def contrast_verdict(
    found: Contrast, bound: Bound, margin: float, *, kind: FigureKind | None = None
) -> Verdict:
    """Return what a difference with its interval says about a requirement.

    `no_worse_than` passes when the interval lies at or above minus the margin, and fails when it
    lies below: a loss greater than the margin is shown. `better_than` passes when the interval
    lies above the margin, and fails when it does not reach beyond it. Between the two, the samples
    do not tell. That no answer differs is no proof either: it has its interval like all others.

    Source: the confidence-interval form of a non-inferiority and a superiority test, see
    Piaggio et al. (2012), JAMA 308:2594.
    """
    # Of a figure that should be small, a gain is what it falls by.
    low, high = (
        (-found.high, -found.low) if kind_of(found, kind).smaller else (found.low, found.high)
    )
    if bound == "no_worse_than":
        good, bad = low >= -margin, high < -margin
    else:
        good, bad = low > margin, high <= margin
    return "pass" if good else "fail" if bad else "inconclusive"


def judge_contrast(
    row: Row,
    spec: GateSpec,
    found: Contrast | None,
    *,
    against: str,
    gate_id: str = "",
    other: Row | None = None,
) -> Gate:
    """Return the verdict of `no_worse_than` or `better_than`.

    A gate that plans looks has `look_verdict`'s.

    Args:
        row: The cell that is judged.
        spec: The requirement.
        found: The comparison, None where nothing could be paired.
        against: Name of the other side.
        gate_id: Name of the pytest item.
        other: The other cell, None for a baseline.
    """
    look = None
    if found is not None and spec.looks:
        look = take_look(found, spec.looks, units=found.n if row.clusters is None else row.clusters)
        found = replace(found, detectable=look_detectable(found, look))
    gate = replace(
        open_gate(spec, evalset=row.evalset, cell=row.cell, gate_id=gate_id, against=against),
        contrast=found,
        look=look,
    )
    wanted = wanted_words(spec.bound, spec.threshold)
    problem = contrast_problem(row, spec, found, other)
    if found is None:
        return failed(gate, f"{spec.figure} {wanted} against {against}", problem)
    shown = f"{spec.figure} {contrast_words(found, against)}: {wanted}"
    if problem:
        return failed(gate, shown, problem)
    if look is not None:
        verdict = look_verdict(found, spec.threshold, look)
        return decided(gate, verdict, f"{shown}, {look_words(found, look)}")
    return decided(gate, contrast_verdict(found, spec.bound, spec.threshold), shown)


def wanted_words(bound: Bound, margin: float) -> str:
    """Return a requirement in words: `worse by 0.03 at most`."""
    if bound == "no_worse_than":
        return f"worse by {margin:g} at most" if margin else "not worse"
    return f"better by more than {margin:g}" if margin else "better"


def contrast_words(found: Contrast, against: str, *, kind: FigureKind | None = None) -> str:
    """Return a comparison in words, with n, interval, discordant pairs, p and power."""
    exact = kind_of(found, kind).exact
    pairs = f", {found.lost} lost, {found.won} won" if exact else ""
    p = "p<0.001" if found.p < 0.001 else f"p={found.p:.3f}"
    return (
        f"{found.second:.3f} against {found.first:.3f} of {against}, difference "
        f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}], n={found.n}, "
        f"left out {found.left_out}{pairs}, {p}, detectable {shown_detectable(found.detectable)}"
    )


def contrast_problem(
    row: Row, spec: GateSpec, found: Contrast | None, other: Row | None
) -> Reason | None:
    """Return why there is nothing to judge, or None."""
    if problem := cell_problem(row, spec, gate_figure(row, spec.figure)):
        return problem
    if other and (problem := cell_problem(other, spec, gate_figure(other, spec.figure))):
        return Reason("other_cell", causes=(problem,))
    if found is None:
        return Reason("no_pairs")
    share = found.left_out / (found.n + found.left_out)
    if share > spec.max_unscored:
        return Reason("too_many_left_out", {"share": share, "most": spec.max_unscored})
    return None
