"""What it costs to store outputs as they come, as a share of the run.

    python benchmarks/storing.py [--rounds 3] [--rows 20000] [--samples 300] [--engines fake] \
        [--out FILE.json]

The same labelled set is run with and without storing, in processes of their own, in turns: by the
fake engine, which answers at once, and by transformers on SmolLM2. Times are from pytest's start
to the end of its report: the clock, processor time of pytest and the engine, and what of both went
by while outputs were put into the store. The last is the cost; on a machine with other work, two
runs differ by more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml
from kills import ROOT, make_labelled
from tabulate import tabulate

from harness.records import Output
from harness.workers.store import Store

ENGINES = ("fake", "transformers")


def processor_s() -> float:
    """Return the processor time of this process and those that it started and that ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def run(project: Path, *, storing: bool) -> None:
    """Run a project in this process, and print what it took as JSON."""
    import pytest

    put = Store.put
    spent = {"put_s": 0.0, "put_cpu_s": 0.0, "outputs": 0.0}

    def timed(self: Store, outputs: Iterable[Output], shared: str) -> None:
        outputs = list(outputs)
        began, cpu = time.monotonic(), time.thread_time()
        if storing:
            put(self, outputs, shared)
        spent["put_s"] += time.monotonic() - began
        spent["put_cpu_s"] += time.thread_time() - cpu
        spent["outputs"] += len(outputs)

    Store.put = timed  # type: ignore[method-assign]
    began, cpu = time.monotonic(), processor_s()
    args = ["-q", "-p", "harness.plugin", "--rootdir", str(project), str(project)]
    name = f"{time.time_ns()}.sqlite"
    code = pytest.main([*args, "--eval-store", str(project / name)])
    told = {"run_s": time.monotonic() - began, "cpu_s": processor_s() - cpu, **spent}
    print("\n" + json.dumps({"storing": storing, "code": int(code), **told}))


def measure(project: Path, *, storing: bool) -> dict[str, float]:
    """Run a project in a process of its own; return what it took."""
    command = [sys.executable, __file__, "--one", str(project), "--storing", str(int(storing))]
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.strip().rsplit("\n", 1)[-1])
    return found


def make(folder: Path, engine: str, rows: int) -> Path:
    """Write the project of an engine."""
    folder.mkdir()
    project = make_labelled(folder, "core" if engine == "transformers" else "engine", rows=0)
    path = project / "evalsets/set.yaml"
    evalset = yaml.safe_load(path.read_text(encoding="utf-8"))
    evalset["data"] = {"source": "file:data.jsonl", "id": "id"}
    path.write_text(json.dumps(evalset), encoding="utf-8")
    lines = [json.dumps({"id": str(i), "text": f"review {i}, of a film",
                         "label": evalset["labels"][i % 2]}) for i in range(rows)]  # fmt: skip
    (project / "data.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = project / "evalsets/models.yaml"
    models = yaml.safe_load(path.read_text(encoding="utf-8"))
    models["models"]["m"] |= {"engine": engine, "options": {}}
    path.write_text(json.dumps(models), encoding="utf-8")
    return project


def compare(engine: str, runs: Sequence[dict[str, float]]) -> dict[str, object]:
    """Return the cost of storing of an engine's runs, medians over them."""

    def middle(key: str, *, storing: bool) -> float:
        return statistics.median(one[key] for one in runs if one["storing"] == storing)

    whole, cpu = middle("run_s", storing=True), middle("cpu_s", storing=True)
    return {
        "engine": engine,
        "outputs": runs[0]["outputs"],
        "run, s": whole,
        "without, s": middle("run_s", storing=False),
        "storing, s": middle("put_s", storing=True),
        "share of the run": f"{middle('put_s', storing=True) / whole:.2%}",
        "processor, s": cpu,
        "without": middle("cpu_s", storing=False),
        "storing": middle("put_cpu_s", storing=True),
        "share": f"{middle('put_cpu_s', storing=True) / cpu:.2%}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=20_000, help="for the fake engine")
    parser.add_argument("--samples", type=int, default=300, help="for transformers")
    parser.add_argument("--engines", nargs="+", default=ENGINES, choices=ENGINES)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--storing", type=int, default=1, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        run(given.one, storing=bool(given.storing))
        return
    told, table = list[dict[str, object]](), list[dict[str, object]]()
    with tempfile.TemporaryDirectory() as scratch:
        for engine in given.engines:
            rows = given.rows if engine == "fake" else given.samples
            project = make(Path(scratch) / engine, engine, rows)
            runs = [measure(project, storing=storing)
                    for number in range(given.rounds)
                    for storing in ((True, False) if number % 2 else (False, True))]  # fmt: skip
            told += [{"engine": engine, **one} for one in runs]
            table.append(compare(engine, runs))
            print(tabulate(table[-1:], headers="keys", floatfmt=".2f"), flush=True)
    if given.out:
        given.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
