"""Tasks of generated answers that lm-evaluation-harness ships, imported and scored on both sides.

    python benchmarks/imported_answers.py --lm-eval-python LMEVAL/bin/python --out FILE.json

As imported_tasks.py does it with choices: the installed YAML files with local rows in place of
their own. Compared are, sample by sample, what the model wrote and whether it counts as right.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from tabulate import tabulate

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from imported_tasks import DTYPE, MODEL, SIDE, run, write_project  # noqa: E402

from harness import hardware  # noqa: E402
from harness.importing.taskfile import read_task  # noqa: E402
from harness.records import Result  # noqa: E402
from harness.report.runfiles import load_run  # noqa: E402
from harness.sources.assets import model_at_hand  # noqa: E402
from harness.spec.load import load_models  # noqa: E402

MOST_TOKENS = 32
# File below lm_eval/tasks, and shots: the first ones of their split.
TASKS: Mapping[str, tuple[str, int]] = {
    "boolq_seq2seq": ("super_glue/boolq/seq2seq.yaml", 0),
    "boolq_seq2seq_shots": ("super_glue/boolq/seq2seq.yaml", 2),
    "babi": ("babi/babi.yaml", 0),
    "babi_shots": ("babi/babi.yaml", 3),
    "mmlu_anatomy_generative": ("mmlu/generative/mmlu_anatomy.yaml", 0),
    "mmlu_anatomy_generative_shots": ("mmlu/generative/mmlu_anatomy.yaml", 2),
    "bbh_navigate_shots": ("bbh/zeroshot/navigate.yaml", 2),
    "bbh_navigate_shots_extract": ("bbh/zeroshot/navigate.yaml", 2),
}
FILTERS: Mapping[str, str] = {
    "bbh_navigate_shots": "strict-match",
    "bbh_navigate_shots_extract": "flexible-extract",
}


def shorten(root: Path) -> None:
    """Let no answer be longer than MOST_TOKENS, for the sake of time; all else is as shipped."""
    for name in TASKS:
        path = root / f"tasks/{name}.yaml"
        given = read_task(path, root=root).data.get("generation_kwargs") or {}
        assert isinstance(given, dict), "it is a mapping in all tasks"
        task = yaml.safe_load(path.read_text(encoding="utf-8"))
        task["generation_kwargs"] = {**given, "max_gen_toks": MOST_TOKENS}
        path.write_text(yaml.safe_dump(task), encoding="utf-8")


def compare(ours: Sequence[Result], theirs: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Return on how many samples the two sides wrote the same and found it right alike.

    Args:
        ours: Results of one cell, whose ids are the numbers of rows.
        theirs: Of each row, its id, the answer and whether it is right.
    """
    rows = {row["id"]: row for row in theirs}
    if {one.sample for one in ours} != set(rows):
        raise ValueError("the two sides have not answered the same samples")
    pairs = [(one, rows[one.sample]) for one in ours]
    for one, row in pairs:
        if one.completion != row["answer"] or bool(one.correct) != row["right"]:
            print(f"  {one.sample}: {one.completion!r} {one.correct} {row['answer']!r} "
                  f"{row['right']}")  # fmt: skip
    return {
        "n": len(pairs),
        "equal_texts": sum(one.completion == row["answer"] for one, row in pairs),
        "equal_verdicts": sum(bool(one.correct) == row["right"] for one, row in pairs),
        "right": sum(bool(one.correct) for one, _ in pairs),
        "exact_match": sum(row["right"] for _, row in pairs),
        "unscored": sum(one.answer is None for one, _ in pairs),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lm-eval-python", type=Path, required=True, metavar="PATH")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=40, help="samples of each task")
    args = parser.parse_args()
    lm_eval = args.lm_eval_python.absolute()
    where = "import lm_eval, pathlib; print(pathlib.Path(lm_eval.__file__).parent / 'tasks')"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        tasks = Path(run([lm_eval, "-c", where], root).strip().splitlines()[-1])
        write_project(root, tasks, args.limit, TASKS)
        shorten(root)
        for name in TASKS:
            chosen = ["--filter", FILTERS[name]] if name in FILTERS else []
            run([sys.executable, "-m", "harness", "import", "lm-eval", f"tasks/{name}.yaml",
                 *chosen], root)  # fmt: skip
        options = ["--eval-dtype", DTYPE, "--eval-engine", "transformers"]
        run([sys.executable, "-m", "pytest", "-p", "harness.plugin", *options], root)
        found = load_run(root / "reports/latest")
        spec = load_models(root / "evalsets/x.yaml", root=root)[MODEL]
        model = model_at_hand(spec, base=root)
        assert model is not None, "pytest fetched it"
        cells: dict[str, dict[str, object]] = {}
        versions: dict[str, str] = {}
        for name, (_, shots) in TASKS.items():
            job = {"model": str(model.path), "device": "cpu", "dtype": DTYPE, "written": True,
                   "tasks": str(root / "tasks"), "task": name, "num_fewshot": shots,
                   "filter": FILTERS.get(name), "passes": [[8, None]],
                   "out": str(root / "theirs.json")}  # fmt: skip
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
    wrong = [name for name, cell in cells.items() if cell["equal_verdicts"] != cell["n"]]
    if wrong:
        raise SystemExit(f"not equally right: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
