"""Tasks that lm-evaluation-harness ships, imported and scored here beside its own scores.

    python3 -m venv LMEVAL
    LMEVAL/bin/pip install torch==2.13.0 transformers==5.17.0 "lm_eval[hf]==0.4.13"
    python benchmarks/imported_tasks.py --lm-eval-python LMEVAL/bin/python --out FILE.json

Each task is the installed YAML file itself, included by a file that names local data in place of
its own: rows of real short texts of the Python package index in the columns that the tasks read,
with labels that may mean nothing to them. `harness import lm-eval` makes an eval set of it, which
pytest runs on a small real model; lm-evaluation-harness runs the task on the same weights, in plain
text and float32. Compared are, sample by sample, the log-probability of each choice and the answer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from harness import hardware  # noqa: E402
from harness.records import Result  # noqa: E402
from harness.report.runfiles import load_run  # noqa: E402
from harness.sources.assets import model_at_hand, resolve  # noqa: E402
from harness.spec.base import SourceSpec  # noqa: E402
from harness.spec.load import load_models  # noqa: E402

SIDE = Path(__file__).with_name("lm_eval_side.py")
MODEL, DTYPE = "smollm2-135m", "float32"
ROUNDING = 1e-3  # as in agreement.py
# File below lm_eval/tasks, and shots: the first ones of their split.
TASKS: Mapping[str, tuple[str, int]] = {
    "anli_r1": ("anli/anli_r1.yaml", 0),
    "cola": ("glue/cola/default.yaml", 0),
    "mrpc": ("glue/mrpc/default.yaml", 0),
    "qnli": ("glue/qnli/default.yaml", 0),
    "qqp": ("glue/qqp/default.yaml", 0),
    "rte": ("glue/rte/default.yaml", 0),
    "sst2": ("glue/sst2/default.yaml", 0),
    "wnli": ("glue/wnli/default.yaml", 0),
    "boolq": ("super_glue/boolq/default.yaml", 0),
    "wic": ("super_glue/wic/default.yaml", 0),
    "mmlu_anatomy": ("mmlu/default/mmlu_anatomy.yaml", 0),
    "mmlu_astronomy": ("mmlu/default/mmlu_astronomy.yaml", 3),
    "sst2_shots": ("glue/sst2/default.yaml", 2),
}
TEXTS = SourceSpec(
    source="pypi:vaderSentiment==3.3.2",
    dist="sdist",
    member="additional_resources/hutto_ICWSM_2014.tar.gz!"
    "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt",
    sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
)
TESTED = ("test", "validation", "test_r1")
SHOWN = ("train", "dev", "train_r1", "dev_r1")


def texts() -> list[tuple[str, float]]:
    """Return different short texts, none of them only white space, with their mean ratings."""
    lines = resolve(TEXTS, base=ROOT, option="").path.read_text(encoding="utf-8").splitlines()
    found: dict[str, float] = {}
    for line in lines:
        _, rating, text = line.split("\t")[:3]
        found.setdefault(" ".join(text.split()), float(rating))
    return [(text, rating) for text, rating in found.items() if 20 < len(text) < 200]


def rows(some: Sequence[tuple[str, float]]) -> list[dict[str, object]]:
    """Return rows with all columns that the tasks read; each text begins one of them."""
    found: list[dict[str, object]] = []
    for place, (text, rating) in enumerate(some):
        other = some[(place + 7) % len(some)][0]
        found.append({
            "id": str(place), "label": int(rating > 0), "sentence": text, "sentence1": text,
            "sentence2": other, "question": text, "question1": text, "question2": other,
            "premise": text, "hypothesis": other, "passage": text, "start1": 0, "end1": 5,
            "start2": 0, "end2": 5, "answer": place % 4,
            "input": text, "target": ("No", "Yes")[rating > 0],
            "choices": [some[(place + n) % len(some)][0][:40].strip() for n in range(4)],
        })  # fmt: skip
    return found


def write_project(
    root: Path, folder: Path, limit: int, tasks: Mapping[str, tuple[str, int]]
) -> None:
    """Write data, a models.yaml and a task file for each task.

    Args:
        root: The project.
        folder: Of the tasks that are installed.
        limit: How many samples a task has.
        tasks: By name, a file below `folder` and how many shots it shows.
    """
    entry = yaml.safe_load((ROOT / "evalsets/models.yaml").read_text(encoding="utf-8"))
    model = entry["models"][MODEL] | {"chat_template": "plain"}
    for name in ("evalsets", "tasks", "rows"):
        (root / name).mkdir()
    (root / "pytest.ini").write_text("", encoding="utf-8")
    (root / "evalsets/models.yaml").write_text(yaml.safe_dump({"models": {MODEL: model}}))
    every = texts()
    parts = {"test": rows(every[:limit]), "shots": rows(every[limit : limit + 20])}
    for part, found in parts.items():
        lines = "".join(json.dumps(row) + "\n" for row in found)
        (root / f"rows/{part}.jsonl").write_text(lines, encoding="utf-8")
    files = dict.fromkeys(TESTED, str(root / "rows/test.jsonl"))
    files |= dict.fromkeys(SHOWN, str(root / "rows/shots.jsonl"))
    for name, (path, shots) in tasks.items():
        task: dict[str, object] = {
            "include": str(folder / path), "task": name, "dataset_path": "json",
            "dataset_name": None, "dataset_kwargs": {"data_files": files},
        }  # fmt: skip
        if shots:
            task |= {"num_fewshot": shots, "fewshot_split": "train",
                     "fewshot_config": {"sampler": "first_n"}}  # fmt: skip
        (root / f"tasks/{name}.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")


def run(command: Sequence[str | Path], cwd: Path) -> str:
    """Run a command and return what it printed, or end with it."""
    done = subprocess.run(
        [str(one) for one in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def compare(ours: Sequence[Result], theirs: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Return how often and how far two sides differ on the same samples.

    Args:
        ours: Results of one cell, whose ids are the numbers of rows.
        theirs: Of each row, its id and the log-likelihoods of the choices.
    """
    values = {row["id"]: row["logprobs"] for row in theirs}
    if {one.sample for one in ours} != set(values):
        raise ValueError("the two sides have not answered the same samples")
    labels = list(ours[0].logprobs)
    norms = [len(label) for label in labels]
    gaps, equal, right, norm = [], 0, [0, 0], 0
    for one in ours:
        row = values[one.sample]
        gaps += [abs(one.logprobs[label] - row[at]) for at, label in enumerate(labels)]
        best = labels[max(range(len(labels)), key=row.__getitem__)]
        normed = [value / length for value, length in zip(row, norms, strict=True)]
        best_norm = labels[max(range(len(labels)), key=normed.__getitem__)]
        equal += one.answer == best
        right = [right[0] + bool(one.correct), right[1] + (best == one.target)]
        norm += best_norm == one.target
    n = len(ours)
    return {"n": n, "equal": equal, "largest_gap": max(gaps), "accuracy": right[0] / n,
            "acc": right[1] / n, "acc_norm": norm / n if len(set(norms)) == 1 else None,
            "choices": labels}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lm-eval-python", type=Path, required=True, metavar="PATH")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=100, help="samples of each task")
    args = parser.parse_args()
    lm_eval = args.lm_eval_python.absolute()
    where = "import lm_eval, pathlib; print(pathlib.Path(lm_eval.__file__).parent / 'tasks')"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        tasks = Path(run([lm_eval, "-c", where], root).strip().splitlines()[-1])
        write_project(root, tasks, args.limit, TASKS)
        for name in TASKS:
            task = f"tasks/{name}.yaml"
            run([sys.executable, "-m", "harness", "import", "lm-eval", task], root)
        options = ["--eval-dtype", DTYPE, "--eval-engine", "transformers"]
        run([sys.executable, "-m", "pytest", "-p", "harness.plugin", *options], root)
        found = load_run(root / "reports/latest")
        spec = load_models(root / "evalsets/x.yaml", root=root)[MODEL]
        model = model_at_hand(spec, base=root)
        assert model is not None, "pytest fetched it"
        cells: dict[str, dict[str, object]] = {}
        versions: dict[str, str] = {}
        for name, (_, shots) in TASKS.items():
            job = {"model": str(model.path), "device": "cpu", "dtype": DTYPE,
                   "tasks": str(root / "tasks"), "task": name, "num_fewshot": shots,
                   "passes": [[8, None]], "out": str(root / "theirs.json")}  # fmt: skip
            (root / "job.json").write_text(json.dumps(job), encoding="utf-8")
            run([lm_eval, SIDE, root / "job.json"], root)
            theirs = json.loads((root / "theirs.json").read_text(encoding="utf-8"))
            versions = theirs["versions"]
            own = [one for one in found.results if one.evalset == f"evalsets/{name}.yaml"]
            cells[name] = {"shots": shots, **compare(own, theirs["passes"][0]["rows"])}
            print(f"{name} done", flush=True)
    head = {"dtype": DTYPE, "model": MODEL, "versions": versions, "machine": hardware.describe()}
    args.out.write_text(json.dumps({**head, "tasks": cells}, indent=1) + "\n")
    print(tabulate([{"task": name, **cell} for name, cell in cells.items()], headers="keys",
                   tablefmt="github"))  # fmt: skip
    wrong = [
        name
        for name, cell in cells.items()
        if cell["equal"] != cell["n"] or float(str(cell["largest_gap"])) > ROUNDING
    ]
    if wrong:
        raise SystemExit(f"differences beyond rounding: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
