"""Exported runs, read by the tools that they are written for.

    python3 -m venv LMEVAL && LMEVAL/bin/pip install "lm_eval==0.4.13"
    python3.12 -m venv EEE && EEE/bin/pip install every-eval-ever==0.3.0
    python3 -m venv TRACKERS && TRACKERS/bin/pip install mlflow==3.17.2 trackio==0.43.0
    python benchmarks/exported_runs.py RUN... --lm-eval-python LMEVAL/bin/python \
        --every-eval-ever EEE/bin/every_eval_ever --trackers-python TRACKERS/bin/python

Each run is exported. lm-evaluation-harness makes its table of the results file, and of the samples
what its card for the hub reads: a data set of JSON lines for each task; the means of the samples
have to be the accuracies. The validator of Every Eval Ever has to pass all files without a warning.
The clients of MLflow and trackio have to hold the figures of summary.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

TRACKERS = ("mlflow", "trackio")
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


def exported(run: Path, form: str, folder: Path, packages: str = "") -> Path:
    """Export a run into a folder of its own, and return that.

    Args:
        run: Folder of a run.
        form: What reads it.
        folder: Where the folder is made.
        packages: Folder of packages that are found after all others, "" for none.
    """
    out = folder / form
    start = ("import runpy, sys; sys.path += filter(None, [sys.argv.pop(1)]); "
             "runpy.run_module('harness', run_name='__main__', alter_sys=True)")  # fmt: skip
    call([sys.executable, "-c", start, packages, "export", run, "--to", form, "--out", out], folder)
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


def tracked(python: Path, kind: str, run: Path, folder: Path) -> None:
    """Print how much a tracker's store holds, or end where that is not what summary.csv has."""
    where = call([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder)
    store = exported(run, kind, folder, where.strip())
    side = Path(__file__).with_name("trackers_hold.py")
    held = json.loads(call([python, side, kind, store], folder).splitlines()[-1])
    text = (exported(run, "csv", folder) / "summary.csv").read_text(encoding="utf-8")
    wanted = {
        (line["evalset"], line["cell"], line["figure"].replace(":", "_")): [
            float(line[name]) for name in ("value", "low", "high", "n")
        ]
        for line in csv.DictReader(text.splitlines())
        if (line["trusted"], line["void"]) in (("", ""), ("True", "False"))
    }
    found = {}
    for one in held.values():
        own, numbers = one["settings"], one["numbers"]
        for name in (name.removesuffix("_low") for name in numbers if name.endswith("_low")):
            found[own["evalset"], own.get("cell", own["model"]), name] = [
                numbers[name], numbers[f"{name}_low"], numbers[f"{name}_high"], numbers[f"{name}_n"]
            ]  # fmt: skip
    if found != wanted:
        raise SystemExit(f"{kind}: {found}\nsummary.csv: {wanted}")
    files = [name for one in held.values() for name in one.get("files", ())]
    print(f"{kind}: {len(found)} figures of {len(held)} runs as in summary.csv, files {files}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run")
    parser.add_argument("--lm-eval-python", type=Path, metavar="PATH")
    parser.add_argument("--every-eval-ever", type=Path, metavar="PATH")
    parser.add_argument("--trackers-python", type=Path, metavar="PATH")
    args = parser.parse_args()
    for run in map(Path.absolute, args.runs):
        with tempfile.TemporaryDirectory() as folder:
            if args.lm_eval_python:
                read_by_lm_eval(args.lm_eval_python.absolute(), run, Path(folder))
            for kind in TRACKERS if args.trackers_python else ():
                tracked(args.trackers_python.absolute(), kind, run, Path(folder))
            if args.every_eval_ever:
                validated(args.every_eval_ever.absolute(), run, Path(folder))


if __name__ == "__main__":
    main()
