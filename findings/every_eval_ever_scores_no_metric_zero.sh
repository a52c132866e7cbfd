#!/usr/bin/env bash
# every-eval-ever 0.3.0, seen 2026-12-01. Needs Python 3.12.
# Guess: a sample of lm_eval's that has a value for none of its metrics is left out, or marked.
# Real: its record has the score 0.0 and is_correct false, as if the answer had been wrong, and names
# no result that it belongs to. The schema has no place for a sample without a verdict.
# Why it matters: whoever averages the scores counts what was never judged as failed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3.12 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check every-eval-ever==0.3.0
"$work/venv/bin/python" - "$work" <<'PY'
import json
import sys
from pathlib import Path

from every_eval_ever.converters.lm_eval.instance_level_adapter import LMEvalInstanceLevelAdapter

sample = {
    "doc_id": 0, "doc": {}, "target": "yes", "arguments": {"gen_args_0": {"arg_0": "?"}},
    "resps": [["no idea"]], "filtered_resps": ["no idea"], "filter": "none", "metrics": ["acc"],
}
path = Path(sys.argv[1]) / "samples.jsonl"
path.write_text("\n".join(json.dumps(one) for one in (sample | {"acc": 1.0}, sample)) + "\n")
scored, without = LMEvalInstanceLevelAdapter().transform_samples(path, "id", "owner/model", "task")
for name, one in (("with a metric", scored), ("without", without)):
    print(name, one.evaluation_result_id, one.evaluation.score, one.evaluation.is_correct)
assert (without.evaluation.score, without.evaluation.is_correct) == (0.0, False)
assert without.evaluation_result_id is None
PY
