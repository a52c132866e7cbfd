"""Time what two builds take to read a run, analyze it and write its report, side by side.

Each build writes the report of a run of its own again, in turn with the other, each time in a new
process: `harness report RUN --plots none`, imports included. Give each build a checkout, and a run
of the same cells made by it:

    python benchmarks/analysis_side.py OLD_CHECKOUT OLD_RUN CHECKOUT RUN --out FILE
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 5


def report(checkout: Path, run: Path) -> tuple[float, float]:
    """Write a report, and return the seconds of processor and of wall time that it took."""
    env = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "harness", "report", str(run), "--plots", "none"],
        cwd=checkout,
        env=env,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    for name in ("old_checkout", "old_run", "checkout", "run"):
        parser.add_argument(name, type=lambda text: Path(text).resolve())
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    builds = {"old": (given.old_checkout, given.old_run), "new": (given.checkout, given.run)}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in builds}
    for _ in range(ROUNDS):
        for name, (checkout, run) in builds.items():
            times[name].append(report(checkout, run))
            print(name, *(f"{seconds:.2f}" for seconds in times[name][-1]), flush=True)
    medians = {name: statistics.median(cpu for cpu, _ in own) for name, own in times.items()}
    print(f"processor: {medians['new'] / medians['old']:.2f} of the old build")
    if given.out:
        found = {"processor_and_wall_s": times, "median_processor_s": medians}
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
