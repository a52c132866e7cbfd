"""Runs to export, and the command that does it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from builders import make_cell, make_row
from typer.testing import CliRunner

from harness.cli import app
from harness.reasons import Reason
from harness.records import CellProvenance, EngineInfo, Figure, Provenance, Run, RunInfo, Score
from harness.records.runs import DataInfo
from harness.report.runfiles import save_run

SET = "evalsets/mini.yaml"
FEWSHOT = make_row(
    cell="smollm2-135m-prefill-fewshot5-chat-s0", mode="fewshot", k=5, placement="chat",
    figures={"accuracy": Figure(0.5, 0.4, 0.6, 100)}, n=100, unscored=200,
)  # fmt: skip


def engine(model: str, name: str = "vllm", dtype: str = "float16", work="cells") -> EngineInfo:
    return EngineInfo(model, "", "", name, "1", dtype, "cuda", 1.0, 1.0, 1, 0, 1, 0, 1, work=work)


def run_of(*rows, source="hub:owner/reviews/plain@main", engines=("vllm",)) -> Run:
    data = DataInfo(
        SET, f"{source}, shots file:s.csv", "a" * 40 + ", shots 12ab", 300, 0, 300, 0, 0
    )
    engines = tuple(engine("smollm2-135m", name) for name in engines)
    engines += (engine("smollm2-135m", "transformers", "bfloat16", "answers"),)
    info = RunInfo("r", "2026-11-30 12:00:00 UTC", 1.0, "pytest", {}, {}, (data,), engines)
    return Run(info, tuple(rows), (), ())


def exported(tmp_path: Path, run: Run, *words: str):
    save_run(tmp_path / "run", run)
    command = ["export", str(tmp_path / "run"), "--out", str(tmp_path / "out"), *words]
    return CliRunner().invoke(app, command)


def run_with_texts(*, unscored: int = 1, texts: bool = True, **options) -> Run:
    """Return a run of one zero-shot cell: six samples, the first ones without a verdict."""
    targets = ["positive", "negative"] * 3
    scores = [Score(None, None, Reason("equal_labels"), (-1.0, -1.0))] * unscored
    scores += [Score(float(target == "positive"), "positive", None, (-0.5, -1.5))
               for target in targets[unscored:]]  # fmt: skip
    row, results = make_cell(
        scores, targets, evalset=SET, model="smollm2-135m", prompt="prefill",
        texts=[f"Text {i}, é\u2028." for i in range(6)] if texts else (),
    )  # fmt: skip
    found = run_of(row, **options)
    rested = Provenance("d", "w", "p", "s", "m", "", "vllm 1", "float16, cuda")
    return replace(found, results=tuple(results),
                   provenances=(CellProvenance(SET, row.cell, rested),))  # fmt: skip
