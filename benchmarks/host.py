"""Time what surrounds an engine: two builds side by side, in turn, with made-up answers.

    python benchmarks/host.py OLD_CHECKOUT CHECKOUT --samples VALIDATION.csv.gz \
        --shots TRAIN.csv.gz --dir DIR --out benchmarks/results/host.json [--rounds 3] \
        [--only reviews samples collect] [--sizes 5000 20000 80000] [--sets 19 75 300]

Each build runs in processes of its own, the engine `fake` and the tokenizer and chat template of
SmolLM2, in a project that is written to DIR:

- `reviews`: zero-shot and five shots in three placements, 2,000 reviews each, from an empty store
  (`first`) and again (`stored`);
- `samples`: 5,000, 20,000 and 80,000 sentences of the reviews, zero-shot in four wordings, from an
  empty store;
- `collect`: 19, 75 and 300 eval sets of four cells each, `--collect-only`.

Processor seconds and the largest memory of a process include the engine's process. OLD_CHECKOUT may
be the build 2aba02d, whose options have no `eval-` in their names, or "-" to measure one build.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from study_side import rows, write

ROOT = Path(__file__).parents[1]
MODEL = "smollm2-135m"
SET = """data:
  source: file:{name}.csv
  shots: file:shots.csv
  text: review
  label: sentiment
  samples: {{n: {n}, seed: 42}}
  leaks: drop
labels: {{positive: positive, negative: negative}}
models: [smollm2-135m]
{asked}
scoring: logprobs
"""
FOUR_MODES = """prompts: [sentiment/prefill.j2]
modes: [zeroshot, {mode: fewshot, k: 5, placement: [system, user, chat], seeds: [0]}]"""
FOUR_PROMPTS = """prompts:
  - sentiment/prefill.j2
  - sentiment/plain.j2
  - sentiment/role.j2
  - {template: sentiment/upper.j2, targets: {positive: POSITIVE, negative: NEGATIVE}}
