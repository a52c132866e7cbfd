"""A run as trackers take it: for each cell, and judged model, settings in words and numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.export.shared import finite_figures, set_name, sound_standings, trained_on
from harness.export.table import engines_of
from harness.records import EngineInfo, Figure, Row, Run, Standing

_UNSAFE = re.compile(r"[^\w./ -]")


@dataclass(frozen=True, slots=True)
class Tracked:
    """What becomes a run of a tracker.

    Attributes:
        group: The eval set as one name.
        settings: What was asked, of what; without those that do not apply.
        numbers: Each figure as NAME, its interval as NAME_low and NAME_high and its samples as
            NAME_n; `n` samples or answers with a verdict and `unscored` without. What is missing
            has no number.
    """

    group: str
    name: str
    settings: Mapping[str, str]
    numbers: Mapping[str, float] = field(default_factory=dict)


def tracked_runs(run: Run) -> tuple[list[Tracked], tuple[str, ...]]:
    """Return what a tracker is told of a run, and lines about what is left out."""
    engines = engines_of(run, "cells")
    found = [_of_row(run, row, engines.get(row.model)) for row in run.rows]
    standings, told = sound_standings(run)
    engines = engines_of(run, "answers")
    found += [_of_standing(run, one, engines.get(one.model)) for one in standings]
    return found, tuple(told)


def _of_row(run: Run, row: Row, engine: EngineInfo | None) -> Tracked:
    asked = {
        "evalset": row.evalset, "cell": row.cell, "model": row.model, "prompt": row.prompt,
        "mode": row.mode, "k": row.k, "placement": row.placement, "selector": row.selector,
        "order": row.order, "seed": row.seed, "thinking": row.thinking, "scoring": row.scoring,
        "encoder": row.encoder, "train_rows": row.train_rows or None,
        "remarks": "; ".join(trained_on(run, row)),
    }  # fmt: skip
    sources = {one.evalset: {"data": one.source, "revision": one.revision} for one in run.info.data}
    return Tracked(
        set_name(row.evalset),
        row.cell,
        _settings({**asked, **sources.get(row.evalset, {}), **_engine(run, engine)}),
        _numbers(row.figures, row.n, row.unscored),
    )


def _of_standing(run: Run, one: Standing, engine: EngineInfo | None) -> Tracked:
    asked = {"evalset": one.evalset, "model": one.model, "mode": "judged",
             "thinking": one.thinking, "judges": "hold passports"}  # fmt: skip
    return Tracked(
        set_name(one.evalset),
        one.model,
        _settings({**asked, **_engine(run, engine)}),
        _numbers(one.figures, one.n, one.unscored),
    )


def _engine(run: Run, engine: EngineInfo | None) -> dict[str, str]:
    own = {"run": run.info.id}
    if engine is None:
        return own
    return own | {"engine": engine.engine, "engine_version": engine.version, "dtype": engine.dtype,
                  "device": engine.device, "digest": engine.digest}  # fmt: skip


def _settings(some: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in some.items() if value not in (None, "")}


def _numbers(figures: Mapping[str, Figure], n: int, unscored: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, figure in finite_figures(figures).items():
        safe = _UNSAFE.sub("_", name)
        found |= {safe: figure.value, f"{safe}_low": figure.low, f"{safe}_high": figure.high,
                  f"{safe}_n": figure.n}  # fmt: skip
    return found | {"n": n, "unscored": unscored}
