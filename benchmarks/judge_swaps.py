"""How often a judge that was exchanged is noticed, and one that was not is taken for another.

A run asks its judge about gold pairs of its passport once more (`harness.judge.retest`). Here one
recorded judge of LLMBar has the passport, and another one answers; pairs are drawn anew each time,
and each answer changes by itself at a rate that both the passport and the run see. Download the
records (princeton-nlp/LLMBar on GitHub) and run:

    python benchmarks/judge_swaps.py LLMBar/Dataset/LLMBar --out benchmarks/results/judge_swaps.json

Source: Zeng et al. (2023), arXiv 2310.07641, for the records.
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from llmbar_replay import SETS, ruling
from tabulate import tabulate

from harness.judge.passport import AskedTwice, Retest
from harness.judge.retest import LEAST, MOST, RISK, chance

JUDGES = ("GPT-4", "ChatGPT", "ChatGPT-0301", "LLaMA2", "PaLM2", "Falcon")
"""Models that were asked in the same words."""
RATES = (0.0, 0.02, 0.05)
"""Pairs whose verdict changes by itself."""
ASKED = (10, LEAST, 40, MOST)
DRAWS = 2000


def verdicts(folder: Path, judge: str) -> list[tuple[Any, Any]] | None:
    """Return a judge's recorded verdicts on each pair in both orders, None without records."""
    path = folder / "evaluators" / judge / "Vanilla/result.json"
    if not path.is_file():
        return None
    records = json.loads(path.read_text(encoding="utf-8"))
    return [
        (ruling(said["swap = False"], swapped=False).choice,
         ruling(said["swap = True"], swapped=True).choice)
        for (said,) in (record["results"] for record in records)
    ]  # fmt: skip


def noticed(differ: np.ndarray, rate: float, k: int, rng: np.random.Generator) -> float:
    """Return how often a run of k pairs is void.

    Args:
        differ: Whether the judge that answers says another thing of each pair, [pairs].
        rate: At which verdicts change by themselves.
        k: Pairs asked about once more.
        rng: Of the draws.
    """
    void = 0
    for _ in range(DRAWS):
        drawn = rng.permutation(len(differ))[:MOST]
        moved = int((rng.random(len(drawn)) < rate).sum())
        asked = drawn[:k]
        found = differ[asked] | (rng.random(len(asked)) < rate)
        void += _void(int(found.sum()), len(asked), moved, len(drawn))
    return void / DRAWS


@cache
def _void(moved: int, n: int, then: int, twice: int) -> bool:
    known = Retest({}, tuple(AskedTwice("", str(i), "A", "B") for i in range(twice)), then)
    return chance(moved, n, known) < RISK


def main() -> None:
    """Simulate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("records", type=Path, help="the folder LLMBar/Dataset/LLMBar")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    rows: list[list[Any]] = []
    for name in SETS:
        known = {one: found for one in JUDGES if (found := verdicts(given.records / name, one))}
        for one, other in permutations(known, 2):
            differ = np.array([a != b for a, b in zip(known[one], known[other], strict=True)])
            rows += [
                [name, one, other, len(differ), float(differ.mean()), rate, k,
                 noticed(differ, rate, k, rng)]
                for rate in RATES for k in ASKED
            ]  # fmt: skip
    same = [
        ["false alarms", "", "", 100, 0.0, rate, k, noticed(np.zeros(100, bool), rate, k, rng)]
        for rate in (*RATES, 0.1, 0.2)
        for k in ASKED
    ]
    heads = ["set", "passport of", "answers", "pairs", "differ", "by itself", "asked", "void"]
    print(tabulate(rows + same, headers=heads, floatfmt=".3f"))
    found_by = [summary(k, [row[-1] for row in rows if row[-2] == k]) for k in ASKED]
    for by in found_by:
        print(f"{by['asked']} pairs: noticed in {by['mean']:.3f} of swaps, least {by['least']:.3f};"
              f" in at least 0.9 in {by['reach']:.3f} of the rows")  # fmt: skip
    if given.out:
        kept = {
            "swaps": found_by,
            "false alarms": [dict(zip(heads[5:], row[5:], strict=True)) for row in same],
            # The hardest ones.
            f"{LEAST} pairs, noticed in less than 0.9": [
                dict(zip(heads, row, strict=True))
                for row in rows if row[-2] == LEAST and row[-1] < 0.9
            ],
        }  # fmt: skip
        given.out.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def summary(k: int, shares: list[float]) -> dict[str, float]:
    """Return how often swaps are noticed by k pairs, over all rows."""
    return {
        "asked": k,
        "mean": float(np.mean(shares)),
        "least": min(shares),
        "reach": float(np.mean([share >= 0.9 for share in shares])),
    }


if __name__ == "__main__":
    main()
