"""Intervals of a mean over probes, looked at again after every ten probes up to 300.

python benchmarks/anytime_intervals.py --repeats 500 --out benchmarks/results/anytime.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.random import Generator
from tabulate import tabulate

from harness.stats import Floats, clopper_pearson_interval, cluster_interval
from harness.stats.anytime import anytime_interval

Row = dict[str, float | str]
MOST, EVERY = 300, 10
SHOWN = (30, 100, 300)


def drawn(rng: Generator, kind: str, mean: float) -> Floats:
    """Return the values of 300 probes: won or lost, or parts of a point."""
    if kind == "won or lost":
        return (rng.random(MOST) < mean).astype(float)
    return rng.beta(2 * mean, 2 * (1 - mean), MOST)


def usual(values: Floats, kind: str) -> tuple[float, float]:
    """Return the interval that holds in 95% at one look."""
    if kind == "won or lost":
        return clopper_pearson_interval(int(values.sum()), values.size)
    return cluster_interval(values, range(values.size))


def setting(kind: str, mean: float, repeats: int) -> Row:
    """Return how often each interval ever leaves out the mean, and how wide it is."""
    rng, missed, widths = np.random.default_rng(0), np.zeros(2), np.zeros((2, len(SHOWN)))
    for _ in range(repeats):
        values, out = drawn(rng, kind, mean), np.zeros(2, dtype=bool)
        for n in range(EVERY, MOST + 1, EVERY):
            both = usual(values[:n], kind), anytime_interval(values[:n])
            out |= [not low <= mean <= high for low, high in both]
            if n in SHOWN:
                widths[:, SHOWN.index(n)] += [high - low for low, high in both]
        missed += out
    found: Row = {
        "values": kind,
        "mean": mean,
        "usual_missed": missed[0] / repeats,
        "anytime_missed": missed[1] / repeats,
    }
    for place, n in enumerate(SHOWN):
        found |= {f"usual_width_{n}": widths[0, place] / repeats,
                  f"anytime_width_{n}": widths[1, place] / repeats}  # fmt: skip
    return found


def main() -> None:
    """Simulate, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows = [setting(kind, mean, given.repeats)
            for kind, mean in (("won or lost", 0.5), ("won or lost", 0.7), ("won or lost", 0.95),
                               ("parts", 0.5), ("parts", 0.7))]  # fmt: skip
    widths = [f"width at {n}: {kind}" for n in SHOWN for kind in ("usual", "anytime")]
    names = ["values", "mean", "usual leaves it out at some look", "anytime does", *widths]
    cells = [[one["values"], one["mean"], f"{one['usual_missed']:.1%}",
              f"{one['anytime_missed']:.1%}", *(f"{one[key]:.2f}" for key in list(one)[4:])]
             for one in rows]  # fmt: skip
    print(tabulate(cells, headers=names, tablefmt="github", disable_numparse=True))
    if given.out:
        text = json.dumps({"repeats": given.repeats, "rows": rows}, indent=1)
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
