"""Rows of a source -> labelled samples, and a pool of shots that shares no text with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import AssetError, SpecError
from harness.records import SHOTS, DataInfo, Note, Sample
from harness.sources.assets import resolve
from harness.sources.cache import file_digest
from harness.sources.doubts import data_notes
from harness.sources.drawing import Drawn, draw
from harness.sources.hub import hub_table
from harness.sources.inline import SHOTS_PREFIX, inline_samples
from harness.sources.labelling import Place, dropped_ids, label_rows
from harness.sources.pools import Pool, without_copies
from harness.sources.rows import Table, format_of, read_table
from harness.sources.slicing import check_values
from harness.sources.splits import split_rows
from harness.spec.base import SourceSpec, hub_name
from harness.spec.dataspec import InlineRow
from harness.spec.evalset import EvalSet


@dataclass(frozen=True, slots=True)
class LoadedData:
    """The samples of an eval set, the pool that shots are drawn from, and where both come from.

    Attributes:
        notes: What is to be said of them.
        ids: Of all rows of the samples' source.
    """

    samples: tuple[Sample, ...]
    pool: tuple[Sample, ...]
    info: DataInfo
    notes: tuple[Note, ...] = ()
    ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of one source: their labelled samples in order, None for a row without a label.

    Attributes:
        dropped: Ids of the rows without a label.
    """

    samples: list[Sample | None]
    source: str
    revision: str
    dropped: Sequence[str] = ()

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
    gets with the same seed; rows without a label are dropped after it. A text is drawn once, and
    not at all if it stands under several labels.

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
    check_values(name, spec, drawn.samples)
    kept = without_copies(name, spec, pool, drawn.samples)
    samples = drawn.samples[:limit]
    info = DataInfo(
        evalset=name,
        source=SHOTS.join(part.source for part in parts),
        revision=SHOTS.join(part.revision for part in parts),
        rows=sum(len(part.samples) for part in parts),
        dropped=sum(part.samples.count(None) for part in parts),
        samples=len(samples),
        pool=len(kept),
        pool_removed=len(pool.entries) - len(kept),
    )
    notes = tuple(data_notes(name, spec, drawn))
    ids = frozenset([*(sample.id for sample in parts[0].labelled()), *parts[0].dropped])
    return LoadedData(tuple(samples), tuple(kept), info, notes, ids)


def check_data(
    name: str, spec: EvalSet, *, base: Path, dataset: str | None = None, shots: str | None = None
) -> None:
    """Refuse a shot pool that repeats samples, and slices that do not fit them.

    Arguments and other errors as in `load_data`.

    Raises:
        LeakError: The pool is refused.
        SlicesError: A gate is on a slice of no sample, or a column has too many values.
    """
    drawn, pool, _ = _gather(name, spec, base, dataset, shots)
    check_values(name, spec, drawn.samples)
    without_copies(name, spec, pool, drawn.samples)


def _gather(
    name: str, spec: EvalSet, base: Path, dataset: str | None, shots: str | None
) -> tuple[Drawn, Pool, list[_Part]]:
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
    drawn = draw(name, candidates, list(spec.labels), data.samples, lenient=dataset is not None,
                 source=main.labelled())  # fmt: skip
    option = f"--eval-shots {name}={shots}" if shots else None
    parts = [main] if pool_part is None else [main, pool_part]
    return drawn, Pool(pool, option, pool_part is not None), parts


def _main_part(name: str, spec: EvalSet, base: Path, dataset: str | None) -> _Part:
    data = spec.data
    if dataset is not None:
        place = Place(name, dataset, cluster=data.cluster, slices=True)
        return _override(spec, dataset, f"--eval-dataset {name}={dataset}", place)
    if data.rows is not None:
        return _inline(name, spec, data.rows, "", sliced=True)
    if hub := hub_name(data.source or ""):
        shown = f"{data.source} ({data.hub_split})"
        place = Place(name, shown, data.id, cluster=data.cluster, slices=True)
        need = list(dict.fromkeys([*_needed(spec, place), *spec.sliced_by]))
        table, commit = hub_table(hub, data.hub_split, need=need,
                                  option=f"--eval-dataset {name}=PATH")  # fmt: skip
        return _labelled(spec, table, place, data.source or "", commit)
    place = Place(name, "", data.id, cluster=data.cluster, slices=True)
    return _from_source(spec, data, base, place)


def _pool_part(name: str, spec: EvalSet, base: Path, shots: str | None) -> _Part | None:
    """Return the pool that has a source of its own; its ids never meet those of samples."""
    if shots is not None:
        place = Place(name, shots, prefix=SHOTS_PREFIX)
        return _override(spec, shots, f"--eval-shots {name}={shots}", place)
    if isinstance(spec.data.shots, str):
        source = SourceSpec(source=spec.data.shots)
        return _from_source(spec, source, base, Place(name, "", prefix=SHOTS_PREFIX))
    if spec.data.shots is not None:
        return _inline(name, spec, spec.data.shots, SHOTS_PREFIX)
    return None


def _needed(spec: EvalSet, place: Place) -> list[str]:
    columns = (spec.data.text, spec.data.label, place.id, place.cluster)
    return [column for column in columns if column]


def _partly(spec: EvalSet, place: Place) -> Sequence[str]:
    return spec.sliced_by if place.slices else ()


def _from_source(spec: EvalSet, source: SourceSpec, base: Path, place: Place) -> _Part:
    asset = resolve(source, base=base, option=f"--eval-dataset {place.name}=PATH")
    member = f" {asset.path.name}" if source.member else ""
    place = replace(place, shown=(source.source or "") + member)
    own = (spec.data.format if source is spec.data
           else format_of(asset.path) or spec.data.format)  # fmt: skip
    table = read_table(asset.path, need=_needed(spec, place), format=own,
                       partly=_partly(spec, place), columns=spec.data.columns,
                       shown=place.shown)  # fmt: skip
    return _labelled(spec, table, place, source.source or "", asset.revision)


def _override(spec: EvalSet, given: str, option: str, place: Place) -> _Part:
    path = Path(given).expanduser()
    if not path.is_file():
        raise AssetError(f"{option}: no such file; check the path")
    table = read_table(path, need=_needed(spec, place), columns=spec.data.columns,
                       partly=_partly(spec, place), shown=given,
                       format=format_of(path) or spec.data.format)  # fmt: skip
    return _labelled(spec, table, place, given, file_digest(path)[:12])


def _labelled(spec: EvalSet, table: Table, place: Place, source: str, revision: str) -> _Part:
    samples = label_rows(spec, table, place)
    return _Part(samples, source, revision, dropped_ids(table, samples, place))


def _inline(
    name: str, spec: EvalSet, rows: Sequence[InlineRow], prefix: str, *, sliced: bool = False
) -> _Part:
    slices = spec.slices if sliced else ()
    try:
        samples = inline_samples(rows, spec.labels, prefix=prefix, slices=slices)
    except SpecError as error:
        raise SpecError(f"{name}: {error.problem}") from error
    return _Part(list(samples), "inline", "inline")
