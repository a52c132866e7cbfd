"""Baselines: the accepted results of earlier runs, committed, and compared sample by sample."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter, ValidationError

from harness.errors import HarnessError
from harness.figures import by_sample, figure_kind
from harness.gates.kept import Kept, as_kept, gave, rounded
from harness.gates.paired import contrast
from harness.gates.slices import slice_contrasts
from harness.jsontext import json_text
from harness.reasons import Reason
from harness.records import BaselineCheck, Flip, Provenance, Result
from harness.run.score_cell import Outcome
from harness.run.treatment import changed, treatment

FOLDER = "baselines"
FORMAT = 1


class BaselineError(HarnessError):
    """A baseline that is missing, damaged or made on something else."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """One cell's accepted results, a column a field, without any text.

    Attributes:
        labels: The set's labels; the columns of labels hold their places, -1 for none.
        samples: Ids, in the order of the data.
        correct: 1 right, 0 wrong, -1 unscored.
        log_odds: Rounded, None where there are none.
        logprobs: Of more than two labels: their rounded log-probabilities among each other, in the
            order of `labels`; empty for a sample that has none, and in baselines without any.
        versions: Of the libraries that took part, for the reader.
    """

    format: int
    evalset: str
    cell: str
    provenance: Provenance
    versions: dict[str, str]
    labels: list[str]
    samples: list[str]
    targets: list[int]
    answers: list[int]
    calibrated: list[int]
    correct: list[int]
    log_odds: list[float | None]
    logprobs: list[list[float]] = field(default_factory=list)


_BASELINE = TypeAdapter(Baseline)


def baseline_path(evalset: str, cell: str) -> PurePosixPath:
    """Return where a cell's baseline lies in the project: `baselines/<eval set>/<cell>.json`."""
    parts = list(PurePosixPath(evalset).with_suffix("").parts)
    if "evalsets" in parts:
        parts.remove("evalsets")
    return PurePosixPath(FOLDER, *parts, f"{cell}.json")


def write_baseline(root: Path, outcome: Outcome, versions: Mapping[str, str]) -> Path:
    """Write a cell's results as its baseline, in place of an earlier one; return the file.

    Args:
        root: The project.
        outcome: What to keep.
        versions: Of the libraries that took part.

    Raises:
        OSError: It cannot be written.
    """
    row, results = outcome.row, outcome.results
    labels = list(row.targets)
    columns: dict[str, Sequence[int]] = {
        "targets": [_place(one.target, labels) for one in results],
        "answers": [_place(one.answer, labels) for one in results],
        "calibrated": [_place(one.calibrated, labels) for one in results],
        "correct": [-1 if one.correct is None else int(one.correct) for one in results],
    }
    kept = TypeAdapter(Provenance).dump_python(outcome.provenance)
    # Most cells have none, and their baselines stay as they are.
    if not kept["extensions"]:
        del kept["extensions"]
    head = {
        "format": FORMAT,
        "evalset": row.evalset,
        "cell": row.cell,
        "provenance": kept,
        "versions": dict(versions),
        "labels": labels,
        "samples": [one.sample for one in results],
        **columns,
        "log_odds": [rounded(one.log_odds) for one in results],
    }
    if len(labels) > 2 and any(one.logprobs for one in results):
        head["logprobs"] = [list(as_kept(one).logprobs.values()) for one in results]
    # One line a field: a difference to the last version says which column has changed.
    lines = [f" {json.dumps(key)}: {_compact(value)}" for key, value in head.items()]
    path = root / baseline_path(row.evalset, row.cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    part.replace(path)
    return path


def load_baseline(root: Path, evalset: str, cell: str) -> Baseline | None:
    """Return a cell's baseline, or None if it has none.

    Raises:
        BaselineError: The file is damaged or of another format.
    """
    shown = baseline_path(evalset, cell)
    path = shown.as_posix()
    try:
        data = json.loads((root / shown).read_text(encoding="utf-8"))
        found = data.get("format") if isinstance(data, dict) else None
        if found != FORMAT:
            facts = {"path": path, "found": str(found), "present": str(FORMAT)}
            raise BaselineError(reason=Reason("baseline_format", facts))
        baseline = _BASELINE.validate_python(data)
    except FileNotFoundError:
        return None
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, ValidationError) as error:
        first = str(error).splitlines()[0]
        facts = {"path": path, "detail": first}
        raise BaselineError(reason=Reason("baseline_damaged", facts)) from error
    columns = (baseline.targets, baseline.answers, baseline.calibrated, baseline.correct,
               baseline.log_odds)  # fmt: skip
    rows = baseline.logprobs
    uneven = any(len(row) not in (0, len(baseline.labels)) for row in rows)
    if (
        any(len(column) != len(baseline.samples) for column in columns)
        or uneven
        or (rows and len(rows) != len(baseline.samples))
    ):
        raise BaselineError(reason=Reason("baseline_uneven", {"path": path}))
    return baseline


