"""A cell against its baseline: the accepted results of earlier runs, sample by sample."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from statistics import fmean

from harness.figures import by_sample, figure_kind
from harness.gates.baseline_fields import BaselineError, baseline_path
from harness.gates.baseline_file import Baseline, load_baseline, needed_baseline
from harness.gates.kept import Kept, as_kept, gave
from harness.gates.look_record import FOLDER, count_look
from harness.gates.paired import contrast_runs
from harness.gates.slice_contrasts import slice_contrasts
from harness.reasons import Reason
from harness.records import BaselineCheck, Flip
from harness.run.prepare import digest
from harness.run.score_cell import Outcome
from harness.run.treatment import changed, treatment


def check_baseline(
    root: Path, outcome: Outcome, *, of: str = "", local: Path | None = None
) -> BaselineCheck | None:
    """Compare a cell with its baseline; None if it has none.

    What cannot be compared is refused with the difference named: other samples, targets or scoring.
    All else is what a comparison is for: another wording, other shots, another model, adapter,
    engine, precision or template are the treatment, which is named.

    Args:
        root: The project.
        outcome: Of the cell.
        of: The cell whose baseline it is compared with, by default its own.
        local: Folder of what this machine keeps, in which looks are counted; None for none.
    """
    row = outcome.row
    name = of or row.cell
    former = "" if name == row.cell else name
    try:
        baseline = load_baseline(root, row.evalset, name)
    except BaselineError as error:
        return BaselineCheck(row.evalset, row.cell, refused=error.reason, former=former)
    if baseline is None:
        return None
    shown = baseline_path(row.evalset, name)
    if reason := _refusal(baseline, outcome):
        refused = Reason("baseline", {"path": shown.as_posix()}, (reason,))
        return BaselineCheck(row.evalset, row.cell, refused=refused, former=former)
    kept = kept_results(baseline, outcome)
    now = kept.now
    labels = tuple(row.targets)
    found = [
        contrast_runs(kept.runs, now, name, labels=labels, unchanged=kept.unchanged)
        for name in row.figures
        if figure_kind(name)[0].compare
    ]
    lost, won = _flips(kept)
    return BaselineCheck(
        evalset=row.evalset,
        cell=row.cell,
        former=former,
        treatment=treatment(baseline.provenance, outcome.provenance),
        changed=changed(baseline.provenance, outcome.provenance),
        contrasts=tuple(one for one in found if one is not None),
        lost=tuple(lost),
        won=tuple(won),
        slices=tuple(slice_contrasts(kept.runs, now, row, outcome.results)),
        runs=len(kept.runs),
        written=baseline.written,
        varied=_varied(kept),
        looks=_count(local, outcome, baseline, kept) if local is not None else 0,
    )


def kept_results(baseline: Baseline, outcome: Outcome) -> Kept:
    """Return a cell's results beside those of a baseline that it can be compared with."""
    now = {key: as_kept(one) for key, one in by_sample(outcome.results).items()}
    runs = [by_sample(run) for run in baseline.runs]
    differs = treatment(baseline.provenance, outcome.provenance)
    unchanged = not differs and all(gave(run) == gave(now) for run in runs)
    return Kept(runs[0], now, unchanged, tuple(runs[1:]))


def _flips(kept: Kept) -> tuple[list[Flip], list[Flip]]:
    """Return the samples that were right and are wrong, and the other way round."""
    lost: list[Flip] = []
    won: list[Flip] = []
    for sample, one in kept.now.items():
        before = {run[sample].correct for run in kept.runs}
        if len(before) > 1 or None in (*before, one.correct) or one.correct in before:
            continue
        flip = Flip(sample, one.target, kept.before[sample].answer, one.answer)
        (won if one.correct else lost).append(flip)
    return lost, won


def _varied(kept: Kept) -> float | None:
    """Return which share of answers differs between two runs of the baseline."""
    shares = [
        fmean(one.answer != second[sample].answer for sample, one in first.items())
        for first, second in combinations(kept.runs, 2)
        if first
    ]
    return fmean(shares) if shares else None


def check_addition(root: Path, outcome: Outcome) -> Baseline:
    """Return the baseline that runs of a cell can be added to: it is of the very same system.

    Raises:
        BaselineError: There is none, it is damaged, or data, scoring or anything else differs.
    """
    row = outcome.row
    shown = baseline_path(row.evalset, row.cell).as_posix()
    baseline = needed_baseline(root, row.evalset, row.cell)
    differs = _refusal(baseline, outcome)
    before, now = baseline.provenance, outcome.provenance
    if differs is None and (names := treatment(before, now)):
        told = "; ".join(changed(before, now)) or ", ".join(names)
        differs = Reason("baseline_changed", {"changed": told})
    if differs is not None:
        raise BaselineError(reason=Reason("baseline_not_added", {"path": shown}, (differs,)))
    return baseline


def _count(local: Path, outcome: Outcome, baseline: Baseline, kept: Kept) -> int:
    """Count this comparison among those that the machine has made with this baseline.

    Runs that were added to it begin no new series, but the same results are then another look.
    """
    shown = baseline_path(outcome.row.evalset, outcome.row.cell)
    runs = [sorted(gave(run).items()) for run in kept.runs]
    first, added = runs[: baseline.first_runs], runs[baseline.first_runs :]
    now = sorted(gave(kept.now).items())
    results = digest([now, *added] if added else now)
    return count_look(local / FOLDER / shown, digest([baseline.cell, *first]), results)


def _refusal(baseline: Baseline, outcome: Outcome) -> Reason | None:
    """Say why the two cannot be compared, None where they can."""
    before, now = baseline.provenance, outcome.provenance
    old, new = baseline.samples, [one.sample for one in outcome.results]
    if before.data != now.data or set(old) != set(new):
        if len(old) != len(new):
            return Reason("baseline_count", {"then": len(old), "now": len(new)})
        if other := len(set(old) - set(new)):
            return Reason("baseline_samples", {"other": other, "total": len(old)})
        return Reason("baseline_texts")
    if before.scoring != now.scoring:
        return Reason("baseline_scoring", {"then": before.scoring, "now": now.scoring})
    return None
