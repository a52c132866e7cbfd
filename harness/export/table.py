"""A run's figures as CSV: a line for each figure of each cell and of each judged model."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping

from harness.analysis.ranking import primaries
from harness.records import EngineInfo, Figure, Row, Run, Standing, Work

COLUMNS = (
    "evalset", "cell", "model", "prompt", "mode", "k", "placement", "selector", "order", "seed",
    "thinking", "scoring", "engine", "dtype", "figure", "value", "low", "high", "n", "unscored",
    "primary", "trusted", "void",
)  # fmt: skip
"""`low` and `high` are the ends of the 95% interval. `unscored` counts the samples, or answers,
without a verdict. What a line has not is empty: cells no `trusted` and `void`, judged models no
`prompt`."""

_OF_CELL = ("evalset", "cell", "model", "prompt", "mode", "k", "placement", "selector", "order",
            "seed", "thinking", "scoring", "unscored")  # fmt: skip


def summary_csv(run: Run) -> str:
    """Return the figures of a run as CSV with a header; see `COLUMNS`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_lines(run))
    return text.getvalue()


def _lines(run: Run) -> Iterator[dict[str, object]]:
    engines, primary = engines_of(run, "cells"), primaries(run.rows)
    for row in run.rows:
        for name, figure in row.figures.items():
            yield {**_cell(row), **_engine(engines.get(row.model)), **_figure(name, figure),
                   "primary": name == primary[row.evalset]}  # fmt: skip
    engines = engines_of(run, "answers")
    for standing in run.judged.standings:
        for name, figure in standing.figures.items():
            yield {**_judged(standing), **_engine(engines.get(standing.model)),
                   **_figure(name, figure)}  # fmt: skip


def engines_of(run: Run, work: Work) -> Mapping[str, EngineInfo]:
    """Return what answered for each model in one kind of work, by its name."""
    return {
        model: engine
        for engine in reversed(run.info.engines)
        if engine.work in ("", work)
        for model in engine.model.split(", ")
    }


def _cell(row: Row) -> dict[str, object]:
    return {name: getattr(row, name) for name in _OF_CELL}


def _judged(standing: Standing) -> dict[str, object]:
    return {
        "evalset": standing.evalset,
        "cell": standing.model,
        "model": standing.model,
        "mode": "judged",
        "thinking": standing.thinking,
        "unscored": standing.unscored,
        "trusted": standing.trusted,
        "void": standing.void is not None,
    }


def _engine(engine: EngineInfo | None) -> dict[str, object]:
    return {"engine": engine.engine, "dtype": engine.dtype} if engine else {}


def _figure(name: str, figure: Figure) -> dict[str, object]:
    return {"figure": name, "value": figure.value, "low": figure.low, "high": figure.high,
            "n": figure.n}  # fmt: skip
