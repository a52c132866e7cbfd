"""A planned gate and the outcomes that it needs -> its verdict."""

from __future__ import annotations

from dataclasses import replace

from harness.figures import by_sample
from harness.gates.baseline_fields import BaselineError, baseline_path
from harness.gates.kept import Kept
from harness.gates.looks import overrun_words
from harness.gates.paired import contrast, judge_contrast
from harness.gates.plan import PlannedGate
from harness.gates.slices import OtherSide, judge_slice
from harness.gates.threshold import judge_threshold
from harness.reasons import Reason
from harness.records import BaselineCheck, Contrast, Gate, JudgedPair
from harness.run.score_cell import Outcome
from harness.spec.gatespec import BASELINE


def judge(
    planned: PlannedGate,
    outcome: Outcome,
    *,
    other: Outcome | None = None,
    baseline: BaselineCheck | None = None,
    kept: Kept | None = None,
) -> Gate:
    """Return the verdict of a gate.

    Args:
        planned: The gate.
        outcome: Of its cell.
        other: Of the cell that it compares with, if it does.
        baseline: The cell against its baseline, None where it has none.
        kept: Of a gate on a slice that compares with the baseline: the results of both.

    Raises:
        BaselineError: The gate compares with a baseline that is missing or was refused.
    """
    spec = planned.spec
    found: Contrast | None
    with_baseline = planned.against == BASELINE and planned.other is None
    if with_baseline:
        found = _with_baseline(planned, baseline)
    against = baseline if with_baseline else None
    if spec.slice is not None:
        side = OtherSide(planned.against, by_sample(other.results), other.row) if other else None
        if with_baseline:
            if kept is None:
                raise ValueError("a gate on a slice is compared with the baseline's own results")
            side = OtherSide(BASELINE, kept.before, unchanged=kept.unchanged,
                             further=kept.further)  # fmt: skip
        now = kept.now if kept else None
        gate = judge_slice(spec, outcome, gate_id=planned.id, other=side, now=now)
        return told(gate, against)
    if not with_baseline and other is None:
        return judge_threshold(outcome.row, spec, gate_id=planned.id)
    if other is not None:
        found = contrast(
            by_sample(other.results),
            by_sample(outcome.results),
            spec.figure,
            labels=tuple(outcome.row.targets),
        )
    gate = judge_contrast(
        outcome.row,
        spec,
        found,
        against=planned.against,
        gate_id=planned.id,
        other=other.row if other else None,
    )
    return told(gate, against)


def told(gate: Gate, baseline: BaselineCheck | JudgedPair | None) -> Gate:
    """Return a gate that names its baseline, what differs from it, and which look at it this is."""
    if baseline is None:
        return gate
    line, treatment, look = gate.line, baseline.treatment, gate.look
    if look is not None:
        look = replace(look, count=baseline.looks)
        line += overrun_words(look)
    if baseline.former:
        line += f"; the baseline is that of {baseline.former}"
    if treatment:
        # Their digest is of the tokenizer and of settings, too.
        named = ["model files" if one == "weights" else one for one in treatment]
        line += f"; changed since the baseline: {', '.join(named)}"
    return replace(gate, line=line, treatment=treatment, former=baseline.former, look=look)


def _with_baseline(planned: PlannedGate, baseline: BaselineCheck | None) -> Contrast | None:
    if baseline is None:
        path = baseline_path(planned.cell.path, planned.cell.id)
        raise BaselineError(f"{planned.cell.path}: {planned.id}: no baseline {path.as_posix()}; "
                            "write it with pytest --eval-write-baseline",
                            reason=Reason("no_baseline", {"path": path.as_posix()}))  # fmt: skip
    if baseline.refused:
        raise BaselineError(f"{planned.cell.path}: {planned.id}: {baseline.refused.text}",
                            reason=baseline.refused)  # fmt: skip
    return next((one for one in baseline.contrasts if one.figure == planned.spec.figure), None)
