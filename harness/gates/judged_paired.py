"""A judged model against its baseline -> the verdict of a gate on it."""

from __future__ import annotations

from dataclasses import replace

from harness.figures import FigureKind
from harness.gates.baseline_fields import BaselineError, baseline_path
from harness.gates.decide import told
from harness.gates.looks import look_detectable, look_verdict, look_words, take_look
from harness.gates.outcome import decided, failed, open_gate
from harness.gates.paired import contrast_verdict, contrast_words, wanted_words
from harness.gates.plan_judged import PlannedJudgedGate
from harness.reasons import Reason
from harness.records import Contrast, Gate, JudgedPair, Standing
from harness.spec.judgeset import JudgedFigure, ends_of


def judged_kind(figure: JudgedFigure) -> FigureKind:
    """Return what a paired gate has to know of a judged figure, which no table of figures has."""
    least, greatest = ends_of(figure)
    return FigureKind(figure, "", lowest=least, highest=greatest)


def judge_pair(
    planned: PlannedJudgedGate,
    standing: Standing,
    pair: JudgedPair | None,
    problem: Reason | None,
) -> Gate:
    """Return the verdict of `no_worse_than: baseline` on a judged model.

    Args:
        planned: The gate.
        standing: Of its model.
        pair: The model against its baseline, None where it has none.
        problem: What this run lacks, or None.

    Raises:
        BaselineError: There is no baseline, or it cannot be compared with.
    """
    path, spec = planned.cell.path, planned.spec
    if pair is None:
        shown = baseline_path(path, planned.cell.model).as_posix()
        raise BaselineError(f"{path}: {planned.id}: no baseline {shown}; write it with pytest "
                            "--eval-write-baseline",
                            reason=Reason("no_baseline", {"path": shown}))  # fmt: skip
    if pair.refused:
        raise BaselineError(f"{path}: {planned.id}: {pair.refused.text}", reason=pair.refused)
    kind, look = judged_kind(spec.figure), None
    found = next((one for one in pair.contrasts if one.figure == spec.figure), None)
    if found is not None and spec.looks:
        look = take_look(found, spec.looks, units=found.n, kind=kind)
        found = replace(found, detectable=look_detectable(found, look, kind=kind))
    gate = replace(
        open_gate(spec, evalset=standing.evalset, cell=standing.model, gate_id=planned.id,
                  against=planned.against),
        contrast=found,
        look=look,
    )  # fmt: skip
    wanted = wanted_words(spec.bound, spec.threshold)
    problem = problem or _problem(planned, pair, found)
    if found is None:
        shown = f"{spec.figure} {wanted} against {planned.against}"
        return told(failed(gate, shown, problem), pair)
    words = contrast_words(found, planned.against, kind=kind)
    shown = f"{spec.figure} {words}, {found.lost} probes worse, {found.won} better: {wanted}"
    if problem:
        return told(failed(gate, shown, problem), pair)
    if look is not None:
        verdict = look_verdict(found, spec.threshold, look, kind=kind)
        return told(decided(gate, verdict, f"{shown}, {look_words(found, look, kind=kind)}"), pair)
    verdict = contrast_verdict(found, spec.bound, spec.threshold, kind=kind)
    return told(decided(gate, verdict, shown), pair)


def _problem(planned: PlannedJudgedGate, pair: JudgedPair, found: Contrast | None) -> Reason | None:
    """Return what the baseline lacks, or None."""
    most = planned.spec.max_unscored
    if found is None:
        return Reason("no_probe_pairs")
    if (share := pair.unscored.get(found.figure, 0.0)) > most:
        return Reason("baseline_unscored", {"share": share, "most": most})
    share = found.left_out / (found.n + found.left_out)
    return Reason("probes_left_out", {"share": share, "most": most}) if share > most else None
