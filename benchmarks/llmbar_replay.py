"""Recorded verdicts of LLMBar's judges, measured by the passport's figures.

The authors publish each judge's verdict on each pair in both orders, and what they made of it. The
same verdicts, read as rulings, go through `harness.judge.passport_figures.measure`; its figures
are held against the authors' own. Download the records (princeton-nlp/LLMBar on GitHub) and run:

    python benchmarks/llmbar_replay.py LLMBar/Dataset/LLMBar --out benchmarks/results/llmbar.json

Source: Zeng et al. (2023), arXiv 2310.07641, and the repository's result.json and statistics.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from tabulate import tabulate

from harness.judge.gold import load_gold
from harness.judge.passport_figures import measure
from harness.judge.ruled_pair import RuledPair
from harness.reasons import Reason
from harness.records import Choice, Ruling

SETS = ("Natural", "Adversarial/Neighbor", "Adversarial/GPTInst", "Adversarial/GPTOut",
        "Adversarial/Manual")  # fmt: skip
# Judges with a verdict on every pair: where one is missing, the authors count it otherwise.
JUDGES = ("GPT-4/Vanilla_NoRules", "GPT-4/Vanilla", "ChatGPT/Vanilla")
# Ours, and theirs.
FIGURES = {
    "accuracy_verdicts": "correct_average",
    "accuracy_forward": "correct_False",
    "accuracy_backward": "correct_True",
    "both_orders_correct": "correct_both",
    "order_agreement": "equal",
}
# What rounding may add.
_ROUNDED = 1e-9


def ruling(record: dict[str, Any], *, swapped: bool) -> Ruling:
    """Return the ruling of a recorded verdict; `winner` names an output, not a place."""
    winner = record["winner"]
    if winner not in ("1", "2"):
        return Ruling(problem=Reason("no_reason"))
    choice: Choice = "A" if (winner == "1") is not swapped else "B"
    return Ruling(choice=choice)


def replay(folder: Path, judge: str) -> list[list[Any]]:
    """Return a row for each figure of a judge on a set: its name, ours, theirs."""
    gold = load_gold(folder / "dataset.json")
    home = folder / "evaluators" / judge
    records = json.loads((home / "result.json").read_text(encoding="utf-8"))
    theirs = json.loads((home / "statistics.json").read_text(encoding="utf-8"))
    ruled = []
    for pair, record in zip(gold.pairs, records, strict=True):
        assert (record["output_1"], record["output_2"]) == (pair.first, pair.second)
        (said,) = record["results"]
        ruled.append(
            RuledPair(
                pair,
                ruling(said["swap = False"], swapped=False),
                ruling(said["swap = True"], swapped=True),
                Ruling(problem=Reason("no_reason")),
                Ruling(problem=Reason("no_reason")),
            )
        )
    found = measure(gold, ruled, passing=7.0).figures
    return [
        [folder.name, judge, ours, found[ours].value, percent(theirs[name])]
        for ours, name in FIGURES.items()
    ] + [[folder.name, judge, kappa, found[kappa].value, None] for kappa in ("kappa", "kappa_verdicts")]  # fmt: skip  # noqa: E501


def percent(text: str) -> float:
    """Return the share that a text such as "95 / 100 = 95.0%" ends with."""
    return float(text.split()[-1].removesuffix("%")) / 100


def main() -> None:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("records", type=Path, help="the folder LLMBar/Dataset/LLMBar")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows = [row for one in SETS for judge in JUDGES for row in replay(given.records / one, judge)]
    print(tabulate(rows, headers=["set", "judge", "figure", "ours", "theirs"], floatfmt=".4f"))
    compared = [(ours, theirs) for *_, ours, theirs in rows if theirs is not None]
    apart = sum(abs(ours - theirs) > _ROUNDED for ours, theirs in compared)
    print(f"{len(compared)} figures of {len(JUDGES)} judges on {len(SETS)} sets: {apart} differ")
    if given.out:
        names = ("set", "judge", "figure", "ours", "theirs")
        found = {"differ": apart, "compared": len(compared),
                 "rows": [dict(zip(names, row, strict=True)) for row in rows]}  # fmt: skip
        given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