modes: [zeroshot]"""
SIZES = (5_000, 20_000, 80_000)
SETS = (19, 75, 300)
_SENTENCE = re.compile(r"[^.!?<>]{30,200}[.!?]")


def make(root: Path, samples: list[dict[str, str]], shots: list[dict[str, str]]) -> None:
    """Write the project."""
    shutil.rmtree(root, ignore_errors=True)
    (root / "evalsets").mkdir(parents=True)
    shutil.copytree(ROOT / "prompts", root / "prompts")
    entry = (ROOT / "evalsets/models.yaml").read_text(encoding="utf-8")
    found = re.search(rf"  {MODEL}:[^\n]*\n(    [^\n]*\n)+", entry)
    assert found
    text = "models:\n" + found[0].replace(" &smollm2", "")
    (root / "evalsets/models.yaml").write_text(text, encoding="utf-8")
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n", encoding="utf-8")
    write(root / "reviews.csv", samples)
    sentences: dict[str, str] = {}
    for row in (*samples, *shots):
        for found in _SENTENCE.finditer(row["review"]):
            sentences.setdefault(found[0].strip(), row["sentiment"])
    pairs = [{"review": text, "sentiment": label} for text, label in sentences.items()]
    assert len(pairs) >= SIZES[-1], len(pairs)
    for n in SIZES:
        write(root / f"sentences{n}.csv", pairs[:n])
        write_set(root / f"evalsets/sentences{n}.yaml", f"sentences{n}", n, FOUR_PROMPTS)
    write(root / "shots.csv", shots)
    write_set(root / "evalsets/reviews.yaml", "reviews", len(samples), FOUR_MODES)
    for many in SETS:
        project = root / f"many{many}"
        (project / "evalsets").mkdir(parents=True)
        shutil.copytree(root / "prompts", project / "prompts")
        for name in ("pyproject.toml", "reviews.csv", "shots.csv", "evalsets/models.yaml"):
            shutil.copy(root / name, project / name)
        for number in range(many):
            path = project / f"evalsets/s{number:03}.yaml"
            write_set(path, "reviews", 100 + number, FOUR_MODES)


def write_set(path: Path, name: str, n: int, asked: str) -> None:
    path.write_text(SET.format(name=name, n=n, asked=asked), encoding="utf-8")


def run(root: Path, build: str, checkout: Path, given: list[str], store: Path) -> dict[str, Any]:
    """Run pytest once, and return what it took."""
    prefix = "--eval-" if "--eval-engine" in _options(checkout) else "--"
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {
        "PYTHONPATH": str(checkout),
        "OMP_NUM_THREADS": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    command = [sys.executable, "-m", "pytest", "-p", "harness.plugin", "-q", "-p",
               "no:cacheprovider", *given, f"{prefix}engine", "fake", f"{prefix}store",
               str(store)]  # fmt: skip
    began = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout
    output = process.stdout.read().decode()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{build}: exit {process.returncode}\n{output[-3000:]}")
    return {
        "processor_s": round(used.ru_utime + used.ru_stime, 2),
        "wall_s": round(time.perf_counter() - began, 2),
        "peak_mb": round(used.ru_maxrss / 1024),
    }


def _options(checkout: Path) -> str:
    folder = checkout / "harness/plugin"
    return "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))


@dataclass
class Bench:
    """Runs the builds in turn, and keeps what each run took by what was run and build."""

    root: Path
    builds: dict[str, Path]
    rounds: int
    sizes: list[int]
    sets: list[int]
    found: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)

    def add(
        self, what: str, build: str, given: list[str], store: str, project: Path | None = None
    ) -> dict[str, Any]:
        """Run a build once more."""
        path = self.root / ".harness" / store / "outputs.sqlite"
        one = run(project or self.root, build, self.builds[build], given, path)
        self.found.setdefault(what, {}).setdefault(build, []).append(one)
        return one

    def forget(self, store: str) -> None:
        """Remove a store of outputs."""
        shutil.rmtree(self.root / ".harness" / store, ignore_errors=True)

    def reviews(self) -> None:
        """Run the cells of reviews from an empty store and again."""
        for _ in range(self.rounds):
            for build in self.builds:
                self.forget(build)
                for what in ("first", "stored"):
                    print(what, build, self.add(what, build, ["evalsets/reviews.yaml"], build))

    def samples(self) -> None:
        """Run more and more samples, once each."""
        for n, build in itertools.product(self.sizes, self.builds):
            store = f"{build}-{n}"
            self.forget(store)
            one = self.add(f"samples_{n}", build, [f"evalsets/sentences{n}.yaml"], store)
            files = (self.root / ".harness" / store).glob("outputs.sqlite*")
            size = sum(path.stat().st_size for path in files)
            one["stored_bytes_per_output"] = round(size / (4 * n))
            one["results_bytes_per_line"] = _per_line(self.root / "reports/latest/results.jsonl")
            one["ms_per_output"] = round(1000 * one["processor_s"] / (4 * n), 3)
            print(n, build, one)

    def collect(self) -> None:
        """Collect more and more eval sets."""
        # A folder: pytest looks through all of it again for each file that is named.
        given = ["--collect-only", "evalsets"]
        for n, _, build in itertools.product(self.sets, range(self.rounds), self.builds):
            one = self.add(f"collect_{n}", build, given, build, self.root / f"many{n}")
            print("collect", n, build, one)


def _per_line(path: Path) -> int:
    with path.open("rb") as file:
        return round(path.stat().st_size / sum(1 for _ in file))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("old", help="a checkout, or -")
    parser.add_argument("new", type=Path)
    for name in ("samples", "shots", "dir", "out"):
        parser.add_argument(f"--{name}", type=Path, required=name != "out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, choices=SIZES)
    parser.add_argument("--sets", type=int, nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--only", nargs="+", default=["reviews", "samples", "collect"])
    given = parser.parse_args()
    make(given.dir.resolve(), rows(given.samples), rows(given.shots))
    builds = {} if given.old == "-" else {"old": Path(given.old).resolve()}
    builds["new"] = given.new.resolve()
    bench = Bench(given.dir.resolve(), builds, given.rounds, given.sizes, given.sets)
    for part in given.only:
        {"reviews": bench.reviews, "samples": bench.samples, "collect": bench.collect}[part]()
    medians = {
        what: {
            build: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            for build, runs in own.items()
        }
        for what, own in bench.found.items()
    }
    for what, own in medians.items():
        if len(own) == 2:
            ratio = own["new"]["processor_s"] / own["old"]["processor_s"]
            print(f"{what}: {ratio:.2f} of the old build's processor seconds")
    if given.out:
        given.out.write_text(json.dumps({"runs": bench.found, "medians": medians}, indent=1) + "\n")


if __name__ == "__main__":
    main()
