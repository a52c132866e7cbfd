"""A project whose judge set an oracle at an endpoint judges, and that judge's passport."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from endpoints import chat
from typer.testing import CliRunner

from harness.cli import app

ROOT = Path(__file__).parents[1]
FENCED = re.compile(r"<answer-([0-9a-f]{16})>\n(.*?)\n</answer-\1>", re.DOTALL)
GATES = [
    {"models": "fine", "figure": "score", "at_least": 4},
    {"models": "fine", "figure": "win_rate", "at_least": 0.35},
]
PROBES = [
    {"id": name, "kind": "fact", "question": f"What of {name}?", "points": [f"{name} is good"]}
    for name in ("bread", "salt", "water", "honey")
]


def oracle(body):
    """Score answers that say `good` 9 and all others 2, and prefer those."""
    shown = [text for _, text in FENCED.findall(body["messages"][-1]["content"])]
    merit = ["good" in text and "shuffled" not in text for text in shown]
    # Against the points of another probe nothing is good.
    points = re.findall(r"(\w+) is good\n", body["messages"][-1]["content"])
    asked = re.search(r"What of (\w+)\?", body["messages"][-1]["content"])
    if asked and points and asked[1] not in points:
        merit = [False] * len(merit)
    if len(merit) == 1:
        return chat(json.dumps({"reason": "it says so", "score": 9 if merit[0] else 2}))
    choice = "tie" if merit[0] == merit[1] else "A" if merit[0] else "B"
    return chat(json.dumps({"reason": "it says so", "verdict": choice}))


def make_project(evals, endpoint, *, plain="who knows", fine="it is good"):
    """Make of a project one with the judge set `probes`: `plain` and `fine` answer, `wise` judges.

    The judge is behind the endpoint.
    """
    shutil.copytree(ROOT / "prompts/judge", evals.root / "prompts/judge")
    (evals.root / "evalsets/mini.yaml").unlink()
    local = {"source": "file:model", "engine": "fake", "dtype": "float32", "max_model_len": 4096}
    remote = {"base_url": endpoint.url, "api_key_env": None, "deadline_s": 60.0}
    evals.write(
        "evalsets/models.yaml",
        {
            "models": {
                "plain": {**local, "options": {"answer": plain}},
                "fine": {**local, "options": {"answer": fine}},
                "wise": {"source": "openai:wise-1", "options": remote},
            }
        },
    )
    write_set(evals)
    return evals


def write_set(evals, *, judge=None, **keys):
    evals.write(
        "evalsets/probes.yaml",
        {
            "kind": "judge",
            "models": ["plain", "fine"],
            "answers": {"n": 2, "max_tokens": 8},
            "probes": PROBES,
            "judge": {
                "models": ["wise"],
                "rubric": "judge/absolute.en.j2",
                "pairwise": "judge/pairwise.en.j2",
                **(judge or {}),
            },
            "gates": GATES,
            **keys,
        },
    )


def certify(evals, judge="wise", *options):
    """Give a judge a passport, by the command that users call."""
    lines = []
    for number in range(60):
        # Longer in half of the pairs.
        good, bad = f"it is good, {number}", f"no idea, {number}" + " at all" * (number // 2 % 2)
        first, second = (good, bad) if number % 2 else (bad, good)
        lines.append(
            json.dumps(
                {
                    "id": f"g{number}",
                    "instruction": f"Is number {number} fine?",
                    "first": first,
                    "second": second,
                    "better": "first" if number % 2 else "second",
                    "kind": "k",
                    "why": "w",
                }
            )
        )
    gold = evals.write("gold.jsonl", "\n".join(lines) + "\n")
    result = CliRunner().invoke(
        app,
        ["judge", "passport", judge, "--gold", str(gold), "--root", str(evals.root),
         "--rubric", "judge/absolute.en.j2", "--pairwise", "judge/pairwise.en.j2", *options],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
