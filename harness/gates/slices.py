"""Gates on a slice of a cell's samples, or on the worst of its slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.figures import ResultsById, by_sample, figure_kind
from harness.figures.slices import (
    Part,
    narrowed,
    part_named,
    parts_of,
    simultaneous,
    simultaneous_difference,
    spoken,
    units_of,
)
from harness.gates.looks import look_verdict, look_words, take_look
from harness.gates.outcome import decided, failed, open_gate
from harness.gates.paired import (
    contrast_problem,
    contrast_runs,
    contrast_verdict,
    contrast_words,
    judge_contrast,
    wanted_words,
)
from harness.gates.threshold import (
    cell_problem,
    figure_words,
    gate_figure,
    half_width_detectable,
    interval_verdict,
    judge_threshold,
    missing,
)
from harness.reasons import Reason
from harness.records import (
    Contrast,
    Figure,
    Gate,
    GateSlice,
    Look,
    Result,
    Row,
    SliceProblem,
    Verdict,
)
from harness.run.score_cell import Outcome
from harness.spec.gatespec import GateSpec
from harness.spec.slicespec import slice_target

_ORDER: tuple[Verdict, ...] = ("fail", "inconclusive", "pass")


@dataclass(frozen=True, slots=True)
class OtherSide:
    """What a gate compares with.

    Attributes:
        name: A cell's id, or `baseline`.
        results: By sample; of a baseline of several runs, those of the first.
        row: Of the other cell, None for a baseline.
        unchanged: Whether it is the very same system with the same results, see
            `harness.gates.kept.Kept`.
        further: Results of a baseline's other runs.
    """

    name: str
    results: ResultsById
    row: Row | None = None
    unchanged: bool = False
    further: Sequence[ResultsById] = ()


@dataclass(frozen=True, slots=True)
class _Judged:
    """One slice: its figure or comparison, its verdict, and a number that is least of the worst."""

    part: Part
    row: Row
    verdict: Verdict
    bad: float
    figure: Figure | None = None
    found: Contrast | None = None
    problem: Reason | None = None
    look: Look | None = None


def judge_slice(
    spec: GateSpec,
    outcome: Outcome,
    *,
    gate_id: str,
    other: OtherSide | None = None,
    now: ResultsById | None = None,
) -> Gate:
    """Return the verdict of a gate on a slice, or on the worst of several.

    A slice without samples in this run is inconclusive. The worst slice fails where one of them
    fails by its simultaneous interval, and passes where all of them pass.

    Args:
        spec: The requirement.
        outcome: Of its cell.
        gate_id: Name of the pytest item.
        other: The side that is compared with, None for a threshold.
        now: The cell's results as they are compared, where they differ from the outcome's.
    """
    row, name = outcome.row, spec.slice or ""
    column, value = slice_target(name, row.slices)
    if column is not None and value is not None:
        part = part_named(outcome.results, column, value)
        return _named(spec, outcome, part, gate_id, other, now)
    parts = parts_of(outcome.results, row.slices, only=column)
    gate = open_gate(spec, evalset=row.evalset, cell=row.cell, gate_id=gate_id,
                     against=other.name if other else "")  # fmt: skip
    gate = replace(gate, slice=GateSlice(name, of=len(parts)))
    asked = f"{spec.figure} of the worst of {len(parts)} slices"
    wanted = _wanted(spec, other)
    if problem := cell_problem(row, spec, gate_figure(row, spec.figure)):
        return failed(gate, f"{asked}: {wanted}", problem)
    judged = [_judge(spec, row, part, outcome.results, len(parts), other, now) for part in parts]
    return _worst(gate, spec, judged, asked, wanted, other)


def _named(
    spec: GateSpec,
    outcome: Outcome,
    part: Part,
    gate_id: str,
    other: OtherSide | None,
    now: ResultsById | None,
) -> Gate:
    """Return the verdict of a gate on one slice that it names."""
    results = part.of(outcome.results)
    row = narrowed(outcome.row, results, [spec.figure])
    shown = spoken(part.column, part.value, part.kind)
    told = GateSlice(spec.slice or "", part.column, part.value, part.kind, samples=len(results))
    if not results:
        gate = open_gate(spec, evalset=row.evalset, cell=row.cell, gate_id=gate_id,
                         against=other.name if other else "")  # fmt: skip
        absent = Reason("no_sample_of_slice")
        gate = replace(gate, slice=replace(told, problem="absent"), reason=absent)
        line = f"{spec.figure} of {shown}: {_wanted(spec, other)}, {absent.text}"
        return decided(gate, "inconclusive", line)
    figure = gate_figure(row, spec.figure)
    if other is None:
        gate = judge_threshold(row, spec, gate_id=gate_id)
        problem = cell_problem(row, spec, figure)
    else:
        first, second, theirs = _sides(part, outcome.results, row, spec, other, now)
        found = contrast_runs(first, second, spec.figure, labels=tuple(row.targets), part=True,
                              unchanged=other.unchanged)  # fmt: skip
        gate = judge_contrast(row, spec, found, against=other.name, gate_id=gate_id, other=theirs)
        problem = contrast_problem(row, spec, found, theirs)
    told = replace(
        told,
        figure=figure if other is None else None,
        unscored=missing(row, spec.figure, figure) if figure else row.unscored,
        problem=_kind(problem, figure, gate.contrast, other),
    )
    return replace(gate, slice=told, line=f"{shown}: {gate.line}")


def _judge(
    spec: GateSpec,
    cell: Row,
    part: Part,
    every: Sequence[Result],
    tests: int,
    other: OtherSide | None,
    now: ResultsById | None,
) -> _Judged:
    """Return what one of several slices comes to, by an interval that holds for all of them."""
    results = part.of(every)
    row = narrowed(cell, results, [spec.figure])
    smaller = figure_kind(spec.figure)[0].smaller
    if other is None:
        figure = gate_figure(row, spec.figure)
        problem = cell_problem(row, spec, figure)
        if figure is None:
            verdict: Verdict = "fail" if row.n == 0 else "inconclusive"
            return _Judged(part, row, verdict, -float("inf"), problem=problem)
        figure = simultaneous(figure, spec.figure, results, cell, tests)
        verdict = "fail" if problem else interval_verdict(figure, spec.bound, spec.threshold)
        bad = figure.value if spec.bound == "at_least" else -figure.value
        return _Judged(part, row, verdict, bad, figure=figure, problem=problem)
    first, second, theirs = _sides(part, every, row, spec, other, now)
    found = contrast_runs(first, second, spec.figure, labels=tuple(row.targets), part=True,
                          unchanged=other.unchanged)  # fmt: skip
    problem = contrast_problem(row, spec, found, theirs)
    if found is None:
        verdict = "fail" if row.n == 0 else "inconclusive"
        return _Judged(part, row, verdict, -float("inf"), problem=problem)
    look, units = None, units_of(results, cell)
    if spec.looks:
        look = take_look(found, spec.looks, units=units, tests=tests)
    found = simultaneous_difference(found, tests, units)
    verdict = contrast_verdict(found, spec.bound, spec.threshold)
    if look is not None:
        verdict = look_verdict(found, spec.threshold, look)
    bad = -found.value if smaller else found.value
    verdict = "fail" if problem else verdict
    return _Judged(part, row, verdict, bad, found=found, problem=problem, look=look)


def _sides(
    part: Part,
    every: Sequence[Result],
    row: Row,
    spec: GateSpec,
    other: OtherSide,
    now: ResultsById | None,
) -> tuple[list[ResultsById], ResultsById, Row | None]:
    """Return both sides' results on a slice, the first by runs, and the other cell's row on it."""
    results = part.of(every)
    ids = [one.sample for one in results]
    first = [some(run, ids) for run in (other.results, *other.further)]
    second = by_sample(results) if now is None else some(now, ids)
    theirs = narrowed(other.row, list(first[0].values()), [spec.figure]) if other.row else None
    return first, second, theirs


def some(results: ResultsById, ids: Sequence[str]) -> ResultsById:
    """Return the results of some samples, as far as there are any."""
    return {key: results[key] for key in ids if key in results}


def _worst(
    gate: Gate,
    spec: GateSpec,
    judged: Sequence[_Judged],
    asked: str,
    wanted: str,
    other: OtherSide | None,
) -> Gate:
    """Return the gate with the verdict of the slice that decides it."""
    one = min(judged, key=lambda own: (_ORDER.index(own.verdict), own.bad))
    part, shown = one.part, spoken(one.part.column, one.part.value, one.part.kind)
    unscored = missing(one.row, spec.figure, one.figure) if one.figure else one.row.unscored
    told = GateSlice(
        spec.slice or "", part.column, part.value, part.kind, len(judged), len(part.places),
        one.figure, unscored, _kind(one.problem, one.figure, one.found, other),
    )  # fmt: skip
    if one.found is not None:
        said = contrast_words(replace(one.found, detectable=_far(one)), other.name if other else "")
    else:
        said = figure_words(one.figure, one.row, spec, _far(one)) if one.figure else ""
    gate = replace(gate, slice=told, contrast=one.found, detectable=_far(one), look=one.look)
    line = f"{asked}, {shown}{f', {said}' if said else ''}: {wanted}"
    if one.found is not None and one.look is not None:
        line += f", {look_words(one.found, one.look)}"
    if one.problem and one.verdict == "fail":
        return failed(gate, line, one.problem)
    gate = replace(gate, reason=one.problem)
    return decided(gate, one.verdict, f"{line}, {one.problem.text}" if one.problem else line)


def _far(one: _Judged) -> float | None:
    """Return the distance that a slice's simultaneous interval shows four times in five."""
    interval = one.figure or one.found
    if interval is None:
        return None
    return half_width_detectable(interval.low, interval.high, most=float("inf"))


def _kind(
    problem: Reason | None, figure: Figure | None, found: Contrast | None, other: OtherSide | None
) -> SliceProblem:
    if not problem:
        return ""
    lacking = figure is None if other is None else found is None
    return "undefined" if lacking else "unscored"


def _wanted(spec: GateSpec, other: OtherSide | None) -> str:
    if other is None:
        return f"at {'least' if spec.bound == 'at_least' else 'most'} {spec.threshold:g}"
    return f"{wanted_words(spec.bound, spec.threshold)} against {other.name}"
