"""A standing -> the verdict of a gate on it."""

from __future__ import annotations

from dataclasses import replace

from harness.errors import UntrustedJudge
from harness.gates.outcome import decided, open_gate
from harness.gates.plan_judged import PlannedJudgedGate
from harness.gates.threshold import half_width_detectable, interval_verdict, shown_detectable
from harness.records import Figure, Gate, Standing
from harness.spec.judgeset import HIGHEST, LOWEST
from harness.stats.intervals import clopper_pearson_interval


def judge_standing(planned: PlannedJudgedGate, standing: Standing, *, untrusted: str = "") -> Gate:
    """Return the verdict of a gate on one model of a judge set.

    It fails where it has nothing to judge: no scored answers, no such figure, more unscored
    answers than it allows, or a canary that was scored above its limit.

    Args:
        planned: The gate.
        standing: Of its model.
        untrusted: Why the judge's scores gate nothing, or empty.

    Raises:
        UntrustedJudge: The judge has no passport for this.
    """
    spec = planned.spec
    if untrusted:
        raise UntrustedJudge(f"untrusted: {untrusted}")
    gate = open_gate(spec, evalset=standing.evalset, cell=standing.model, gate_id=planned.id)
    wanted = f"at {'least' if spec.bound == 'at_least' else 'most'} {spec.threshold:g}"
    figure = standing_figure(standing, spec.figure)
    problem = _problem(planned, standing, figure)
    if figure is None:
        return replace(gate, line=f"{spec.figure} {wanted} - fail: {problem}")
    least, greatest = (LOWEST, HIGHEST) if spec.figure == "score" else (0, 1)
    most = max(greatest - spec.threshold, spec.threshold - least)
    far = half_width_detectable(figure.low, figure.high, most=most)
    gate = replace(gate, detectable=far)
    missing, _ = missing_verdicts(spec.figure, standing, figure)
    shown = (
        f"{spec.figure} {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}], detectable "
        f"{shown_detectable(far)}, n={figure.n} on {standing.probes} probes, unscored "
        f"{missing}: {wanted}"
    )
    if problem:
        return replace(gate, line=f"{shown} - fail: {problem}")
    return decided(gate, interval_verdict(figure, spec.bound, spec.threshold), shown)


def standing_figure(standing: Standing, name: str) -> Figure | None:
    """Return a figure that a gate can name; `unscored` is the share of answers without verdict."""
    total = standing.n + standing.unscored
    if name == "unscored" and total:
        interval = clopper_pearson_interval(standing.unscored, total)
        return Figure(standing.unscored / total, *interval, total)
    return standing.figures.get(name)


def _problem(planned: PlannedJudgedGate, standing: Standing, figure: Figure | None) -> str:
    total = standing.n + standing.unscored
    if standing.void:
        return f"the run is void: {standing.void}"
    if total == 0:
        return "the model has no answers"
    if figure is None and standing.n == 0:
        return f"none of {total} answers was scored"
    if figure is None:
        return "the set compares no pairs, or no pair has a verdict"
    expected = len(planned.cell.evalset.probes)
    if standing.probes < expected:
        return f"only {standing.probes} of {expected} probes were answered"
    most = planned.spec.max_unscored
    missing = [("answers", standing.unscored, total)]
    if planned.spec.figure == "win_rate":
        missing.insert(0, ("pairs", *missing_verdicts("win_rate", standing, figure)))
    for what, lost, due in missing if planned.spec.figure != "unscored" else ():
        if lost / due > most:
            return f"{lost} of {due} {what} without a verdict, more than {most:.1%}"
    return ""


def missing_verdicts(name: str, standing: Standing, figure: Figure) -> tuple[int, int]:
    """Return how many verdicts a figure lacks, and of how many that were due."""
    due = standing.n + standing.unscored
    if name == "win_rate":
        due = max(due, standing.pairs)
        return due - figure.n, due
    return standing.unscored, due
