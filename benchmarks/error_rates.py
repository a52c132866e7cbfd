"""How often comparisons claim what is not so, beside the methods that they took the place of.

`benchmarks/coverage.py` prints these tables, this script them alone:

    python benchmarks/error_rates.py --repeats 1000 --out benchmarks/results/error_rates.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.random import Generator
from scipy.stats import bootstrap, norm
from tabulate import tabulate

from harness.stats import (
    Bools,
    Floats,
    auc,
    auc_influence,
    auc_interval,
    batch_calibrate,
    calibration_influence,
    clopper_pearson_interval,
    mcnemar_exact,
    paired_accuracy,
    paired_auc,
    paired_clusters,
)

Rows = list[list[str]]
Table = tuple[list[str], Rows]
# By which log-odds of 1.5 N(0, 1) +- 2 are shifted for their mean probability to be one half.
_SHIFTS = {0.5: 0.0, 0.65: -0.759, 0.8: -1.3845, 0.9: -1.7175}


def losses(repeats: int) -> Rows:
    """Only losses, as great as the margin: how often a gate passes (2.5% are meant)."""
    rows = []
    for n, margin in ((30, 0.03), (50, 0.03), (100, 0.03), (30, 0.05), (300, 0.03)):
        for share in (0.5, 0.9):
            rng, new, old = np.random.default_rng(n), 0, 0
            for _ in range(repeats):
                chance = rng.random(n)
                found = paired_accuracy(chance < share, chance < share - margin)
                new += found.low >= -margin
                old += found.low >= -margin or found.lost + found.won == 0
            rows.append([str(n), f"{margin}", f"{share}", *_shares([old, new], repeats)])
    return rows


def clustered(repeats: int) -> Rows:
    """Clusters that lose 5 points on average: how often 95% intervals hold that."""
    rows = []
    for skewed in (False, True):
        for groups, size in ((3, 20), (5, 20), (10, 10), (20, 10), (50, 10)):
            rng, counts = np.random.default_rng(groups), np.zeros(4)
            names = np.repeat(np.arange(groups), size).tolist()
            for seed in range(repeats):
                own = rng.random(groups * size)
                loss = rng.beta(1, 9, groups) - 0.05 if skewed else rng.normal(0.05, 0.1, groups)
                first, second = own < 0.6, own < 0.6 - loss.repeat(size)
                found = paired_clusters(first, second, names)
                low, high = _drawn(second.astype(float) - first, groups, seed)
                counts += [low <= -0.05 <= high, low > -0.05,
                           found.low <= -0.05 <= found.high, found.low > -0.05]  # fmt: skip
            kind = "a few lose much" if skewed else "normal"
            rows.append([kind, f"{groups} x {size}", *_shares(counts, repeats)])
    return rows


def _drawn(step: Floats, groups: int, seed: int) -> tuple[float, float]:
    """Return the percentile bootstrap's interval of equal clusters' mean difference."""
    means = step.reshape(groups, -1).mean(axis=1)
    if np.ptp(means) == 0:
        return float(means[0]), float(means[0])
    found = bootstrap((means,), np.mean, method="percentile", n_resamples=999, vectorized=True,
                      rng=np.random.default_rng(seed)).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def single_areas(repeats: int) -> Rows:
    """One AUC: how often the interval holds it, and ends above it (2.5% are meant)."""
    rows = []
    for area in (0.76, 0.9, 0.95, 0.98, 0.99):
        for n in (30, 100, 300):
            rng, mask, counts = np.random.default_rng(n), np.arange(n) % 2 == 0, np.zeros(4)
            for _ in range(repeats):
                scores = rng.normal(size=n) + 2**0.5 * norm.ppf(area) * mask
                influence, value = auc_influence(scores, mask), auc(scores, mask)
                half = 1.96 * float(np.sqrt(influence @ influence)) / n
                if half == 0:
                    half = value - clopper_pearson_interval(n // 2, n // 2)[0]
                low, high = auc_interval(scores, mask)
                counts += [value - half <= area <= value + half, value - half > area,
                           low <= area <= high, low > area]  # fmt: skip
            rows.append([f"{area}", str(n), *_shares(counts, repeats)])
    return rows


def area_losses(repeats: int) -> Rows:
    """An AUC that lost just the margin of 0.02: how often a gate passes; false alarms of none."""
    rows = []
    for area in (0.9, 0.95, 0.98):
        for n, shared in ((40, 0.5), (100, 0.5), (100, 0.9), (300, 0.7)):
            rng, mask, counts = np.random.default_rng(n), np.arange(n) % 2 == 0, np.zeros(4)
            for _ in range(repeats):
                for lost, place in ((0.02, 0), (0.0, 2)):
                    first, second = _two(rng, mask, (area, area - lost), shared)
                    step = auc_influence(second, mask) - auc_influence(first, mask)
                    error = float(np.sqrt(step @ step)) / n
                    found = paired_auc(first, second, mask)
                    if lost:
                        counts[place : place + 2] += [
                            found.value - 1.96 * error >= -lost, found.low >= -lost]  # fmt: skip
                    else:
                        counts[place : place + 2] += [
                            abs(found.value) > 1.96 * error, found.p < 0.05]  # fmt: skip
            rows.append([f"{area}", str(n), f"{shared}", *_shares(counts, repeats)])
    return rows


def _two(
    rng: Generator, mask: Bools, areas: tuple[float, float], shared: float
) -> tuple[Floats, Floats]:
    """Return two sides' scores with these areas, whose noise is shared in this part."""
    common = rng.normal(size=mask.size) * shared**0.5
    one, two = (common + rng.normal(size=mask.size) * (1 - shared) ** 0.5
                + 2**0.5 * norm.ppf(area) * mask for area in areas)  # fmt: skip
    return one, two


