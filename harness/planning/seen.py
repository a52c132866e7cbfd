"""How much the two sides of a gate differed where that was seen: in a last run, in a baseline."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import fmean

from harness.errors import HarnessError
from harness.figures import ResultsById, by_sample, figure_kind
from harness.figures.slices import figure_on
from harness.gates.baseline_file import load_baseline
from harness.gates.kept import as_kept, gave
from harness.gates.paired import contrast, contrast_runs
from harness.gates.plan import PlannedGate
from harness.gates.renamed import compared_cell
from harness.planning.earlier import EarlierRun
from harness.records import Contrast, Result
from harness.report.runfiles import load_run
from harness.run.cells import Cell

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Seen:
    """A comparison that was made.

    Attributes:
        error: Standard error of the difference times the root of the number of samples.
        share: Share of discordant pairs, or one of which the difference has this variance.
        said: What was seen, and where, in words.
        noise: Whether nothing differed but what differs from run to run.
    """

    error: float
    share: float
    said: str
    noise: bool = False


class Watched:
    """The earlier runs and baselines of a project; the results of each run are read once."""

    def __init__(self, root: Path, against: str = "") -> None:
        """Take the project, and the cell whose baseline all cells are compared with, if one is."""
        self._root = root
        self._against = against
        self._runs: dict[Path, dict[tuple[str, str], ResultsById]] = {}

    def seen(
        self, gate: PlannedGate, last: EarlierRun | None, samples: Collection[str]
    ) -> Seen | str:
        """Return how the two sides of a gate differed, or why that is not known.

        Args:
            gate: A gate that compares.
            last: The last run of its set.
            samples: Ids of the set's samples, as far as they are known.
        """
        cell = gate.cell
        now = self._results(last, cell.path, cell.id)
        if gate.other is None:
            return self._with_baseline(gate, now, samples)
        before, where = self._results(last, cell.path, gate.other.id), "as in the last run"
        if not (before and now):
            before, now = (self._kept(one, samples) for one in (gate.other, cell))
            where = "as in the baselines of both"
        if not (before and now):
            return ""
        found = contrast(before, now, gate.spec.figure, labels=list(cell.evalset.labels))
        return "" if found is None else _of_two(found, where)

    def area(self, gate: PlannedGate) -> float | None:
        """Return the AUC of the baseline that a gate compares with, None where there is none."""
        kept = self._kept(gate.cell) if gate.other is None else {}
        found = figure_on(list(kept.values()), "auc", list(gate.cell.evalset.labels))
        return found.value if found is not None and 0 < found.value < 1 else None

    def _kept(self, cell: Cell, samples: Collection[str] = ()) -> ResultsById:
        """Return the first run of a cell's baseline, nothing where it has none of these samples."""
        try:
            baseline = load_baseline(
                self._root, cell.path, self._against or compared_cell(self._root, cell)
            )
        except HarnessError:
            return {}
        if baseline is None or (samples and set(samples) != set(baseline.samples)):
            return {}
        return by_sample(baseline.runs[0])

    def _with_baseline(
        self, gate: PlannedGate, now: ResultsById, samples: Collection[str]
    ) -> Seen | str:
        """Return how the last run differs from a baseline, or the baseline's runs from each other.

        What does not differ at all says nothing of what a change does.
        """
        cell, figure = gate.cell, gate.spec.figure
        try:
            baseline = load_baseline(
                self._root, cell.path, self._against or compared_cell(self._root, cell)
            )
        except HarnessError as error:
            return str(error)
        if baseline is None:
            return "there is no baseline yet"
        if samples and set(samples) != set(baseline.samples):
            return "the baseline is of other samples"
        runs, labels = [by_sample(run) for run in baseline.runs], list(cell.evalset.labels)
        now = {key: as_kept(one) for key, one in now.items()}
        if now and all(gave(run) != gave(now) for run in runs):
            found = contrast_runs(runs, now, figure, labels=labels)
            if found is not None and _differs(found):
                if len(runs) == 1:
                    return _of_two(found, "as in the last run")
                several = f"as the last run differs from the baseline's {len(runs)} runs"
                share = min(1.0, _error(found) ** 2 + found.value**2)
                return Seen(_error(found), share, several)
        if len(runs) > 1 and (own := _own(runs, figure, labels)) is not None:
            return own
        if len(runs) > 1:
            return "the baseline's runs do not differ"
        return "the last run does not differ from the baseline" if now else "no run says it"

    def _results(self, run: EarlierRun | None, evalset: str, cell: str) -> ResultsById:
        """Return the results of a cell in a run, none where they cannot be read."""
        if run is None:
            return {}
        if run.folder not in self._runs:
            try:
                results = load_run(run.folder).results
            except (HarnessError, OSError):
                results = ()
            cells: dict[tuple[str, str], list[Result]] = {}
            for one in results:
                cells.setdefault((one.evalset, one.cell), []).append(one)
            self._runs[run.folder] = {key: by_sample(own) for key, own in cells.items()}
        return self._runs[run.folder].get((evalset, cell), {})


def _own(runs: Sequence[Mapping[str, Result]], figure: str, labels: Sequence[str]) -> Seen | None:
    """Return how a further run would differ from the mean of a baseline's, by its own runs.

    Each run is compared with the mean of the others, which are one fewer: the variance of such a
    difference is that of a run times 1 + 1 / others.
    """
    found = [
        contrast_runs([*runs[:place], *runs[place + 1 :]], run, figure, labels=labels)
        for place, run in enumerate(runs)
    ]
    pairs = [contrast(one, two, figure, labels=labels) for one, two in combinations(runs, 2)]
    known = [one for one in found if one is not None]
    if len(known) < len(runs) or not any(_differs(one) for one in pairs if one is not None):
        return None
    count = len(runs)
    wider = math.sqrt((1 + 1 / count) / (1 + 1 / (count - 1)))
    error = wider * math.sqrt(fmean(_error(one) ** 2 for one in known))
    said = f"as between the baseline's {count} runs"
    if figure_kind(figure)[0].exact:
        differ = fmean((one.lost + one.won) / one.n for one in pairs if one is not None)
        said = f"{differ:.1%} of pairs differ, {said}"
    return Seen(error, min(1.0, error**2), said, noise=True)


def _of_two(found: Contrast, said: str) -> Seen:
    """Return what one comparison of two runs shows."""
    if not figure_kind(found.figure)[0].exact:
        return Seen(_error(found), 0.0, said)
    # A run without any discordant pair says nothing of the next one's.
    differ = share = max(found.lost + found.won, 1) / found.n
    if found.figure == "calibrated_accuracy":
        # The threshold's part stands in the interval alone.
        share = min(1.0, _error(found) ** 2 + found.value**2)
    return Seen(
        _error(found), share, f"{share if not differ else differ:.1%} of pairs differ, {said}"
    )


def _differs(found: Contrast) -> bool:
    return bool(found.lost or found.won or found.value)


def _error(found: Contrast) -> float:
    """Return the standard error of a comparison as of one sample, by its interval."""
    return (found.high - found.low) / 2 / _Z * math.sqrt(found.n)
