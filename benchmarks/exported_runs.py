"""Exported runs, read by the tools that they are written for.

    python3 -m venv LMEVAL && LMEVAL/bin/pip install "lm_eval==0.4.13"
    python3.12 -m venv EEE && EEE/bin/pip install every-eval-ever==0.3.0
    python benchmarks/exported_runs.py RUN... --lm-eval-python LMEVAL/bin/python \
        --every-eval-ever EEE/bin/every_eval_ever

Each run is exported. lm-evaluation-harness makes its table of the results file, and of the samples
what its card for the hub reads: a data set of JSON lines for each task; the means of the samples
have to be the accuracies. The validator of Every Eval Ever has to pass all files without a warning.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def call(command: Sequence[str | Path], cwd: Path) -> str:
    """Return what a command printed, or end with its words."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1",
                        "HF_DATASETS_CACHE": str(cwd / "cache")}  # fmt: skip
    done = subprocess.run(
        [str(one) for one in command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def exported(run: Path, form: str, folder: Path) -> Path:
    """Export a run into a folder of its own, and return that."""
    out = folder / form
    call([sys.executable, "-m", "harness", "export", run, "--to", form, "--out", out], folder)
    return out


def read_by_lm_eval(python: Path, run: Path, folder: Path) -> None:
    """Print the tables of a run's result files, or end where samples and accuracies differ."""
    side = Path(__file__).with_name("lm_eval_reads.py")
    found = json.loads(call([python, side, exported(run, "lm-eval", folder)], folder))
    for model, table in found["tables"].items():
        print(f"{model}\n{table}")
    for task, one in found["samples"].items():
        same = math.isclose(one["mean"], one["acc"]) and one["samples"] == one["n"]
        print(f"{task}: {one['samples']} samples, mean {one['mean']:.4f}, acc {one['acc']:.4f}")
        if not same:
            raise SystemExit(f"{task}: the samples do not come to the accuracy")


def validated(validator: Path, run: Path, folder: Path) -> None:
    """Print how many files of a run's the validator passes, or end with what it says."""
    out = exported(run, "every-eval-ever", folder)
    paths = [path.relative_to(out) for path in sorted(out.rglob("*.json*"))]
    found = json.loads(call([validator, "validate", "--format", "json", *paths], out))
    if any(not one["valid"] or one["warnings"] for one in found):
        raise SystemExit(json.dumps(found, indent=1))
    print(f"Every Eval Ever: {len(found)} files pass, {sum(one['line_count'] for one in found)} "
          "samples")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("--lm-eval-python", type=Path, metavar="PATH")
    parser.add_argument("--every-eval-ever", type=Path, metavar="PATH")
    args = parser.parse_args()
    for run in map(Path.absolute, args.runs):
        with tempfile.TemporaryDirectory() as folder:
            if args.lm_eval_python:
                read_by_lm_eval(args.lm_eval_python.absolute(), run, Path(folder))
            if args.every_eval_ever:
                validated(args.every_eval_ever.absolute(), run, Path(folder))


if __name__ == "__main__":
    main()
