"""A standing -> the verdict of a gate on it."""

from __future__ import annotations

from dataclasses import replace

from harness.errors import UntrustedJudge
from harness.gates.judged_paired import judge_pair
from harness.gates.outcome import decided, failed, open_gate
from harness.gates.plan_judged import PlannedJudgedGate
from harness.gates.threshold import half_width_detectable, interval_verdict, shown_detectable
from harness.reasons import Reason
from harness.records import Figure, Gate, JudgedPair, Standing
from harness.spec.judgeset import ends_of
from harness.stats.intervals import clopper_pearson_interval

_OWN_VERDICTS = {"win_rate": "pairs_without_verdict", "points": "points_without_verdict"}
"""Figures with verdicts of their own, besides the scores, and the reason when they are missing."""


def judge_standing(
    planned: PlannedJudgedGate,
    standing: Standing,
    *,
    untrusted: Reason | None = None,
    baseline: JudgedPair | None = None,
) -> Gate:
    """Return the verdict of a gate on one model of a judge set.

    It fails where it has nothing to judge: no scored answers, no such figure, more unscored
    answers than it allows, or a canary that was scored above its limit.

    Args:
        planned: The gate.
        standing: Of its model.
        untrusted: Why the judge's scores gate nothing, or None.
        baseline: The model against its baseline, None where it has none.

    Raises:
        UntrustedJudge: The judge has no passport for this, or its scores are void as well.
        BaselineError: The gate compares with a baseline that is missing or was refused.
    """
    spec = planned.spec
    if untrusted:
        # A passport would open nothing where the scores themselves count for nothing.
        void = Reason("void", causes=(standing.void,)) if standing.void else None
        raise UntrustedJudge(reason=void or untrusted)
    if planned.against:
        problem = _problem(planned, standing, standing.figures.get(spec.figure))
        return judge_pair(planned, standing, baseline, problem)
    gate = replace(
        open_gate(spec, evalset=standing.evalset, cell=standing.model, gate_id=planned.id),
        anytime=spec.anytime,
    )
    wanted = f"at {'least' if spec.bound == 'at_least' else 'most'} {spec.threshold:g}"
    figure = standing_figure(standing, spec.figure, anytime=spec.anytime)
    problem = _problem(planned, standing, figure)
    if figure is None:
        return failed(gate, f"{spec.figure} {wanted}", problem)
    least, greatest = ends_of(spec.figure)
    most = max(greatest - spec.threshold, spec.threshold - least)
    far = half_width_detectable(figure.low, figure.high, most=most)
    gate = replace(gate, detectable=far)
    missing, _ = missing_verdicts(spec.figure, standing, figure)
    whenever = " at any number of probes" if spec.anytime else ""
    interval = f"[{figure.low:.3f}, {figure.high:.3f}]{whenever}"
    shown = (
        f"{spec.figure} {figure.value:.3f} {interval}, detectable "
        f"{shown_detectable(far)}, n={figure.n} on {standing.probes} probes, unscored "
        f"{missing}: {wanted}"
    )
    if problem:
        return failed(gate, shown, problem)
    return decided(gate, interval_verdict(figure, spec.bound, spec.threshold), shown)


def standing_figure(standing: Standing, name: str, *, anytime: bool = False) -> Figure | None:
    """Return a figure that a gate can name; `unscored` is the share of answers without verdict.

    Args:
        standing: Of the model.
        name: Of the figure.
        anytime: Whether its interval is to hold at all numbers of probes.
    """
    if anytime:
        return standing.anytime.get(name)
    total = standing.n + standing.unscored
    if name == "unscored" and total:
        interval = clopper_pearson_interval(standing.unscored, total)
        return Figure(standing.unscored / total, *interval, total)
    return standing.figures.get(name)


def _problem(
    planned: PlannedJudgedGate, standing: Standing, figure: Figure | None
) -> Reason | None:
    total = standing.n + standing.unscored
    if standing.void:
        return Reason("void", causes=(standing.void,))
    if total == 0:
        return Reason("no_answers")
    if figure is None and standing.n == 0:
        return Reason("no_answer_scored", {"total": total})
    if figure is None:
        return Reason("no_verdicts")
    expected = len(planned.cell.evalset.probes)
    if standing.probes < expected:
        return Reason("few_probes", {"answered": standing.probes, "expected": expected})
    most = planned.spec.max_unscored
    missing = [("answers_without_verdict", standing.unscored, total)]
    if kind := _OWN_VERDICTS.get(planned.spec.figure):
        missing.insert(0, (kind, *missing_verdicts(planned.spec.figure, standing, figure)))
    if planned.spec.figure == "points":
        # Whether an answer has a score as well says nothing of its points.
        del missing[1:]
    for kind, lost, due in missing if planned.spec.figure != "unscored" else ():
        if lost / due > most:
            return Reason(kind, {"lost": lost, "due": due, "most": most})
    return None


def missing_verdicts(name: str, standing: Standing, figure: Figure) -> tuple[int, int]:
    """Return how many verdicts a figure lacks, and of how many that were due."""
    due = standing.n + standing.unscored
    if name == "win_rate":
        due = max(due, standing.pairs)
    if name in _OWN_VERDICTS:
        return due - figure.n, due
    return standing.unscored, due
