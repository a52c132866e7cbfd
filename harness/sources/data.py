"""Rows of a source -> labelled samples, and a pool of shots that shares no text with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.errors import AssetError, SpecError
from harness.records import DataInfo, Note, Sample
from harness.sources.assets import resolve
from harness.sources.cache import file_digest
from harness.sources.doubts import data_notes
from harness.sources.hub import hub_rows
from harness.sources.inline import SHOTS_PREFIX, inline_samples
from harness.sources.labels import LabelMap, some_of
from harness.sources.pools import Pool, without_copies
from harness.sources.rows import Row, check_columns, format_of, read_rows
from harness.sources.splits import split_rows
from harness.spec.base import SourceSpec
from harness.spec.dataspec import DataSpec, DrawSpec, InlineRow
from harness.spec.evalset import EvalSet


@dataclass(frozen=True, slots=True)
class LoadedData:
    """The samples of an eval set, the pool that shots are drawn from, and where both come from.

    Attributes:
        notes: What is to be said of them.
    """

    samples: tuple[Sample, ...]
    pool: tuple[Sample, ...]
    info: DataInfo
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one source: their labelled samples in order, None for a row without a label."""

    samples: list[Sample | None]
    source: str
    revision: str

    def labelled(self) -> list[Sample]:
        return [sample for sample in self.samples if sample is not None]


def load_data(
    name: str,
    spec: EvalSet,
    *,
    base: Path,
    dataset: str | None = None,
    shots: str | None = None,
    limit: int | None = None,
) -> LoadedData:
    """Read, label, split and draw the samples of an eval set.

    The split is one over all rows of the source as read, so that it is the one that everybody
    gets with the same seed; rows without a label are dropped after it.

    Args:
        name: How records and errors name the eval set.
        spec: The eval set.
        base: Folder that its `file:` paths start from: the project's root.
        dataset: File with the set's text and label columns, in place of its source; relative to
            the working folder.
        shots: File of the same kind that the pool is read from; with `dataset`, all rows of
            that one are candidates and there is no split.
        limit: Keep this many of the drawn samples, from the first on; the pool does not change.

    Raises:
        AssetUnreachable: The source is on a hub or index that cannot be reached.
        AssetError: A file is missing, broken, or lacks a column.
        LeakError: A pool that is refused if it repeats a sample does.
        SpecError: Labels, ids or counts do not fit the data.
    """
    drawn, pool, parts = _gather(name, spec, base, dataset, shots)
    kept = without_copies(name, spec, pool, drawn)
    samples = drawn[:limit]
    info = DataInfo(
        evalset=name,
        source=", shots ".join(part.source for part in parts),
        revision=", shots ".join(part.revision for part in parts),
        rows=sum(len(part.samples) for part in parts),
        dropped=sum(part.samples.count(None) for part in parts),
        samples=len(samples),
        pool=len(kept),
        pool_removed=len(pool.entries) - len(kept),
    )
    notes = tuple(data_notes(name, spec, drawn, kept))
    return LoadedData(samples=tuple(samples), pool=tuple(kept), info=info, notes=notes)


def check_leaks(
    name: str, spec: EvalSet, *, base: Path, dataset: str | None = None, shots: str | None = None
) -> None:
    """Raise LeakError if the shot pool is refused; arguments and other errors as in `load_data`."""
    drawn, pool, _ = _gather(name, spec, base, dataset, shots)
    without_copies(name, spec, pool, drawn)


def _gather(
    name: str, spec: EvalSet, base: Path, dataset: str | None, shots: str | None
) -> tuple[list[Sample], Pool, list[_Part]]:
    """Return the drawn samples, the pool as its source has it, and the sources."""
    data = spec.data
    main = _main_part(name, spec, base, dataset)
    pool_part = _pool_part(name, spec, base, shots)
    candidates, pool = main.labelled(), pool_part.labelled() if pool_part else []
    if data.split is not None and not (dataset and shots):
        test, train = split_rows(len(main.samples), data.split)
        candidates = [sample for row in test if (sample := main.samples[row]) is not None]
        if pool_part is None:
            pool = [sample for row in train if (sample := main.samples[row]) is not None]
    drawn = _draw(name, candidates, list(spec.labels), data.samples, lenient=dataset is not None)
    option = f"--shots {name}={shots}" if shots else None
    parts = [main] if pool_part is None else [main, pool_part]
    return drawn, Pool(pool, option, pool_part is not None), parts


