#!/usr/bin/env bash
# datasets 4.8.5, seen 2026-11-28.
# Guess: a JSON Lines column that holds texts and a list keeps every text as it is written.
# Real: a column of mixed types becomes a Json feature, whose strings are parsed when they are
# read: "007" comes back as the number 7, "null" as None, "0" as 0. One odd row changes all others.
# Why it matters: labels and answers of an eval set are such texts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datasets==4.8.5
HF_HOME="$work/hf" HF_HUB_OFFLINE=1 "$work/venv/bin/python" - "$work" <<'PY'
import json
import pathlib
import sys

import datasets

folder = pathlib.Path(sys.argv[1])
texts = ["007", "null", "0", "plain words"]
for name, values in {"texts": texts, "mixed": [*texts, ["a", "list"]]}.items():
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps({"answer": value}) + "\n" for value in values))
    rows = datasets.load_dataset("json", data_files=str(path), split="train")["answer"]
    print(name, list(rows))
    if name == "texts":
        assert list(rows) == texts
    else:
        assert list(rows)[:4] == [7, None, 0, "plain words"], list(rows)
PY
