"""The files of baselines: one for each cell, of one run or of several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from pydantic import TypeAdapter

from harness.gates.baseline_fields import (
    BaselineError,
    baseline_path,
    damaged,
    head_lines,
    read_fields,
    write_lines,
)
from harness.gates.kept import as_kept, rounded
from harness.reasons import Reason
from harness.records import Provenance, Result
from harness.records.results import FARTHEST
from harness.run.score_cell import Outcome

FORMAT = 2
_ONE_RUN = 1
"""The format of baselines of one run alone, with that run's values in place of the runs'."""
_COLUMNS = ("answers", "calibrated", "correct", "log_odds")


@dataclass(frozen=True, slots=True)
class Baseline:
    """One cell's accepted results, a column a field, without any text.

    Attributes:
        written: The day, such as `2026-11-29`; "" where it was not kept.
        labels: The set's labels; the columns of labels hold their places, -1 for none.
        samples: Ids, in the order of the data.
        answers: Of each run, a label a sample; `calibrated` likewise.
        correct: Of each run, 1 right, 0 wrong, -1 unscored.
        log_odds: Of each run, rounded, None where there are none.
        logprobs: Of more than two labels: of each run their rounded log-probabilities among each
            other, in the order of `labels`; empty for a sample that has none, and in baselines
            without any.
        versions: Of the libraries that took part, for the reader.
        begun: Runs that it was written with, those behind them were added later; 0 for all.
        added: The day of the last addition, "" where there was none.
    """

    format: int
    evalset: str
    cell: str
    provenance: Provenance
    versions: dict[str, str]
    labels: list[str]
    samples: list[str]
    targets: list[int]
    answers: list[list[int]]
    calibrated: list[list[int]]
    correct: list[list[int]]
    log_odds: list[list[float | None]]
    logprobs: list[list[list[float]]] = field(default_factory=list)
    written: str = ""
    begun: int = 0
    added: str = ""

    @property
    def first_runs(self) -> int:
        """How many runs it was written with."""
        return self.begun or len(self.answers)

    @property
    def runs(self) -> list[list[Result]]:
        """The results of each run, in the order of the samples."""
        return [self._run(run) for run in range(len(self.answers))]

    def _run(self, run: int) -> list[Result]:
        labels = self.labels
        answers, calibrated, correct, log_odds = (
            self.answers[run], self.calibrated[run], self.correct[run], self.log_odds[run]
        )  # fmt: skip
        return [
            Result(
                evalset=self.evalset,
                cell=self.cell,
                sample=sample,
                prompt_key="",
                text="",
                target=labels[self.targets[i]],
                answer=_label(answers[i], labels),
                calibrated=_label(calibrated[i], labels),
                correct=None if correct[i] < 0 else correct[i] == 1,
                reason=None,
                logprobs=_by_label(self.logprobs[run][i], labels) if self.logprobs else {},
                log_odds=log_odds[i],
            )
            for i, sample in enumerate(self.samples)
        ]


_BASELINE = TypeAdapter(Baseline)


def write_baseline(
    root: Path, runs: Sequence[Outcome], versions: Mapping[str, str], *, written: str
) -> Path:
    """Write the results of a cell's runs as its baseline, in place of an earlier one.

    Args:
        root: The project.
        runs: What to keep: runs of one cell on the same samples, one at least.
        versions: Of the libraries that took part.
        written: The day.

    Returns:
        The file.

    Raises:
        OSError: It cannot be written.
    """
    row, results = runs[0].row, runs[0].results
    labels = list(row.targets)
    kept = TypeAdapter(Provenance).dump_python(runs[0].provenance)
    # Most cells have none, and their baselines stay as they are.
    if not kept["extensions"]:
        del kept["extensions"]
    every = [run.results for run in runs]
    columns = _columns(every, labels)
    if len(labels) <= 2 or not any(one.logprobs for run in every for one in run):
        del columns["logprobs"]
    head = {
        "format": FORMAT,
        "evalset": row.evalset,
        "cell": row.cell,
        "written": written,
        "provenance": kept,
        "versions": dict(versions),
        "labels": labels,
        "samples": [one.sample for one in results],
        "targets": [_place(one.target, labels) for one in results],
        **columns,
    }
    return _write(root / baseline_path(row.evalset, row.cell), head)


def add_to_baseline(root: Path, baseline: Baseline, runs: Sequence[Outcome], *, day: str) -> Path:
    """Add further runs of a cell to its baseline.

    Args:
        root: The project.
        baseline: As it lies on disk.
        runs: What to add: runs of the cell on the same samples, one at least.
        day: On which they were made.

    Returns:
        The file.

    Raises:
        OSError: It cannot be written.
    """
    results = [{one.sample: one for one in run.results} for run in runs]
    further = _columns([[run[key] for key in baseline.samples] for run in results], baseline.labels)
    head = TypeAdapter(Baseline).dump_python(baseline)
    for name in (*_COLUMNS, "logprobs"):
        head[name] += further[name] if head[name] else []
    if not head["logprobs"]:
        del head["logprobs"]
    if not head["provenance"]["extensions"]:
        del head["provenance"]["extensions"]
    head |= {"format": FORMAT, "begun": baseline.first_runs, "added": day}
    return _write(root / baseline_path(baseline.evalset, baseline.cell), head)


def _columns(runs: Sequence[Sequence[Result]], labels: Sequence[str]) -> dict[str, list[object]]:
    """Return what is kept of runs, a list a run in each column."""
    return {
        "answers": [[_place(one.answer, labels) for one in run] for run in runs],
        "calibrated": [[_place(one.calibrated, labels) for one in run] for run in runs],
        "correct": [[-1 if one.correct is None else int(one.correct) for one in run]
                    for run in runs],
        "log_odds": [[rounded(one.log_odds) for one in run] for run in runs],
        "logprobs": [[list(as_kept(one).logprobs.values()) for one in run] for run in runs],
    }  # fmt: skip


def _write(path: Path, head: Mapping[str, object]) -> Path:
    # One line a field: a difference to the last version says which column has changed.
    return write_lines(path, head_lines(head))


def load_baseline(root: Path, evalset: str, cell: str) -> Baseline | None:
    """Return a cell's baseline, or None if it has none.

    Raises:
        BaselineError: The file is damaged or of another format.
    """
    shown = baseline_path(evalset, cell)
    path = shown.as_posix()
    try:
        data = read_fields(root / shown, path, (FORMAT, _ONE_RUN))
        if data["format"] == _ONE_RUN:
            own = [*_COLUMNS, *(["logprobs"] if data.get("logprobs") else [])]
            data |= {key: [data[key]] for key in own if key in data}
        baseline = _BASELINE.validate_python(data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise damaged(path, error) from error
    if _uneven(baseline):
        raise BaselineError(reason=Reason("baseline_uneven", {"path": path}))
    if problem := _impossible(baseline):
        raise damaged(path, ValueError(problem))
    return baseline


def needed_baseline(root: Path, evalset: str, cell: str) -> Baseline:
    """Return a cell's baseline, to which runs are to be added.

    Raises:
        BaselineError: There is none, or as `load_baseline`.
    """
    found = load_baseline(root, evalset, cell)
    if found is None:
        shown = baseline_path(evalset, cell).as_posix()
        raise BaselineError(reason=Reason("baseline_missing", {"path": shown}))
    return found


def _uneven(baseline: Baseline) -> bool:
    """Return whether columns lack samples or runs, or have too many."""
    samples, runs = len(baseline.samples), len(baseline.answers)
    columns: list[Sequence[Sequence[object]]] = [
        baseline.answers, baseline.calibrated, baseline.correct, baseline.log_odds
    ]  # fmt: skip
    if baseline.logprobs:
        columns.append(baseline.logprobs)
    return (
        not runs
        or len(baseline.targets) != samples
        or any(len(column) != runs for column in columns)
        or any(len(run) != samples for column in columns for run in column)
        or any(len(row) not in (0, len(baseline.labels))
               for run in baseline.logprobs for row in run)
    )  # fmt: skip


def _impossible(baseline: Baseline) -> str | None:
    """Say which column holds what no run comes to."""
    labels, samples = baseline.labels, baseline.samples
    for name, own in (("labels", labels), ("samples", samples)):
        if not own or len(set(own)) < len(own):
            return f"{name} that are none, or not distinct"
    places = set(range(len(labels)))
    known: dict[str, tuple[Iterable[int], set[int]]] = {
        "targets": (baseline.targets, places),
        "answers": (chain.from_iterable(baseline.answers), places | {-1}),
        "calibrated": (chain.from_iterable(baseline.calibrated), places | {-1}),
        "correct": (chain.from_iterable(baseline.correct), {-1, 0, 1}),
    }
    for name, (column, allowed) in known.items():
        if strange := next((one for one in column if one not in allowed), None):
            return f"{name} {strange}"
    odds = chain.from_iterable(baseline.log_odds)
    numbers = chain(odds, *(chain.from_iterable(run) for run in baseline.logprobs))
    # Odds are the difference of two log-probabilities.
    if not all(one is None or abs(one) <= 2 * FARTHEST for one in numbers):
        return "numbers that are no log-probabilities"
    return None


def _by_label(row: Sequence[float], labels: Sequence[str]) -> dict[str, float]:
    return dict(zip(labels, row, strict=True)) if row else {}


def _place(label: str | None, labels: Sequence[str]) -> int:
    return labels.index(label) if label in labels else -1


def _label(place: int, labels: Sequence[str]) -> str | None:
    return labels[place] if place >= 0 else None