def _main_part(name: str, spec: EvalSet, base: Path, dataset: str | None) -> _Part:
    data = spec.data
    if dataset is not None:
        option = f"--dataset {name}={dataset}"
        return _override(name, spec, dataset, option, "", data.cluster)
    if data.rows is not None:
        return _inline(name, spec, data.rows, "")
    if (data.source or "").startswith("hub:"):
        repository, _, revision = (data.source or "").removeprefix("hub:").partition("@")
        rows, commit = hub_rows(repository, revision or None, data.hub_split,
                                option=f"--dataset {name}=PATH")  # fmt: skip
        shown = f"{data.source} ({data.hub_split})"
        if not rows:
            raise AssetError(f"{shown}: has no rows; mend data.hub_split")
        check_columns(rows, _needed(data, data.cluster), shown)
        samples = _label(name, spec, rows, shown, data.id, "", data.cluster)
        return _Part(samples, data.source or "", commit)
    return _from_source(name, spec, data, base, data.id, "")


def _pool_part(name: str, spec: EvalSet, base: Path, shots: str | None) -> _Part | None:
    """Return the pool that has a source of its own; its ids never meet those of samples."""
    if shots is not None:
        return _override(name, spec, shots, f"--shots {name}={shots}", SHOTS_PREFIX)
    if isinstance(spec.data.shots, str):
        source = SourceSpec(source=spec.data.shots)
        return _from_source(name, spec, source, base, None, SHOTS_PREFIX)
    if spec.data.shots is not None:
        return _inline(name, spec, spec.data.shots, SHOTS_PREFIX)
    return None


def _needed(data: DataSpec, *columns: str | None) -> list[str]:
    return [data.text, data.label, *(column for column in columns if column)]


def _from_source(
    name: str, spec: EvalSet, source: SourceSpec, base: Path, column: str | None, prefix: str
) -> _Part:
    asset = resolve(source, base=base, option=f"--dataset {name}=PATH")
    shown = (source.source or "") + (f" {asset.path.name}" if source.member else "")
    main = source is spec.data
    own = spec.data.format if main else format_of(asset.path) or spec.data.format
    cluster = spec.data.cluster if main else None
    rows = read_rows(asset.path, need=_needed(spec.data, column, cluster), format=own,
                     columns=spec.data.columns, shown=shown)  # fmt: skip
    samples = _label(name, spec, rows, shown, column, prefix, cluster)
    return _Part(samples, source.source or "", asset.revision)


def _override(
    name: str, spec: EvalSet, given: str, option: str, prefix: str, cluster: str | None = None
) -> _Part:
    path = Path(given).expanduser()
    if not path.is_file():
        raise AssetError(f"{option}: no such file; check the path")
    rows = read_rows(path, need=_needed(spec.data, cluster), columns=spec.data.columns,
                     format=format_of(path) or spec.data.format, shown=given)  # fmt: skip
    samples = _label(name, spec, rows, given, None, prefix, cluster)
    return _Part(samples, given, file_digest(path)[:12])


def _inline(name: str, spec: EvalSet, rows: Sequence[InlineRow], prefix: str) -> _Part:
    try:
        samples = inline_samples(rows, spec.labels, prefix=prefix)
    except SpecError as error:
        raise SpecError(f"{name}: {error.problem}") from error
    return _Part(list(samples), "inline", "inline")


