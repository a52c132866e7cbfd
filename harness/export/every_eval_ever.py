"""A run as records of Every Eval Ever, the schema and collection of the EvalEval Coalition.

Source: schema 0.3.0, https://github.com/evaleval/every_eval_ever
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness import __version__
from harness.export.every_eval_ever_results import (
    model_info,
    model_name,
    results_of_row,
    results_of_standing,
)
from harness.export.every_eval_ever_samples import sample_lines
from harness.export.shared import (
    FAKE,
    Files,
    has_texts,
    left_out,
    moment,
    no_result,
    provenances,
    results_by_cell,
    safe_part,
    set_name,
    sound_standings,
    task_name,
)
from harness.export.table import engines_of
from harness.jsontext import json_text
from harness.records import Json, Result, Row, Run

SCHEMA = "0.3.0"


@dataclass(frozen=True, slots=True)
class _Record:
    """What becomes a file: a model in an eval set or judge set.

    Attributes:
        owned: The model as `OWNER/NAME`.
        time: When the run started, in seconds since 1970.
    """

    run: Run
    evalset: str
    owned: str
    time: str

    @property
    def id(self) -> str:
        """As the schema advises: what was evaluated, the model, when."""
        return f"{set_name(self.evalset)}/{self.owned}/{self.time}"

    @property
    def path(self) -> PurePosixPath:
        """Where it belongs in the collection; the same for the same record of the same run."""
        digest = hashlib.sha256(f"{self.run.info.id} {self.evalset} {self.owned}".encode()).digest()
        name = f"{uuid.UUID(bytes=digest[:16], version=4)}.json"
        return PurePosixPath("data", safe_part(set_name(self.evalset)), self.owned, name)


def every_eval_ever_files(run: Run, *, datasets: Mapping[str, str]) -> Files:
    """Return `data/SET/OWNER/MODEL/UUID.json` for each set and model, and its samples beside it.

    Samples stand there with their verdict on accuracy, where the run keeps texts.

    Args:
        run: A finished run.
        datasets: By path of an eval set, the data set on the hub that its samples are from.

    Raises:
        HarnessError: The run does not say when it started.
    """
    files: dict[PurePosixPath, str] = {}
    told: list[str] = []
    rows: dict[tuple[str, str], list[Row]] = {}
    engines, rested, samples = engines_of(run, "cells"), provenances(run), results_by_cell(run)
    time = str(int(moment(run).timestamp()))
    for row in run.rows:
        if problem := no_result(row, engines.get(row.model)):
            told.append(left_out(row.evalset, row.cell, problem))
        else:
            rows.setdefault((row.evalset, row.model), []).append(row)
    for (evalset, model), own in rows.items():
        engine, rest = engines.get(model), rested.get((evalset, own[0].cell))
        record = _Record(run, evalset, model_name(model, engine, rest), time)
        results = [one for row in own for one in results_of_row(run, row, datasets.get(evalset))]
        lines = _samples(record, own, samples, told)
        files |= _written(record, model_info(model, record.owned, engine, rest), results, lines)
    standings, judged = sound_standings(run)
    told += judged
    engines = engines_of(run, "answers")
    for one in standings:
        engine, rest = engines.get(one.model), rested.get((one.evalset, one.model))
        if engine is not None and engine.engine == "fake":
            told.append(left_out(one.evalset, one.model, FAKE))
            continue
        record = _Record(run, one.evalset, model_name(one.model, engine, rest), time)
        info = model_info(one.model, record.owned, engine, rest)
        files |= _written(record, info, results_of_standing(run, one), "")
    if rows and not any(path.suffix == ".jsonl" for path in files):
        told.append("samples: left out: the run keeps no texts")
    return Files(files, tuple(told))


def _samples(
    record: _Record,
    rows: Sequence[Row],
    results: Mapping[tuple[str, str], Sequence[Result]],
    told: list[str],
) -> str:
    """Return the lines of all samples with text and verdict, and tell what is left out."""
    lines: list[str] = []
    for row in rows:
        own = results.get((row.evalset, row.cell), [])
        if not has_texts(own):
            continue
        task = task_name(row.evalset, row.cell, row.model)
        scored = [one for one in own if one.correct is not None]
        lines += sample_lines(scored, SCHEMA, record.id, record.owned, task, row.scoring)
        if len(scored) < len(own):
            what = f"{len(own) - len(scored)} samples without a verdict, of the samples"
            told.append(left_out(row.evalset, row.cell, what))
    return "".join(lines)


def _written(
    record: _Record, info: Json, results: Sequence[Json], samples: str
) -> dict[PurePosixPath, str]:
    run, path = record.run, record.path
    document: dict[str, Json] = {
        "schema_version": SCHEMA,
        "evaluation_id": record.id,
        "evaluation_timestamp": record.time,
        "retrieved_timestamp": record.time,
        "source_metadata": {
            "source_name": "pytest-evalsets",
            "source_type": "evaluation_run",
            "source_organization_name": "not stated",
            "evaluator_relationship": "other",
            "additional_details": {"run": run.info.id, "machine": json_text(run.info.machine)},
        },
        "eval_library": {
            "name": "pytest-evalsets",
            "version": run.info.versions.get("pytest-evalsets", "unknown"),
            "additional_details": {"exported_by": __version__, **run.info.versions},
        },
        "model_info": info,
        "evaluation_results": list(results),
    }
    if not samples:
        return {path: json_text(document, indent=1) + "\n"}
    beside = path.with_name(f"{path.stem}_samples.jsonl")
    document["detailed_evaluation_results"] = {
        "format": "jsonl",
        "file_path": str(beside),
        "hash_algorithm": "sha256",
        "checksum": hashlib.sha256(samples.encode("utf-8", "replace")).hexdigest(),
        "total_rows": samples.count("\n"),
    }
    return {path: json_text(document, indent=1) + "\n", beside: samples}
