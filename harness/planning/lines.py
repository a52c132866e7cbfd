"""A plan as lines for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from harness.analysis.findings import Kind
from harness.planning.asking import Asking
from harness.planning.eval_plan import JudgedPlan, ModelTime, SetPlan
from harness.planning.gate_reach import GateReach
from harness.planning.question_reach import QuestionReach
from harness.planning.slice_reach import SliceReach
from harness.report.format import count, duration
from harness.report.notes import plain_note

_QUESTIONS: Mapping[Kind, str] = {
    "shots": "few-shot against zero-shot",
    "placement": "places of the shots",
    "wording": "prompts",
    "selector": "selectors of shots",
    "order": "orders of shots",
    "thinking": "settings of thinking",
    "model": "models",
    "trained": "best cell against a classifier",
}


_SHOWN = "  shown in 80% of runs, if it is there:"


def judged_lines(plan: JudgedPlan) -> Iterator[str]:
    """Yield the lines of a judge set's plan; those below the first are indented."""
    counted = [
        f"{plan.probes} probe{'s' * (plan.probes > 1)}",
        f"{plan.models} model{'s' * (plan.models > 1)}",
        f"{plan.answers} answer{'s' * (plan.answers > 1)} to each",
    ]
    if plan.between:
        counted.append(f"{plan.between} more between the turns of dialogues")
    yield f"{plan.evalset}: a judge set, {', '.join(counted)}"
    yield from (line for one in plan.asking for line in _asked(one))
    yield from (f"  {_time(one)}" for one in plan.times)
    for judge in plan.judging:
        own = judge.asking
        which = "" if own.tokens is None or own.by else (
            f", with the answers of {judge.answers}" if judge.answers else
            " and those of the answers"
        )  # fmt: skip
        yield from _asked(own, "judge ", which)
        if judge.again:
            yield (f"  judge {own.model}: at most {count(judge.again)} more about gold pairs of "
                   "its passport, which no store answers")  # fmt: skip
    yield from (f"  judge {_time(one)}" for one in plan.judge_times)
    if plan.gates:
        yield _SHOWN
    for one in plan.gates:
        spec = one.gate.spec
        wanted = f"at {'least' if spec.bound == 'at_least' else 'most'} {spec.threshold:g}"
        if one.gate.against:
            wanted = f"{spec.bound} {one.gate.against} by {spec.threshold:g}"
        head = f"  {one.gate.id}: {wanted}, n={one.answers} on {one.probes} probes"
        yield f"{head}: {_from(one.far, spec.threshold, one.basis)}"
    for one in plan.gates:
        if one.undecidable:
            yield (f"warning: {plan.evalset}: {one.gate.id}: too few probes to pass: "
                   f"{one.undecidable}; give more probes or move the bound")  # fmt: skip
    yield from (f"warning: {plain_note(note)}" for note in plan.notes)


def _from(far: float | None, threshold: float, basis: str) -> str:
    """Return what is decided beside a threshold, to either side of it."""
    if far is None:
        return basis
    if math.isinf(far):
        return f"no difference at all ({basis})"
    return f"{far:.3f} from {threshold:g} ({basis})"


def plan_lines(plan: SetPlan) -> Iterator[str]:
    """Yield the lines of a set's plan; those below the first are indented."""
    size = plan.size
    samples = f"{count(size.n)} samples" if size.n else "samples not known"
    if size.n and size.loaded is None:
        samples = f"at most {samples}"
    yield f"{plan.evalset}: {plan.cells} cell{'s' * (plan.cells > 1)}, {samples}"
    if size.problem:
        yield f"  data not read: {size.problem}"
    yield from (f"  {_asking(one)}" for one in plan.asking if one.requests)
    yield from (f"  {_time(one)}" for one in plan.times)
    if plan.gates or plan.questions or plan.slices:
        yield _SHOWN
    yield from (f"  {_gate(one)}" for one in plan.gates)
    yield from (f"  {_question(one)}" for one in plan.questions)
    if plan.slices:
        yield f"  {_slices(plan.slices)}"
    if plan.unseen:
        yield (f"warning: {plan.evalset}: no sample has the label {', '.join(plan.unseen)}; "
               "give some, or take it out of the labels")  # fmt: skip
    yield from warning_lines(plan.gates)
    yield from (f"warning: {plain_note(note)}" for note in plan.notes)


