"""The files of a run, from which a report can be written again.

`run.json` and `results.jsonl`; `prompts.jsonl` where models were prompted, `probes.jsonl` where
judge sets ran.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

from pydantic import TypeAdapter

from harness.errors import HarnessError
from harness.jsontext import json_text, json_value
from harness.reasons import Reason
from harness.records import (
    BaselineCheck,
    CellPrompt,
    CellProvenance,
    Gate,
    Json,
    Judged,
    ProbeResult,
    Result,
    Row,
    Run,
    RunInfo,
)
from harness.report.older import upgraded
from harness.report.redacting import (
    mask_baseline,
    mask_gate,
    mask_result,
    redact,
    redact_gates,
    redact_judged,
    redact_rows,
    slice_masks,
)
from harness.writing import write_whole

SCHEMA = 1
RUN_FILE = "run.json"
RESULTS_FILE = "results.jsonl"
PROBES_FILE = "probes.jsonl"
PROMPTS_FILE = "prompts.jsonl"
Texts = Literal["full", "none"]
_SHARED = ("evalset", "cell", "sample", "text", "target", "answer")


@dataclass(frozen=True, slots=True)
class _Head:
    """What `run.json` holds."""

    schema: int
    info: RunInfo
    rows: tuple[Row, ...]
    gates: tuple[Gate, ...]
    skipped: tuple[tuple[str, Reason], ...]
    unjudged: tuple[tuple[str, Reason], ...] = ()
    baselines: tuple[BaselineCheck, ...] = ()
    judged: Judged = field(default_factory=Judged)
    """Without its probes, which have a file of their own."""
    provenances: tuple[CellProvenance, ...] = ()


_HEAD = TypeAdapter(_Head)
_RESULT = TypeAdapter(Result)
_PROBE = TypeAdapter(ProbeResult)
_PROMPT = TypeAdapter(CellPrompt)


def save_run(run_dir: Path, run: Run, *, texts: Texts = "full") -> None:
    """Write `run.json`, `results.jsonl` and, where there are any, probes and prompts.

    Each is written whole or not at all.

    Args:
        run_dir: Created where it is missing.
        run: What to write.
        texts: With `none`, the samples' texts, the completions and the judges' words are left
            empty, and there are no prompts.
    """
    run_dir.mkdir(parents=True, exist_ok=True)
    if texts == "none":
        run = redact_run(run)
    head = _Head(SCHEMA, run.info, run.rows, run.gates, run.skipped, run.unjudged, run.baselines,
                 replace(run.judged, probes=()), run.provenances)  # fmt: skip
    write_whole(run_dir / RESULTS_FILE, _lines(_RESULT.dump_python(one) for one in run.results))
    _write_any(run_dir / PROBES_FILE, [_PROBE.dump_python(one) for one in run.judged.probes])
    _write_any(run_dir / PROMPTS_FILE, [_PROMPT.dump_python(one) for one in run.prompts])
    write_whole(run_dir / RUN_FILE, _dump(_HEAD.dump_python(head), 1) + "\n")


def load_head(run_dir: Path) -> Run:
    """Return the run that `save_run` wrote without its results and probes, which take longest.

    Raises:
        HarnessError: If the file is missing, damaged or of another schema.
    """
    path = run_dir / RUN_FILE
    try:
        data = json_value(path.read_text(encoding="utf-8"))
        found = data.get("schema") if isinstance(data, dict) else None
        if found != SCHEMA:
            raise HarnessError(f"{path}: schema {found} is not {SCHEMA}: run the evals again")
        head = _HEAD.validate_python(upgraded(data))
    except FileNotFoundError:
        raise HarnessError(f"{path}: no such file; give the folder of a finished run") from None
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise HarnessError(f"{path}: damaged ({first}): run the evals again") from error
    return Run(head.info, head.rows, head.gates, (), head.skipped, head.unjudged, head.baselines,
               head.judged, head.provenances)  # fmt: skip


def load_run(run_dir: Path) -> Run:
    """Return the run that `save_run` wrote.

    Raises:
        HarnessError: If a file is missing, damaged or of another schema.
    """
    head = load_head(run_dir)
    path = run_dir / RESULTS_FILE
    try:
        results = tuple(map(_RESULT.validate_python, _sharing(_read_lines(path))))
        path = run_dir / PROBES_FILE
        probes: tuple[ProbeResult, ...] = ()
        if head.judged.standings or path.exists():
            probes = tuple(map(_PROBE.validate_python, _read_lines(path)))
        path = run_dir / PROMPTS_FILE
        prompts: tuple[CellPrompt, ...] = ()
        if path.exists():
            prompts = tuple(map(_PROMPT.validate_python, _read_lines(path)))
    except FileNotFoundError:
        raise HarnessError(f"{path}: no such file; give the folder of a finished run") from None
    except ValueError as error:
        first = str(error).splitlines()[0]
        raise HarnessError(f"{path}: damaged ({first}): run the evals again") from error
    judged = replace(head.judged, probes=probes)
    return replace(head, results=results, judged=judged, prompts=prompts)


def load_whole(run_dir: Path) -> Run:
    """Return a run as `load_run` does, if all is there that its figures are of.

    What is reckoned from a part of the results would say something else.

    Raises:
        HarnessError: As `load_run` does; or results or probes are missing.
    """
    run = load_run(run_dir)
    results = Counter((one.evalset, one.cell) for one in run.results)
    probes = Counter((one.evalset, one.model) for one in run.judged.probes)
    due = [
        *((RESULTS_FILE, one.cell, results[one.evalset, one.cell], one.n + one.unscored)
          for one in run.rows),
        *((PROBES_FILE, one.model, probes[one.evalset, one.model], one.probes)
          for one in run.judged.standings),
    ]  # fmt: skip
    for file, name, found, wanted in due:
        if found < wanted:
            raise HarnessError(f"{run_dir / file}: has {found} of the {wanted} lines of {name} "
                               "that its figures are of; copy the run's folder whole")  # fmt: skip
    return run


def redact_run(run: Run) -> Run:
    """Return the run without the samples' texts, the models' and the judges', reasons included."""
    masks = slice_masks(run.results)
    results = tuple(mask_result(redact(one), masks) for one in run.results)
    gates = redact_gates(run.gates)
    return replace(
        run,
        rows=redact_rows(run.rows),
        results=results,
        gates=tuple(mask_gate(one, masks) for one in gates),
        baselines=tuple(mask_baseline(one, masks) for one in run.baselines),
        judged=redact_judged(run.judged),
        prompts=(),
    )


def _write_any(path: Path, records: Sequence[object]) -> None:
    """Write a file of lines, or none and remove an earlier one where there is nothing to write."""
    if records:
        write_whole(path, _lines(records))
    else:
        path.unlink(missing_ok=True)


def _lines(records: Iterable[object]) -> Iterator[str]:
    return (_dump(record, None) + "\n" for record in records)


def _read_lines(path: Path) -> Iterator[Json]:
    # Not splitlines(): a text may hold a line separator that JSON leaves as it is.
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            if line != "\n":
                yield json_value(line)


def _sharing(results: Iterable[Json]) -> Iterator[Json]:
    """Yield results whose equal texts are one object: each cell has all samples."""
    known: dict[str, str] = {}
    for one in results:
        if isinstance(one, dict):
            for name in _SHARED:
                if isinstance(text := one.get(name), str):
                    one[name] = known.setdefault(text, text)
        yield one


def _dump(value: object, indent: int | None) -> str:
    try:
        return json_text(value, indent=indent)
    except ValueError:  # few values have infinities or NaN, so that all others are read once only
        return json_text(_finite(value), indent=indent)


def _finite(value: object) -> Json:
    """Spell infinities and NaN as strings, which strict JSON lacks and pydantic reads back."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return cast(Json, value)
