"""What several processes made of the same cells -> each cell once, as `--dist each` needs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.records import EngineInfo, Run, RunInfo


def each_once(parts: Sequence[Run]) -> list[Run]:
    """Return the parts without the cells and gates that an earlier part has.

    A part of which nothing is left says nothing of losses and engines either. Where its engine
    computed what an earlier part found in the store, that one's says so.
    """
    cells: set[tuple[str, str]] = set()
    gates: set[tuple[str, str]] = set()
    spare: list[EngineInfo] = []
    found: list[Run] = []
    for part in parts:
        own = {(row.evalset, row.cell) for row in part.rows} - cells
        more = {(gate.evalset, gate.id) for gate in part.gates} - gates
        cells |= own
        gates |= more
        info = part.info
        if part.rows and not own:
            spare += info.engines
            info = replace(info, engines=(), lost=())
        found.append(
            replace(
                part,
                info=info,
                rows=tuple(one for one in part.rows if (one.evalset, one.cell) in own),
                gates=tuple(one for one in part.gates if (one.evalset, one.id) in more),
                results=tuple(one for one in part.results if (one.evalset, one.cell) in own),
                baselines=tuple(one for one in part.baselines if (one.evalset, one.cell) in own),
                provenances=tuple(
                    one for one in part.provenances if (one.evalset, one.cell) in own
                ),
                prompts=tuple(one for one in part.prompts if (one.evalset, one.cell) in own),
            )
        )
    return [replace(one, info=_with_best(one.info, spare)) for one in found]


def _with_best(info: RunInfo, spare: Sequence[EngineInfo]) -> RunInfo:
    return replace(info, engines=tuple(_best(one, spare) for one in info.engines))


def _best(engine: EngineInfo, spare: Sequence[EngineInfo]) -> EngineInfo:
    """Return what says most of an engine's work."""
    same = [one for one in spare if _key(one) == _key(engine)]
    return max([engine, *same], key=lambda one: one.computed)


def _key(engine: EngineInfo) -> tuple[str, ...]:
    return engine.model, engine.digest, engine.engine, engine.dtype, engine.work