def _asked(one: Asking, who: str = "", more: str = "") -> Iterator[str]:
    """Yield what a model of a judge set is asked, and what it cannot be."""
    if one.wrong or one.requests:
        yield f"  {who}{_asking(one, most=bool(who))}{more}"
    if one.refused:
        yield f"  {who}{one.model}: {one.refused}"


def _asking(one: Asking, *, most: bool = False) -> str:
    tokens = f"tokens not known: {one.problem}"
    if one.tokens is not None:
        by = f", as many each as in {one.by}" if one.by else ""
        tokens = f"about {count(one.tokens)} prompt tokens{by}"
    at_most = "at most " * most
    return f"{one.model}: {at_most}{count(one.requests)} requests, {tokens}"


def _time(one: ModelTime) -> str:
    if one.seconds is None:
        return f"{one.model}: no saved run says how long that takes"
    return (f"{one.model}: about {duration(one.seconds)} at the rate of {one.run}, less what is "
            "stored")  # fmt: skip


def warning_lines(gates: tuple[GateReach, ...]) -> Iterator[str]:
    """Yield a line for each gate that cannot decide, or that fails equal cells more often than not.

    An inconclusive gate fails where its `on_inconclusive` says so.
    """
    for one in gates:
        where = f"warning: {one.gate.cell.path}: {one.gate.id}"
        if one.undecidable:
            yield (f"{where}: too few samples to pass: {one.undecidable}; give more samples or "
                   "move the bound")  # fmt: skip
        elif one.equal is not None and one.equal < 0.5:
            outcome = "fails" if one.gate.spec.on_inconclusive == "fail" else "does not pass"
            yield (f"{where}: a cell that is as good as the other {outcome} in "
                   f"{1 - one.equal:.0%} of runs ({one.basis}); give more samples or a greater "
                   "'by'")  # fmt: skip


def _gate(one: GateReach) -> str:
    spec = one.gate.spec
    if spec.other is None:
        wanted = f"at {'least' if spec.bound == 'at_least' else 'most'} {spec.threshold:g}"
    else:
        wanted = f"{spec.bound} {one.gate.against} by {spec.threshold:g}"
    part = f" of {one.part}" if one.part else ""
    if one.parts:
        part += f", which shows the least of {one.parts} slice{'s' * (one.parts > 1)}"
    head = f"{one.gate.id}: {wanted}, n={one.n}{part}"
    if spec.other is None or one.far is None or math.isinf(one.far):
        return f"{head}: {_from(one.far, spec.threshold, one.basis)}"
    # What passes lies above minus `by`.
    margin = -spec.threshold if spec.bound == "no_worse_than" else spec.threshold
    far = f"a difference of {margin + one.far:+.3f} or more passes"
    equal = f"; an equal cell passes in {one.equal:.0%}" if one.equal is not None else ""
    alarm = ""
    if one.alarm is not None:
        lost = "no loss" if math.isinf(one.alarm) else f"a loss of {one.alarm:.3f} or more"
        alarm = f"; {lost} fails one of {spec.looks} looks"
    return f"{head}: {far}{equal}{alarm} ({one.basis})"


def _slices(one: SliceReach) -> str:
    if one.far is None:
        return f"slices: {one.basis}" if not one.slices else f"slices, {one.slices}: {one.basis}"
    below = "none" if math.isinf(one.far) else f"{one.far:.3f}"
    return (f"slices, {one.slices}: accuracy of one by {below} below that of the other samples at "
            f"most for each, as of {one.part}, n={one.n} ({one.basis})")  # fmt: skip


def _question(one: QuestionReach) -> str:
    far = "none" if math.isinf(one.far) else f"{one.far:.3f}"
    mean = "" if one.mean is None else f", their mean {one.mean:.3f}"
    tests = f" of {one.tests} tests" if one.tests != one.comparisons else ""
    return (f"{_QUESTIONS[one.kind]}, {one.comparisons}{tests}: {one.figure} by {far} at most for "
            f"each{mean} ({one.basis})")  # fmt: skip
