"""What several forms share: files with what was left out of them, names, moments, sound figures."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath

from harness.errors import HarnessError
from harness.figures import figure_kind
from harness.records import (
    SHOTS,
    DataInfo,
    EngineInfo,
    Figure,
    Provenance,
    Result,
    Row,
    Run,
    Standing,
)
from harness.spec.base import hub_name

FAKE = "the engine fake made up its answers"
_RESERVED = re.compile(r"(?i)|data|unknown|con|prn|aux|nul|com[1-9]|lpt[1-9]")
_UNSAFE = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True, slots=True)
class Files:
    """What is written for another tool, and what is not.

    Attributes:
        files: Texts by path, below the folder that is exported to.
        left_out: Lines that say what is missing, and why.
    """

    files: Mapping[PurePosixPath, str]
    left_out: tuple[str, ...] = ()


def left_out(evalset: str, cell: str, problem: str) -> str:
    """Return the line that says what of a cell, or of a judged model, is missing."""
    return f"{evalset}::{cell}: left out: {problem}"


def no_result(row: Row, engine: EngineInfo | None) -> str | None:
    """Return why a cell has no place among published results of models, None if it has."""
    if engine is not None and engine.engine == "fake":
        return FAKE
    if row.train_rows:
        return "a classifier that was trained here is no model of the hub"
    return None if "accuracy" in row.figures else "no sample has a verdict"


def sound_standings(run: Run) -> tuple[list[Standing], list[str]]:
    """Return the judged models whose figures may stand alone, and lines about the others.

    Those of void runs and of judges without a passport would read as results.
    """
    sound: list[Standing] = []
    told: list[str] = []
    for one in run.judged.standings:
        if one.void is not None:
            problem = f"its judging is void: {one.void.text}"
        elif not one.trusted:
            problem = "no judge with a passport stands behind its figures"
        elif not one.figures:
            problem = "no answer has a verdict"
        else:
            sound.append(one)
            continue
        told.append(left_out(one.evalset, one.model, problem))
    return sound, told


def finite_figures(figures: Mapping[str, Figure]) -> dict[str, Figure]:
    """Return those that are numbers with bounds, as JSON and trackers want them."""
    return {name: figure for name, figure in figures.items() if figure.finite}


def smaller_is_better(name: str) -> bool:
    """Whether less of a figure is better, of labelled and judged sets; no where it is unknown."""
    try:
        return figure_kind(name)[0].smaller
    except (KeyError, ValueError):  # a judged one, or one whose extension is not here
        return False


def results_by_cell(run: Run) -> dict[tuple[str, str], list[Result]]:
    """Return the results of each cell, by eval set and cell."""
    found: dict[tuple[str, str], list[Result]] = {}
    for one in run.results:
        found.setdefault((one.evalset, one.cell), []).append(one)
    return found


def has_texts(results: Sequence[Result]) -> bool:
    """Whether a cell's samples have kept their texts."""
    return any(one.text for one in results)


def set_name(evalset: str) -> str:
    """Return an eval set's path as one name, without its first folder `evalsets`."""
    return _UNSAFE.sub("-", set_words(evalset))


def set_words(evalset: str) -> str:
    """Return the folders and the stem of an eval set's path, without its first one `evalsets`."""
    path = PurePosixPath(evalset)
    parts = (*path.parts[:-1], path.stem)
    return "-".join(part for part in parts if part != "evalsets")


def safe_part(name: str) -> str:
    """Return a name that is a folder on all systems, and none that collections keep back."""
    bare = name.rstrip(". ")
    return f"own-{bare}" if _RESERVED.fullmatch(bare.partition(".")[0]) else bare


def task_name(evalset: str, cell: str, model: str) -> str:
    """Return a name for what a cell asks, equal for all models."""
    return f"{set_name(evalset)}-{_UNSAFE.sub('-', cell.removeprefix(f'{model}-'))}"


def free_name(name: str, taken: Collection[str]) -> str:
    """Return a name, numbered where another has it."""
    return next(one for one in _numbered(name) if one not in taken)


def _numbered(name: str) -> Iterator[str]:
    yield name
    number = 1
    while number := number + 1:
        yield f"{name}-{number}"


def moment(run: Run) -> datetime:
    """Return when a run started.

    Raises:
        HarnessError: Its files do not say.
    """
    try:
        return datetime.strptime(run.info.started, "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC)
    except ValueError:
        raise HarnessError(
            f"run.json: info.started '{run.info.started}' is no time such as "
            "'2026-11-30 12:00:00 UTC'"
        ) from None


def hub_dataset(source: DataInfo | None) -> str | None:
    """Return `owner/name` of samples that are from the hub."""
    own = hub_name(source.source.partition(SHOTS)[0]) if source else None
    return own.name if own else None


def hub_commit(source: DataInfo | None) -> str | None:
    """Return the commit that the samples are of, None where another digest is known of them."""
    revision = source.revision.partition(SHOTS)[0] if source else ""
    return revision if re.fullmatch("[0-9a-f]{40}", revision) else None


def trained_on(run: Run, row: Row) -> Iterator[str]:
    """Yield how many of the samples the cell's adapter was trained on, if any."""
    for note in run.info.notes:
        if (note.kind, note.about, note.facts.get("model")) == (
            "trained_samples", row.evalset, row.model):  # fmt: skip
            yield f"trained on {note.facts['count']} of the {note.facts['total']} samples"


def hub_model(engine: EngineInfo | None, provenance: Provenance | None) -> str | None:
    """Return `owner/name` of a model that is on the hub as it answered: without an adapter."""
    if engine is None or provenance is None or provenance.adapter:
        return None
    own = hub_name(engine.source)
    return own.name if own else None


def provenances(run: Run) -> dict[tuple[str, str], Provenance]:
    """Return what results rest on, by eval set and cell, or judged model."""
    found = {(one.evalset, one.cell): one.provenance for one in run.provenances}
    return found | {(one.evalset, one.model): one.provenance for one in run.judged.bases}
