"""Gates on the baseline of a judged model: losses that are found, and alarms where nothing changed.

A probe has some points, which each answer meets with the probe's own chance, and the baseline and
the present run draw their answers alike. A loss lowers all chances in proportion, so that the mean
share of points falls by it. The verdict is that of `no_worse_than: baseline` with `by: 0`.

    python benchmarks/judged_regressions.py --draws 1000 \
        --out benchmarks/results/judged_regressions.json
"""

from __future__ import annotations

import argparse
import json
from itertools import product
from pathlib import Path

import numpy as np
from numpy.random import Generator
from tabulate import tabulate

from harness.gates.judged_paired import judged_kind
from harness.gates.looks import look_verdict, take_look
from harness.gates.paired import contrast_verdict
from harness.judge.paired_probes import paired_means
from harness.stats import Floats, clopper_pearson_interval

PROBES, POINTS, ANSWERS, LOSSES = (10, 50, 200), (1, 3, 6), (1, 3), (0.0, 0.1)
LOOKS = 250
KIND = judged_kind("points")
Row = dict[str, float | int]


def shares(rng: Generator, chance: Floats, *, points: int, answers: int) -> dict[str, float]:
    """Return the mean share of points of each probe, whose points hang together as probes do."""
    met = rng.binomial(points * answers, chance) / (points * answers)
    return {f"p{place}": float(share) for place, share in enumerate(met)}


def verdicts(
    rng: Generator, *, probes: int, points: int, answers: int, loss: float, draws: int
) -> Row:
    """Return how often a gate fails, once and at one of 250 planned looks."""
    once = looked = 0
    names = [f"p{place}" for place in range(probes)]
    for _ in range(draws):
        # Mean 2/3; a third of the probes are nearly always met.
        chance = rng.beta(2, 1, probes)
        before, now = (
            shares(rng, own, points=points, answers=answers)
            for own in (chance, chance * (1 - loss * 1.5))
        )
        found = paired_means(before, now, "points", probes=names)
        assert found is not None
        once += contrast_verdict(found, "no_worse_than", 0.0, kind=KIND) == "fail"
        look = take_look(found, LOOKS, units=probes, kind=KIND)
        looked += look_verdict(found, 0.0, look, kind=KIND) == "fail"
    low, high = clopper_pearson_interval(once, draws)
    return {
        "probes": probes,
        "points": points,
        "answers": answers,
        "loss": loss,
        "draws": draws,
        "fails": once / draws,
        "low": low,
        "high": high,
        "fails_at_a_look": looked / draws,
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    rows = [
        verdicts(rng, probes=probes, points=points, answers=answers, loss=loss, draws=args.draws)
        for loss, probes, points, answers in product(LOSSES, PROBES, POINTS, ANSWERS)
    ]
    print(tabulate(rows, headers="keys", floatfmt=".3f"))
    if args.out:
        text = json.dumps({"seed": args.seed, "rows": rows}, indent=1) + "\n"
        args.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
