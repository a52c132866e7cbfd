"""The harness's `logprobs` scoring beside lm-evaluation-harness, label by label.

    python3 -m venv LMEVAL
    LMEVAL/bin/pip install torch==2.13.0 transformers==5.17.0 "lm_eval[hf]==0.4.13"
    python benchmarks/agreement.py --lm-eval-python LMEVAL/bin/python --out FILE.json

Both sides run as their users run them. Ours is pytest on `evalsets/mini.yaml`, one cell at a time,
with an empty store, read from results.jsonl. Theirs is a local YAML task of type `multiple_choice`
whose prompts are the texts that the harness renders, chat template and prefill included, and whose
choices are its label words. The token ids of both sides are compared too. A last cell has label
words of several tokens, where the two score different things; see docs/scoring-agreement.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from agreement_task import DTYPE, ROOT, TASK, Asked, equal_tokens, rebuild, write_task
from tabulate import tabulate

from harness import hardware
from harness.collect import load_cells
from harness.records import Result, Run
from harness.report.runfiles import load_run
from harness.run.cells import Cell
from harness.stats import wilson_interval

SIDE = Path(__file__).with_name("lm_eval_side.py")
# What float32 can lose in 30 layers, in another order of summation, is far below this.
ROUNDING = 1e-3
EQUAL = 0.99  # share of equal labels that is required
BATCH_SIZES = (1, 4, 16)  # 1 is lm-evaluation-harness's default
TRIED = 24  # samples on which each batch size is tried
WORTH = 0.9  # a batch size is run in full if it took less than this part of the default's time
MODEL = "smollm2-135m"  # the set has trained classifiers too, which lm-eval does not run
MODES = ("zeroshot", "fewshot5-chat-s0")
UPPER = {
    "template": "sentiment/upper.j2",
    "targets": {"positive": "POSITIVE", "negative": "NEGATIVE"},
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A sample to which the two sides give different labels; log-odds are natural logarithms."""

    sample: str
    ours: str | None
    theirs: str
    our_log_odds: float | None
    their_log_odds: float


def compare(
    ours: Sequence[Result], theirs: Mapping[str, Sequence[float]], labels: Sequence[str]
) -> dict[str, object]:
    """Return how often and how far two sides differ on the same samples.

    Args:
        ours: Results of one cell.
        theirs: Log-likelihood of each label, by sample.
        labels: The two labels.

    Raises:
        ValueError: The samples are not the same.
    """
    if {one.sample for one in ours} != set(theirs) or len(ours) != len(theirs):
        raise ValueError("the two sides have not answered the same samples")
    differences, gaps, right = [], [], [0, 0]
    for one in ours:
        values = theirs[one.sample]
        label = labels[max(range(len(labels)), key=values.__getitem__)]
        odds = values[0] - values[1]
        if one.log_odds is not None:
            gaps.append(abs(one.log_odds - odds))
        right = [right[0] + (one.answer == one.target), right[1] + (label == one.target)]
        if label != one.answer:
            differences.append(Difference(one.sample, one.answer, label, one.log_odds, odds))
    n, equal = len(ours), len(ours) - len(differences)
    return {
        "n": n,
        "equal": equal,
        "share": equal / n,
        "interval": wilson_interval(equal, n),
        "right": {"ours": right[0], "theirs": right[1]},
        "log_odds_compared": len(gaps),
        "largest_gap": max(gaps, default=None),
        "differences": [asdict(one) for one in differences],
        "by_rounding": len(gaps) == n and max(gaps) < ROUNDING,
    }