def calibrations(repeats: int) -> Rows:
    """How often a difference is claimed where there is none (5% are meant)."""
    rows = []
    for share in _SHIFTS:
        for n in (300, 2000):
            rng, counts = np.random.default_rng(n), np.zeros(4)
            for _ in range(repeats):
                positives = rng.random(n) < share
                odds = 1.5 * rng.normal(size=n) + 2 * np.where(positives, 1, -1) + _SHIFTS[share]
                right, influence = _calibrated(odds, positives)
                raw = (odds > 0) == positives
                base, skill = rng.normal(size=n), np.where(positives, 1.2, -1.2)
                sides = [_calibrated(0.7 * base + 0.7 * rng.normal(size=n) + skill, positives)
                         for _ in range(2)]  # fmt: skip
                (one, before), (two, after) = sides
                counts += [*_claims(raw, right, influence), *_claims(one, two, after - before)]
            rows.append([f"{share:g}", str(n), *_shares(counts, repeats)])
    return rows


def _calibrated(odds: Floats, positives: Bools) -> tuple[Bools, Floats]:
    """Return whether each answer is right after calibration, and its influence on the threshold."""
    rows = np.column_stack([-np.logaddexp(0, -odds), -np.logaddexp(0, odds)])
    right = (batch_calibrate(rows).argmax(axis=1) == 0) == positives
    return right, calibration_influence(rows, (~positives).astype(np.intp))


def _claims(first: Bools, second: Bools, influence: Floats) -> tuple[bool, bool]:
    """Return whether McNemar's test claims a difference, and whether it does with the influence."""
    lost, won = int((first & ~second).sum()), int((~first & second).sum())
    new = paired_accuracy(first, second, influence=influence)
    return mcnemar_exact(lost, won) < 0.05, new.p < 0.05


def _shares(counts: Floats | list[int], repeats: int) -> list[str]:
    return [f"{count / repeats:.1%}" for count in counts]


def error_rates(repeats: int) -> dict[str, Table]:
    """Return the tables by their titles: headers and rows."""
    return {
        f"Only losses, as great as the margin: passed, {repeats} simulated": (
            ["n", "margin", "right before", "passed where none differs", "interval"],
            losses(repeats),
        ),
        f"Pairs in clusters that lose 5 points, {repeats} simulated": (
            ["clusters' losses", "clusters", "bootstrap holds", "ends above", "CR1 and t holds",
             "ends above"],
            clustered(repeats),
        ),
        f"One AUC, {repeats} simulated": (
            ["AUC", "n", "own scale holds", "ends above", "logit holds", "ends above"],
            single_areas(repeats),
        ),
        f"An AUC that lost the margin of 0.02, {repeats} simulated": (
            ["AUC", "n", "shared noise", "passed, DeLong", "passed, two logits",
             "false alarms, DeLong", "false alarms, two logits"],
            area_losses(repeats),
        ),
        f"Calibrated accuracies without a difference: claimed, {repeats} simulated": (
            ["share of a label", "n", "with raw, McNemar", "with raw, influence",
             "two cells, McNemar", "two cells, influence"],
            calibrations(repeats),
        ),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=500)
    parser.add_argument("--out", type=Path, help="write the tables there as JSON")
    options = parser.parse_args()
    tables = error_rates(options.repeats)
    for title, (headers, rows) in tables.items():
        print(f"\n**{title}**\n")
        print(tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True))
    if options.out:
        found = {title: {"columns": headers, "rows": rows}
                 for title, (headers, rows) in tables.items()}  # fmt: skip
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
