"""Whether intervals hold the truth where one label is rare, and over few draws of shots.

    python benchmarks/rare_labels.py --repeats 2000

Both tables are part of benchmarks/coverage.py.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.special import ndtri
from tabulate import tabulate

from harness.stats import auc_interval, paired_auc
from harness.stats.pooled import pooled

SIZES = ((5, 100), (10, 100), (20, 100), (10, 1000), (20, 20), (150, 150))
AREAS = (0.5, 0.8, 0.9, 0.95, 0.98)


def rare_label_rows(repeats: int) -> list[list[str]]:
    """One AUC and a true loss of 0.02, normal scores, of which the sides share 60% of variance."""
    rows = []
    for few, many in SIZES:
        for area in AREAS:
            rng, mask = np.random.default_rng(few), np.arange(few + many) < few
            worse = area - 0.02
            held = above = both = 0
            for _ in range(repeats):
                shared, *own = rng.normal(size=(3, few + many))
                first, second = (
                    np.sqrt(0.6) * shared + np.sqrt(0.4) * noise + np.sqrt(2) * ndtri(skill) * mask
                    for noise, skill in zip(own, (area, worse), strict=True)
                )
                low, high = auc_interval(first, mask)
                held, above = held + (low <= area <= high), above + (low > area)
                step = paired_auc(first, second, mask)
                both += step.low <= worse - area <= step.high
            shares = [f"{share / repeats:.1%}" for share in (held, above, both)]
            rows.append([f"{few} of {few + many}", f"{area}", *shares])
    return rows


def draw_rows(repeats: int) -> list[list[str]]:
    """Means over draws of shots, 400 samples, the truth 0; all in units of one draw's own noise."""
    rows = []
    for draws in (3, 5):
        for common in (0.0, 0.7, 2.0):
            shares = []
            for spread in (0.0, 0.05, 0.1, 0.2, 0.4):
                rng, held = np.random.default_rng(draws), 0
                for _ in range(repeats):
                    table = rng.normal(size=(400, draws)) + common * rng.normal(size=(400, 1))
                    means = table.mean(axis=0)
                    found = pooled(
                        means + rng.normal(0, spread, draws), (table - means) / len(table)
                    )
                    held += found is not None and found.low <= 0 <= found.high
                shares.append(f"{held / repeats:.1%}")
            rows.append([str(draws), f"{common}", *shares])
    return rows


RARE = ["rarer label", "AUC", "AUC held", "interval above it", "difference held"]
DRAWN = [
    "draws",
    "noise that draws share",
    *(f"draws differ by {s}" for s in (0, 0.05, 0.1, 0.2, 0.4)),
]


def tables(repeats: int) -> dict[str, tuple[list[str], list[list[str]]]]:
    """Return both tables by title, each with its header."""
    return {
        f"AUCs where one label is rare, {repeats} simulated": (RARE, rare_label_rows(repeats)),
        f"Means over draws of shots, {repeats} simulated": (DRAWN, draw_rows(repeats)),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=500)
    for title, (headers, rows) in tables(parser.parse_args().repeats).items():
        print(f"\n{title}\n")
        print(tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True), flush=True)
