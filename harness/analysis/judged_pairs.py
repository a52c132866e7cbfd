"""A judged model beside itself in another run: figures, probes and points that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.analysis.at_looks import at_look, looks_of, told_contrast
from harness.analysis.judged_findings import ModelChange
from harness.analysis.points import point_moves, probe_matrices
from harness.gates.baseline_fields import BaselineError, baseline_path
from harness.gates.look_record import FOLDER, count_look
from harness.judge.judged_baseline import load_judged_baseline
from harness.judge.paired_probes import (
    contrasts,
    differences,
    gave,
    probe_means,
    refusal,
    without_verdict,
)
from harness.reasons import Reason
from harness.records import (
    Gate,
    Judged,
    JudgedBasis,
    JudgedPair,
    PairedFigure,
    ProbeMove,
    ProbeResult,
)
from harness.run.prepare import digest
from harness.stats import holm

# Below this, a difference of means is one of rounding.
_NO_MOVE = 1e-9


@dataclass(frozen=True, slots=True)
class JudgedSide:
    """One run of a judged model: its probes, and what their figures rest on."""

    basis: JudgedBasis
    probes: Sequence[ProbeResult]


def pair_runs(before: JudgedSide, now: JudgedSide) -> JudgedPair:
    """Return what a model's run differs by from another one, probe by probe.

    Answers pass by the score that the judged run has for that.

    Args:
        before: The other run.
        now: The run that is judged.
    """
    basis = now.basis
    former = "" if before.basis.model == basis.model else before.basis.model
    pair = JudgedPair(basis.evalset, basis.model, former=former)
    if reason := refusal(before.basis, basis):
        return replace(pair, refused=reason)
    treatment, changed = differences(before.basis, basis)
    found = contrasts(before.probes, now.probes, passing=basis.passing, alike=not treatment)
    figure = _paired(found[0].figure) if found else None
    worse, better = _moved(before, now, figure)
    sides = {"A": before.probes, "B": now.probes}
    named = tuple(replace(one, model=name, evalset="") for name, own in sides.items()
                  for one in own)  # fmt: skip
    moves = next(iter(point_moves(probe_matrices(Judged(named), ""), "A")), None)
    return replace(
        pair,
        treatment=treatment,
        changed=changed,
        contrasts=tuple(map(told_contrast, found)),
        unscored={one.figure: without_verdict(before.probes, _paired(one.figure))
                  for one in found},
        figure=figure,
        worse=worse,
        better=better,
        gained=moves.gained if moves else (),
        lost=moves.lost if moves else (),
        points=moves.compared if moves else 0,
    )  # fmt: skip


def _paired(figure: str) -> PairedFigure:
    return "points" if figure == "points" else "score" if figure == "score" else "pass_rate"


def _moved(
    before: JudgedSide, now: JudgedSide, figure: PairedFigure | None
) -> tuple[tuple[ProbeMove, ...], tuple[ProbeMove, ...]]:
    """Return the probes that became worse and better, those with the greatest change first."""
    if figure is None:
        return (), ()
    first, second = (probe_means(side.probes, figure, passing=now.basis.passing)
                     for side in (before, now))  # fmt: skip
    moves = [ProbeMove(name, first[name], second[name]) for name in second if name in first]
    moves.sort(key=lambda one: -abs(one.after - one.before))
    worse = tuple(one for one in moves if one.after < one.before - _NO_MOVE)
    return worse, tuple(one for one in moves if one.after > one.before + _NO_MOVE)


def check_judged_baseline(
    root: Path, now: JudgedSide, *, of: str, local: Path | None = None
) -> JudgedPair | None:
    """Compare a judged model with a baseline; None where there is none.

    Another judge, rubric or way of asking, and other probes or points, are refused with the
    difference named. All else is what a comparison is for: another system text, sampling, model,
    adapter, engine, precision or template are the treatment, which is named.

    Args:
        root: The project.
        now: The model's run.
        of: The model whose baseline it is compared with.
        local: Folder of what this machine keeps, in which looks are counted; None for none.
    """
    basis = now.basis
    former = "" if of == basis.model else of
    try:
        baseline = load_judged_baseline(root, basis.evalset, of)
    except BaselineError as error:
        return JudgedPair(basis.evalset, basis.model, refused=error.reason, former=former)
    if baseline is None:
        return None
    shown = baseline_path(basis.evalset, of)
    pair = pair_runs(JudgedSide(baseline.basis, baseline.probes), now)
    if pair.refused:
        facts = {"path": shown.as_posix()}
        return replace(pair, refused=Reason("baseline", facts, (pair.refused,)))
    looks = 0
    if local is not None:
        accepted, found = (digest(list(gave(own).items())) for own in (baseline.probes, now.probes))
        looks = count_look(local / FOLDER / shown, accepted, found)
    return replace(pair, written=baseline.written, looks=looks)


def model_changes(pairs: Sequence[JudgedPair], gates: Sequence[Gate] = ()) -> list[ModelChange]:
    """Return each figure's difference, p-values adjusted over all of them by Holm's method.

    Args:
        pairs: Judged models against other runs of them.
        gates: Of the run; what one plans looks for is shown where a look shows it.
    """
    looks = looks_of(gates)
    every = [(pair, one) for pair in pairs if not pair.refused for one in pair.contrasts]
    adjusted = holm([one.p for _, one in every])
    return [
        ModelChange(
            pair.evalset,
            pair.model,
            told_contrast(one),
            p,
            at_look(one, looks.get((pair.evalset, pair.model, one.figure))),
        )
        for (pair, one), p in zip(every, adjusted, strict=True)
    ]
