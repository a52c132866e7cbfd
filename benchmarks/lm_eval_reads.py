"""One side of exported_runs.py, run by a Python that has lm_eval: what it makes of such files.

It prints JSON: the table of each results file, and of each task its samples' mean, as read by
`datasets` like the details that lm-evaluation-harness puts on the hub.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    from datasets import load_dataset
    from lm_eval.utils import (
        get_file_datetime,
        get_file_task_name,
        get_results_filenames,
        get_sample_results_filenames,
        make_table,
    )

    folder = Path(sys.argv[1])
    paths = [path.as_posix() for path in folder.rglob("*") if path.is_file()]
    tables: dict[str, str] = {}
    means: dict[str, dict[str, object]] = {}
    for path in map(Path, get_results_filenames(paths)):
        document = json.loads(path.read_text(encoding="utf-8"))
        tables[path.parent.name] = make_table(document)
        for name in map(Path, get_sample_results_filenames(paths)):
            if name.parent != path.parent:
                continue
            task = get_file_task_name(name.name)
            if get_file_datetime(name.name) != get_file_datetime(path.name).removesuffix(".json"):
                raise SystemExit(f"{name}: not of the time of {path.name}")
            rows = load_dataset("json", data_files=str(name), split="train")
            if {tuple(row["metrics"]) for row in rows} != {("acc",)}:
                raise SystemExit(f"{name}: another metric than acc")
            means[f"{path.parent.name}/{task}"] = {
                "samples": len(rows),
                "mean": sum(rows["acc"]) / len(rows),
                "acc": document["results"][task]["acc,none"],
                "n": document["n-samples"][task]["effective"],
            }
    print(json.dumps({"tables": tables, "samples": means}))


if __name__ == "__main__":
    main()
