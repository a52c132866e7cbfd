"""What float16 and bfloat16 change in labels, beside float32, through the project's own engines.

    python benchmarks/precision.py --model FOLDER --samples CSV --shots CSV --out FILE.json \
        [--engines vllm,transformers] [--dtypes float32,bfloat16,float16] [--limit N]

The prompts of two cells, zero-shot and five shots as chat turns, are rendered once. Each engine
answers them in each precision, float32 first, which the others are held to. A line of a markdown
table is printed, and FILE written anew, as soon as a cell is done. Without --device, the GPU if
there is one. A checkout needs no installation: its own package is imported.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from harness import hardware  # noqa: E402
from harness.engines import engine_version  # noqa: E402
from harness.errors import EngineError  # noqa: E402
from harness.prompts.open_format import open_format  # noqa: E402
from harness.prompts.templates import load_prompt  # noqa: E402
from harness.records import EngineConfig, EngineInfo, Output, Result  # noqa: E402
from harness.run.cells import Cell, modes  # noqa: E402
from harness.run.prepare import prepare  # noqa: E402
from harness.run.prepared import Prepared  # noqa: E402
from harness.run.score_cell import Outcome, score_cell  # noqa: E402
from harness.shots import Draw, select_shots  # noqa: E402
from harness.sources.data import load_data  # noqa: E402
from harness.spec.evalset import EvalSet  # noqa: E402
from harness.spec.modelspec import ModelSpec  # noqa: E402
from harness.workers.worker import Worker  # noqa: E402

_TIE = "two labels are equally probable"
# Pool texts that an engine answers before it is timed: a GPU compiles kernels for its batches.
_WARM = {"cuda": 64, "cpu": 2}
_DTYPES = ("float32", "bfloat16", "float16")
_GPU_OPTIONS = {"vllm": {"max_num_batched_tokens": 16384, "enforce_eager": True}}


@dataclass(frozen=True, slots=True)
class Drift:
    """How a cell's answers differ between two precisions; None where they were not compared.

    Attributes:
        flips: Samples that have a label in both precisions, and not the same.
        moved: Samples that have a label in one of the two only.
        mean_diff: Mean absolute difference of the labels' log-odds, in nats; `max_diff` likewise.
    """

    flips: int | None = None
    moved: int | None = None
    mean_diff: float | None = None
    max_diff: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One cell in one precision, compared with float32 of the same engine as `Drift` says.

    Attributes:
        ties: Samples whose labels are equally probable.
        failed: Other samples without a label.
        auc: Area under the ROC curve of the log-odds, in [0, 1].
        accuracy: Share of right labels among the samples that have one.
        start_s: From spawning the engine to its being ready.
        generate_s: From the first request to the last output.
    """

    engine: str
    dtype: str
    cell: str
    n: int
    flips: int | None
    moved: int | None
    mean_diff: float | None
    max_diff: float | None
    ties: int
    failed: int
    auc: float | None
    accuracy: float | None
    start_s: float
    generate_s: float

    def markdown(self) -> str:
        """Return the line as one of a markdown table."""
        values = (
            f"{value:.4f}" if isinstance(value, float) and not name.endswith("_s")
            else f"{value:.1f}" if isinstance(value, float)
            else "" if value is None
            else str(value)
            for name, value in asdict(self).items()
        )  # fmt: skip
        return f"| {' | '.join(values)} |"


_HEADS = ("engine", "dtype", "cell", "n", "flips", "label in one only", "mean abs diff", "max",
          "ties", "failed", "AUC", "accuracy", "start s", "generate s")  # fmt: skip


def prepared_cells(args: argparse.Namespace, *, device: str) -> tuple[list[Prepared], Prepared]:
    """Return the two cells, and one of pool texts to warm an engine up."""
    evalset = EvalSet.model_validate(
        {
            "data": {
                "source": f"file:{args.samples}",
                "shots": f"file:{args.shots}",
                "text": "review",
                "label": "sentiment",
                "leaks": "drop",
            },
            "labels": {"positive": "positive", "negative": "negative"},
            "models": ["model"],
            "prompts": ["sentiment/prefill.j2"],
            "modes": ["zeroshot", {"mode": "fewshot", "k": 5, "placement": "chat"}],
        }
    )
    spec = ModelSpec.model_validate({"source": f"file:{args.model}"})
    data = load_data("precision", evalset, base=ROOT, limit=args.limit)
    chat = open_format("model", spec, args.model, root=ROOT)
    wording = evalset.prompts[0]
    prompt = load_prompt(wording.template, evalset.targets(wording), root=ROOT)
    pool = [shot for shot in data.pool if chat.control_token(shot.text) is None]
    cells = []
    for mode in modes(evalset):
        shots = []
        if mode.selector is not None and mode.seed is not None:
            draw = Draw(pool, data.samples, list(evalset.labels), mode.k, mode.seed)
            shots = select_shots(mode.selector, mode.order, draw)
        cell = Cell("precision.yaml", "precision", evalset, "model", spec, wording, mode)
        cells.append(
            prepare(cell, data.samples, shots, prompt=prompt, chat=chat, shared="", adapter=None)
        )
    warm = prepare(
        cells[0].cell, pool[-_WARM[device] :], [], prompt=prompt, chat=chat, shared="", adapter=None
    )
    return cells, warm


def answers(worker: Worker, cell: Prepared) -> tuple[dict[str, Output], float]:
    """Return a cell's outputs by key, and the seconds that they took."""
    requests = {request.key: request for row in cell.requests for request in row}
    began = time.perf_counter()
    outputs = {output.key: output for output in worker.generate(list(requests.values()))}
    return outputs, time.perf_counter() - began