def timed(
    command: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None
) -> tuple[subprocess.CompletedProcess[str], dict[str, float]]:
    """Run a command; return it with its wall time and its processor time, children included."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # A session of its own, as the engine of ours has: Linux may share out time by session.
    done = subprocess.run(command, capture_output=True, text=True, start_new_session=True,
                          check=False, env=environment, cwd=cwd)  # fmt: skip
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done, {"process_s": wall, "process_cpu_s": cpu}


def run_ours(
    root: Path, cell: Cell, scratch: Path, *, limit: int | None
) -> tuple[Run, dict[str, float]]:
    """Run pytest on one cell with an empty store."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        command = [sys.executable, "-m", "pytest", "-p", "harness.plugin", "-q"]
        command += [f"{cell.path}::{cell.id}"]
        command += ["--eval-engine=transformers", f"--eval-dtype={DTYPE}"]
        command += [f"--eval-store={folder}/outputs.sqlite", f"--eval-reports={folder}/reports"]
        command += ["--eval-limit", str(limit)] if limit else []
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done, times = timed(command, environment, root)
        if done.returncode not in (0, 1):  # 1: a gate failed, which is no matter here
            raise SystemExit(f"pytest on {cell.id} ended with {done.returncode}:\n{done.stdout}")
        run = load_run(Path(folder) / "reports" / "latest")
    [engine] = run.info.engines
    assert engine.stored == 0
    return run, {"scoring_s": engine.generate_s, **times}


def run_theirs(
    python: Path, asked: Asked, scratch: Path, passes: Sequence[tuple[int, int | None]]
) -> dict[str, Any]:
    """Run lm-evaluation-harness over a cell, once a pass of batch size and number of samples."""
    job, out = scratch / "job.json", scratch / "answer.json"
    what = {"model": str(asked.model), "device": hardware.device(), "dtype": DTYPE, "task": TASK}
    files = {"tasks": str(scratch / "tasks"), "out": str(out)}
    job.write_text(json.dumps({**what, **files, "passes": passes}), encoding="utf-8")
    write_task(scratch / "tasks", asked)
    environment = os.environ | {"HF_HOME": str(scratch / "hf"), "HF_HUB_OFFLINE": "1"}
    environment.pop("PYTHONPATH", None)
    done, times = timed([str(python), str(SIDE), str(job)], environment)
    if done.returncode:
        raise SystemExit(f"lm-evaluation-harness failed:\n{done.stderr[-4000:]}")
    return {**json.loads(out.read_text(encoding="utf-8")), **times}


def by_sample(rows: Sequence[Mapping[str, Any]], start: int, count: int) -> dict[str, list[float]]:
    """Return the log-likelihoods of some of the choices, by sample."""
    return {row["id"]: row["logprobs"][start : start + count] for row in rows}


def study(cell: Cell, root: Path, args: argparse.Namespace, scratch: Path) -> dict[str, Any]:
    """Return agreement and times of one cell."""
    asked = rebuild(cell, root, scratch, limit=args.limit)
    run, first = run_ours(root, cell, scratch, limit=args.limit)
    if tuple(one.prompt_key for one in run.results) != asked.keys:
        raise SystemExit(f"{cell.id}: the rebuilt prompts are not those that pytest asked")
    theirs = [(1, run_theirs(args.lm_eval_python, asked, scratch, [(1, None)]))]
    mine, tried = [first], {}
    if not args.quick:
        sizes = [(size, TRIED) for size in (*BATCH_SIZES, 1)]
        tries = run_theirs(args.lm_eval_python, asked, scratch, sizes)["passes"]
        # The first pass also warms up; where a size was tried twice, the later counts.
        tried = {one["batch_size"]: one["seconds"] for one in tries}
        best = min(tried, key=tried.__getitem__)
        if tried[best] < WORTH * tried[1]:
            theirs.append((best, run_theirs(args.lm_eval_python, asked, scratch, [(best, None)])))
        mine.append(run_ours(root, cell, scratch, limit=args.limit)[1])
    rows, count = theirs[0][1]["passes"][0]["rows"], len(asked.labels)
    out: dict[str, object] = {
        "prompt_tokens": run.rows[0].prompt_tokens,
        "label_tokens": [len(tail) for tail in asked.tails],
        "equal_tokens": equal_tokens(asked, rows),
        "labels": compare(run.results, by_sample(rows, 0, count), asked.labels),
    }
    if len(asked.choices) > count:
        out["heads"] = compare(run.results, by_sample(rows, count, count), asked.labels)
    out["seconds"] = {"ours": mine, "theirs": [_times(*one) for one in theirs]}
    out["tried"] = {"samples": TRIED, "seconds": tried}
    out["versions"] = {**theirs[0][1]["versions"], "ours": run.info.engines[0].version}
    return out


