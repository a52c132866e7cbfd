"""How many samples a set will have, as far as that is known without fetching anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import HarnessError
from harness.records import Sample
from harness.run.cells import Cell
from harness.sources.data import LoadedData, load_data
from harness.sources.pypi.packages import member_place
from harness.spec.base import SourceSpec
from harness.spec.evalset import EvalSet


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says about data; see `harness.run.settings.Settings`."""

    datasets: Mapping[str, str] = field(default_factory=dict)
    shots: Mapping[str, str] = field(default_factory=dict)
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Samples that a figure is of: all of a set, or a slice.

    Attributes:
        n: How many.
        labels: How many of each label, the set's first one first.
        units: Independent samples or clusters among them.
    """

    n: int
    labels: Mapping[str, int]
    units: int

    @property
    def first(self) -> int:
        """Samples of the set's first label, which an AUC ranks first."""
        return next(iter(self.labels.values()))


@dataclass(frozen=True, slots=True)
class Size:
    """The samples of a set.

    Attributes:
        n: How many, 0 where nothing is known of it.
        first: Of the set's first label; half of them where the data was not read.
        loaded: The data, None where it was not read; `n` then is the most that there can be.
        problem: Why it was not read, "" where it was.
        wrong: Whether that is a mistake, and not data which is not at hand.
    """

    n: int
    first: int
    loaded: LoadedData | None = None
    problem: str = ""
    wrong: bool = False


def group_of(samples: Sequence[Sample], labels: Collection[str]) -> Group:
    """Return how many there are of some samples."""
    counts = Counter(sample.label for sample in samples)
    clusters = {sample.cluster for sample in samples}
    units = len(clusters) if any(clusters) else len(samples)
    return Group(len(samples), {label: counts[label] for label in labels}, units)


def whole_set(size: Size, labels: Collection[str]) -> Group:
    """Return the samples of a set; of one that was not read, as many of each label."""
    if size.loaded is not None:
        return group_of(size.loaded.samples, labels)
    return Group(size.n, dict.fromkeys(labels, size.n // len(labels)), size.n)


def most_samples(evalset: EvalSet, limit: int | None = None) -> int | None:
    """Return the most samples that a set can have by its file alone, None for any number."""
    data = evalset.data
    known = [data.samples.n if data.samples else None, limit]
    if data.rows is not None and data.split is None:
        known.append(len(data.rows))
    return min((one for one in known if one is not None), default=None)


def size_of(cell: Cell, root: Path, given: Given) -> Size:
    """Return how many samples a cell's set has; its data is read where it is at hand."""
    problem, wrong = _out_of_reach(cell, given), False
    if not problem:
        try:
            loaded = load_data(
                cell.name,
                cell.evalset,
                base=root,
                dataset=given.datasets.get(cell.name),
                shots=given.shots.get(cell.name),
                limit=given.limit,
            )
        except HarnessError as error:
            problem, wrong = str(error), True
        else:
            label = next(iter(cell.evalset.labels))
            first = sum(sample.label == label for sample in loaded.samples)
            return Size(len(loaded.samples), first, loaded)
    n = most_samples(cell.evalset, given.limit) or 0
    return Size(n, n // 2, problem=problem, wrong=wrong)


def _out_of_reach(cell: Cell, given: Given) -> str:
    """Say why the data of a set cannot be read here, or return an empty string."""
    data = cell.evalset.data
    sources: list[SourceSpec] = []
    if cell.name not in given.datasets:
        sources.append(data)
    if cell.name not in given.shots and isinstance(data.shots, str):
        sources.append(SourceSpec(source=data.shots))
    for source in sources:
        where = source.source or ""
        if where.startswith("hub:"):
            return f"{where} is on the hub, which is not asked"
        if where.startswith("pypi:") and not member_place(source)[0].is_file():
            return f"{where} was not fetched yet"
    return ""