def compare(results: Sequence[Result], exact: Sequence[Result]) -> Drift:
    """Return how labels and log-odds differ from those in float32, sample by sample."""
    pairs = [(a.answer, b.answer) for a, b in zip(results, exact, strict=True)]
    diffs = [
        abs(a.log_odds - b.log_odds)
        for a, b in zip(results, exact, strict=True)
        if a.log_odds is not None and b.log_odds is not None
    ]
    return Drift(
        flips=sum(a is not None and b is not None and a != b for a, b in pairs),
        moved=sum((a is None) != (b is None) for a, b in pairs),
        mean_diff=sum(diffs) / len(diffs) if diffs else float("nan"),
        max_diff=max(diffs, default=float("nan")),
    )


def run_engine(
    config: EngineConfig,
    cells: Sequence[Prepared],
    warm: Prepared,
    exact: dict[str, Sequence[Result]],
    *,
    log: Path,
) -> list[Line]:
    """Answer all cells in one precision and print their lines.

    Args:
        config: Engine, precision and device.
        cells: What is asked.
        warm: What is asked before, untimed.
        exact: Results in float32 by cell; filled by the run in float32.
        log: The engine's own log.

    Raises:
        EngineError: The engine does not start, or fails.
    """
    lines = []
    with Worker(config, log=log) as worker:
        worker.wait_ready()
        answers(worker, warm)
        for cell in cells:
            outputs, seconds = answers(worker, cell)
            outcome = score_cell(cell, outputs, _info(config, worker.start_s, seconds, outputs))
            if config.dtype == "float32":
                exact[cell.cell.mode.name] = outcome.results
            lines.append(_line(outcome, config, exact, worker.start_s, seconds))
            print(lines[-1].markdown(), flush=True)
            for reason in [one.text for one in outcome.row.reasons if one.text != _TIE][:1]:
                print(f"  {config.engine}, {config.dtype}: {reason}", file=sys.stderr)
    return lines


def _info(
    config: EngineConfig, start_s: float, seconds: float, outputs: Mapping[str, Output]
) -> EngineInfo:
    done = outputs.values()
    return EngineInfo(
        model="model",
        source="",
        digest="",
        engine=config.engine,
        version=engine_version(config.engine),
        dtype=config.dtype,
        device=config.device,
        start_s=start_s,
        generate_s=seconds,
        computed=len(done),
        stored=0,
        prompt_tokens=sum(output.prompt_tokens for output in done),
        cached_tokens=sum(output.cached_tokens for output in done),
        completion_tokens=sum(output.length for output in done),
    )


def _line(
    outcome: Outcome,
    config: EngineConfig,
    exact: Mapping[str, Sequence[Result]],
    start_s: float,
    seconds: float,
) -> Line:
    row = outcome.row
    found = Drift()
    if config.dtype != "float32" and row.mode in exact:
        found = compare(outcome.results, exact[row.mode])
    ties = sum(count for reason, count in row.reasons.items() if reason.text == _TIE)
    figures = {name: figure.value for name, figure in row.figures.items()}
    return Line(
        engine=config.engine,
        dtype=config.dtype,
        cell=row.mode,
        n=row.n + row.unscored,
        flips=found.flips,
        moved=found.moved,
        mean_diff=found.mean_diff,
        max_diff=found.max_diff,
        ties=ties,
        failed=row.unscored - ties,
        auc=figures.get("auc"),
        accuracy=figures.get("accuracy"),
        start_s=start_s,
        generate_s=seconds,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--shots", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--engines", default="vllm,transformers")
    parser.add_argument("--dtypes", default=",".join(_DTYPES))
    parser.add_argument("--device", choices=("cpu", "cuda"))
    parser.add_argument("--limit", type=int)
    args = parser.parse_args()
    args.model, args.samples, args.shots = (
        path.resolve() for path in (args.model, args.samples, args.shots)
    )
    device = args.device or hardware.device()
    dtypes = [dtype for dtype in _DTYPES if dtype in args.dtypes.split(",")]
    cells, warm = prepared_cells(args, device=device)
    base = EngineConfig("", str(args.model), "", device, max_model_len=cells[0].window)
    lines: list[Line] = []
    failures: dict[str, str] = {}
    versions: dict[str, str] = {}
    print(f"| {' | '.join(_HEADS)} |\n|{'---|' * len(_HEADS)}", flush=True)
    for engine in args.engines.split(","):
        exact: dict[str, Sequence[Result]] = {}
        options = _GPU_OPTIONS.get(engine, {}) if device == "cuda" else {}
        for dtype in dtypes:
            config = replace(base, engine=engine, dtype=dtype, options=options)
            try:
                versions[engine] = engine_version(engine)
                log = args.out.with_suffix(f".{engine}-{dtype}.log")
                lines += run_engine(config, cells, warm, exact, log=log)
            except EngineError as error:
                failures[f"{engine} {dtype}"] = str(error)
                print(f"  {engine}, {dtype}: {error}", file=sys.stderr)
            found = {
                "machine": hardware.describe(),
                "engines": versions,
                "torch": engine_version("rnn").partition(", ")[2],
                "model": args.model.name,
                "prompt_tokens": {cell.cell.mode.name: cell.prompt_tokens for cell in cells},
                "lines": [asdict(line) for line in lines],
                "failures": failures,
            }
            args.out.write_text(json.dumps(found, indent=1) + "\n")
    if failures or not lines:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