def _times(size: int, answer: Mapping[str, Any]) -> dict[str, float]:
    scoring = answer["passes"][0]["seconds"]
    times = {name: answer[name] for name in ("process_s", "process_cpu_s")}
    return {"batch_size": size, "scoring_s": scoring, **times}


def upper_root(scratch: Path) -> Path:
    """Return a project with mini.yaml's samples and label words of several tokens."""
    root = scratch / "project"
    (root / "evalsets").mkdir(parents=True)
    (root / "prompts").symlink_to(ROOT / "prompts")
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for name in ("models.yaml", "mini.yaml"):
        evalset = yaml.safe_load((ROOT / "evalsets" / name).read_text(encoding="utf-8"))
        if name == "mini.yaml":
            evalset |= {"models": [MODEL], "prompts": [UPPER], "modes": ["zeroshot"], "gates": []}
        (root / "evalsets" / name).write_text(
            yaml.safe_dump(evalset, sort_keys=False), encoding="utf-8"
        )
    return root


def table(cells: Mapping[str, Mapping[str, Any]]) -> str:
    """Return agreement and time ratios as a markdown table; ratios are theirs divided by ours."""
    head = ["cell", "labels equal", "95% interval", "equal tokens", "largest gap of log-odds",
            "time, batch size 1", "processor time, batch size 1"]  # fmt: skip
    rows = []
    for name, cell in cells.items():
        found, gap = cell["labels"], cell["labels"]["largest_gap"]
        low, high = found["interval"]
        [theirs, *_] = cell["seconds"]["theirs"]
        ratios = [
            theirs[what] / (sum(one[what] for one in ours) / len(ours))
            for ours in [cell["seconds"]["ours"]]
            for what in ("scoring_s", "process_cpu_s")
        ]
        rows.append(
            [name, f"{found['equal']} of {found['n']}", f"{low:.3f}-{high:.3f}",
             f"{cell['equal_tokens']} of {found['n']}", "none" if gap is None else f"{gap:.1e}",
             *(f"{ratio:.2f}" for ratio in ratios)]
        )  # fmt: skip
    return tabulate(rows, headers=head, tablefmt="github", disable_numparse=True)


def unexplained(cells: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the cells that differ in more than rounding, or in more labels than it may flip.

    A cell is compared by its heads where its label words have tokens behind them.
    """
    out = []
    for name, cell in cells.items():
        found = cell.get("heads", cell["labels"])
        alike = found["by_rounding"] and cell["equal_tokens"] == found["n"]
        if not alike or found["share"] < EQUAL:
            out.append(name)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lm-eval-python", type=Path, required=True, metavar="PATH")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default="", help="run the cells whose id contains this; "
                        "those that are in the file already are kept")  # fmt: skip
    parser.add_argument("--limit", type=int, help="samples of each cell; all without it")
    parser.add_argument("--threads", type=int, help="processor threads of both sides")
    parser.add_argument("--quick", action="store_true", help="one run a side, batch size 1")
    args = parser.parse_args()
    if args.threads:
        os.environ["OMP_NUM_THREADS"] = str(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        found = [
            (cell, root)
            for root in (ROOT, upper_root(scratch))
            for cell in load_cells(root / "evalsets" / "mini.yaml", root)
            if cell.model == MODEL and cell.mode.name in MODES and args.only in cell.id
        ]
        cells: dict[str, dict[str, Any]] = {}
        if args.out.exists():
            cells = json.loads(args.out.read_text(encoding="utf-8"))["cells"]
        for cell, root in found:
            cells[cell.id] = study(cell, root, args, scratch)
            print(f"{cell.id} done", flush=True)
            head = {
                "dtype": DTYPE,
                "threads": args.threads,
                "rounding": ROUNDING,
                "machine": hardware.describe(),
            }
            args.out.write_text(json.dumps({**head, "cells": cells}, indent=1) + "\n")
    print(table(cells))
    if wrong := unexplained(cells):
        raise SystemExit(f"differences beyond rounding: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