def check_baseline(root: Path, outcome: Outcome, *, of: str = "") -> BaselineCheck | None:
    """Compare a cell with its baseline; None if it has none.

    What cannot be compared is refused with the difference named: other samples, targets or scoring.
    All else is what a comparison is for: another wording, other shots, another model, adapter,
    engine, precision or template are the treatment, which is named.

    Args:
        root: The project.
        outcome: Of the cell.
        of: The cell whose baseline it is compared with, by default its own.
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
    before, now = kept.before, kept.now
    labels = tuple(row.targets)
    found = [
        contrast(before, now, name, labels=labels, unchanged=kept.unchanged)
        for name in row.figures
        if figure_kind(name)[0].compare
    ]
    lost: list[Flip] = []
    won: list[Flip] = []
    for sample, one in now.items():
        old = before[sample]
        if None in (old.correct, one.correct) or old.correct == one.correct:
            continue
        flip = Flip(sample, one.target, old.answer, one.answer)
        (lost if old.correct else won).append(flip)
    return BaselineCheck(
        evalset=row.evalset,
        cell=row.cell,
        former=former,
        treatment=treatment(baseline.provenance, outcome.provenance),
        changed=changed(baseline.provenance, outcome.provenance),
        contrasts=tuple(one for one in found if one is not None),
        lost=tuple(lost),
        won=tuple(won),
        slices=tuple(slice_contrasts(before, now, row, outcome.results)),
    )


def kept_results(baseline: Baseline, outcome: Outcome) -> Kept:
    """Return a cell's results beside those of a baseline that it can be compared with."""
    now = {key: as_kept(one) for key, one in by_sample(outcome.results).items()}
    before = by_sample(_results(baseline))
    differs = treatment(baseline.provenance, outcome.provenance)
    return Kept(before, now, not differs and gave(before) == gave(now))


def _refusal(baseline: Baseline, outcome: Outcome) -> Reason | None:
    """Say why the two cannot be compared, None where they can."""
    before, now = baseline.provenance, outcome.provenance
    if before.data != now.data:
        old, new = baseline.samples, [one.sample for one in outcome.results]
        if len(old) != len(new):
            return Reason("baseline_count", {"then": len(old), "now": len(new)})
        if other := len(set(old) - set(new)):
            return Reason("baseline_samples", {"other": other, "total": len(old)})
        return Reason("baseline_texts")
    if before.scoring != now.scoring:
        return Reason("baseline_scoring", {"then": before.scoring, "now": now.scoring})
    return None


def _by_label(row: Sequence[float], labels: Sequence[str]) -> dict[str, float]:
    return dict(zip(labels, row, strict=True)) if row else {}


def _results(baseline: Baseline) -> list[Result]:
    labels = baseline.labels
    return [
        Result(
            evalset=baseline.evalset,
            cell=baseline.cell,
            sample=sample,
            prompt_key="",
            text="",
            target=labels[baseline.targets[i]],
            answer=_label(baseline.answers[i], labels),
            calibrated=_label(baseline.calibrated[i], labels),
            correct=None if baseline.correct[i] < 0 else baseline.correct[i] == 1,
            reason=None,
            logprobs=_by_label(baseline.logprobs[i], labels) if baseline.logprobs else {},
            log_odds=baseline.log_odds[i],
        )
        for i, sample in enumerate(baseline.samples)
    ]


def _place(label: str | None, labels: Sequence[str]) -> int:
    return labels.index(label) if label in labels else -1


def _label(place: int, labels: Sequence[str]) -> str | None:
    return labels[place] if place >= 0 else None


def _compact(value: object) -> str:
    return json_text(value, compact=True)