def _label(
    name: str,
    spec: EvalSet,
    rows: Sequence[Row],
    shown: str,
    column: str | None,
    prefix: str,
    cluster: str | None,
) -> list[Sample | None]:
    data, labels = spec.data, LabelMap(spec.labels)
    known = {data.text, data.label, column}
    dropped = 0
    samples: list[Sample | None] = []
    for number, row in enumerate(rows, 1):
        value, text = row[data.label], row[data.text]
        label = labels.find(value)
        if label is None:
            if data.others == "refuse":
                raise SpecError(f"{name}: {shown}: row {number}: no label has '{value}' in column "
                                f"'{data.label}'; add it under 'labels', or write others: drop "
                                "under 'data'")  # fmt: skip
            dropped += 1
            samples.append(None)
            continue
        if not text.strip():
            raise AssetError(f"{shown}: row {number} has no text in column '{data.text}'; remove "
                             "the row")  # fmt: skip
        meta = {key: field for key, field in row.items() if key not in known}
        if cluster is not None:
            if not row[cluster].strip():
                raise AssetError(f"{shown}: row {number} has nothing in column '{cluster}' "
                                 "(data.cluster); fill it in, or remove the row")  # fmt: skip
            meta["cluster"] = row[cluster]
        key = row[column] if column else f"{prefix}{number}"
        samples.append(Sample(id=key, text=text, label=label, meta=meta))
    if dropped == len(rows):
        raise SpecError(f"{name}: {shown}: no row has one of the labels {', '.join(spec.labels)}: "
                        f"column '{data.label}' holds {some_of(row[data.label] for row in rows)}; "
                        "mend 'labels' or data.label")  # fmt: skip
    _check_ids(name, samples, shown)
    return samples


def _check_ids(name: str, samples: Sequence[Sample | None], shown: str) -> None:
    seen: dict[str, int] = {}
    for number, sample in enumerate(samples, 1):
        if sample is not None and (first := seen.setdefault(sample.id, number)) != number:
            raise SpecError(f"{name}: {shown}: rows {first} and {number} have one id "
                            f"'{sample.id}'; make ids unique, or remove data.id")  # fmt: skip


def _draw(
    name: str, candidates: list[Sample], labels: Sequence[str], draw: DrawSpec, *, lenient: bool
) -> list[Sample]:
    """Return drawn samples, a smaller `n` a prefix of a greater one.

    With `lenient` (data from the command line) it takes what there is where `n` is more.
    """
    counts = Counter(sample.label for sample in candidates)
    fewest = min(labels, key=lambda label: counts[label])
    most = len(labels) * counts[fewest] if draw.balanced else len(candidates)
    n = most if draw.n is None else draw.n
    if draw.balanced:
        # What is left over after division goes to the first labels, one each.
        quotas = {label: (n + len(labels) - 1 - turn) // len(labels)
                  for turn, label in enumerate(labels)}  # fmt: skip
        short = [label for label, quota in quotas.items() if counts[label] < quota]
        lack = "".join(f"label '{label}' has only {counts[label]}" for label in short[:1])
    else:
        lack = f"there are only {len(candidates)}" if len(candidates) < n else ""
    if most == 0:
        lack = f"label '{fewest}' has none" if draw.balanced else "no row has a label"
    if lack and not (lenient and most):
        mend = "lower data.samples.n, or give" if most else "mend 'labels' or data.split, or give"
        raise SpecError(f"{name}: {n or 'some'} samples wanted, but {lack} to draw from; {mend} "
                        "more data")  # fmt: skip
    if lack:
        n = most
    rng = np.random.default_rng(draw.seed)
    if draw.balanced:
        return _interleave(candidates, labels, rng)[:n]
    if draw.n is None:
        return candidates
    return [candidates[row] for row in rng.permutation(len(candidates))[:n]]


def _interleave(
    candidates: list[Sample], labels: Sequence[str], rng: np.random.Generator
) -> list[Sample]:
    """Return shuffled samples with the labels taking turns, until one label has no more."""
    groups = [[sample for sample in candidates if sample.label == label] for label in labels]
    mixed = [[group[row] for row in rng.permutation(len(group))] for group in groups]
    turns = max(len(group) for group in mixed)
    return [group[turn] for turn in range(turns) for group in mixed if turn < len(group)]
