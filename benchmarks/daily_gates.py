"""Gates on a baseline, day after day: false alarms of a year without a change, and losses found.

A share of the samples is answered by a coin from run to run, in the baseline's runs as in those of
each day; all other answers stay. 250 runs a year are compared with one baseline.

    python benchmarks/daily_gates.py --years 1000 --out benchmarks/results/daily_gates.json
"""

from __future__ import annotations

import argparse
import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.random import Generator
from scipy.stats import beta, t
from tabulate import tabulate

from harness.stats import Bools, Floats, paired_accuracy
from harness.stats.looks import look_bound

LOOKS, WITHIN, RIGHT = 250, 5, 0.78
MARGINS = (0.0, 0.02, 0.03)
Row = dict[str, float | int]
Interval = tuple[Floats, Floats, Floats]
# Value, lower and upper end of each day's difference.


def compare(before: Bools, days: Bools, fixed: Bools, now: Bools) -> Interval:
    """Return each day's difference to the baseline, as `paired_accuracy` and `pooled_accuracy` do.

    Args:
        before: The baseline's answers of the samples that vary, [runs, varying].
        days: Those of each day, [days, varying].
        fixed: The other samples in the baseline, right or wrong, [samples].
        now: The same on all of these days.
    """
    n = before.shape[1] + fixed.size
    if len(before) == 1:
        old = before[0]
        lost = (old & ~days).sum(1) + int((fixed & ~now).sum())
        won = (~old & days).sum(1) + int((~fixed & now).sum())
        both = (old & days).sum(1) + int((fixed & now).sum())
        found = np.array([_pair(n, *map(int, one)) for one in zip(lost, won, both, strict=True)])
        return found[:, 0], found[:, 1], found[:, 2]
    step = days - before.mean(axis=0)
    rest = now.astype(float) - fixed
    mean = (step.sum(axis=1) + rest.sum()) / n
    squares = (step**2).sum(axis=1) + (rest**2).sum()
    half = t.ppf(0.975, n - 1) * np.sqrt((squares - n * mean**2) / (n - 1) / n)
    low, high = np.maximum(-1.0, mean - half), np.minimum(1.0, mean + half)
    lost = (step < -1e-12).sum(axis=1) + int((rest < 0).sum())
    won = (step > 1e-12).sum(axis=1) + int((rest > 0).sum())
    low = np.where(won == 0, np.minimum(low, -_most(-mean, n)), low)
    high = np.where((lost == 0) & (won > 0), np.maximum(high, _most(mean, n)), high)
    return mean, low, high


def _most(share: Floats, n: int) -> Floats:
    """Return the upper ends of Clopper and Pearson's intervals of shares."""
    count = np.clip(share, 0, 1) * n
    return np.asarray(beta.ppf(0.975, count + 1, np.maximum(n - count, 1)))


@cache
def _pair(n: int, lost: int, won: int, both: int) -> tuple[float, float, float]:
    first = np.arange(n) < both + lost
    second = first.copy()
    second[both : both + lost] = False
    second[both + lost : both + lost + won] = True
    found = paired_accuracy(first, second)
    return found.value, found.low, found.high


def series(
    rng: Generator, n: int, flips: float, runs: int, days: int, moved: tuple[float, float]
) -> Interval:
    """Return the comparisons of a series of days, with shares of samples lost and won for good."""
    coins = round(flips * n)
    fixed = np.arange(n - coins) < round(RIGHT * (n - coins))
    now = fixed.copy()
    right, wrong = np.flatnonzero(fixed), np.flatnonzero(~fixed)
    now[right[: round(moved[0] * n)]] = False
    now[wrong[: round(moved[1] * n)]] = True
    before = rng.random((runs, coins)) < 0.5
    return compare(before, rng.random((days, coins)) < 0.5, fixed, now)


def verdicts(found: Interval, margin: float, n: int) -> tuple[Bools, Bools, Bools, Bools]:
    """Return which days fail by a single look, by one of 250, and where inconclusive ones fail."""
    value, low, high = found
    end = value + look_bound(0.0, 1.0, looks=LOOKS, units=n) * (high - value)
    passed = low >= -margin
    return high < -margin, ~passed, ~passed & (end < 0), ~passed


def setting(n: int, flips: float, runs: int, years: int) -> list[Row]:
    """Return for each margin how many years have an alarm and how many losses are found."""
    rng = np.random.default_rng([n, runs])
    counts, found = np.zeros((len(MARGINS), 4)), np.zeros((2, len(MARGINS), 4))
    for _ in range(years):
        year = series(rng, n, flips, runs, LOOKS, (0.0, 0.0))
        counts += [[days.any() for days in verdicts(year, margin, n)] for margin in MARGINS]
        for which, moved in enumerate(((0.04, 0.0), (0.07, 0.03))):
            week = series(rng, n, flips, runs, WITHIN, moved)
            found[which] += [[days.any() for days in verdicts(week, one, n)] for one in MARGINS]
    rows: list[Row] = []
    for margin, alarms, lost, mixed in zip(MARGINS, counts / years, *found / years, strict=True):
        rows.append({
            "n": n, "flips": flips, "runs": runs, "margin": margin,
            "once_shown": alarms[0], "once_not_passed": alarms[1],
            "looks": alarms[2], "looks_inconclusive_fails": alarms[3],
            "once_found": lost[0], "found": lost[2], "found_lost_and_won": mixed[2],
        })  # fmt: skip
    return rows


def table(rows: list[Row]) -> str:
    """Return the settings as a table in Markdown."""
    names = ["n", "flips", "runs of the baseline", "margin",
             "year with a false alarm: one look, loss shown", "one look, not passed (default)",
             "250 looks", "250 looks, inconclusive fails",
             "4 points lost found in 5 days: one look, loss shown", "250 looks",
             "250 looks, 7 lost and 3 won"]  # fmt: skip
    cells = [[str(one["n"]), f"{one['flips']:.0%}", str(one["runs"]), f"{one['margin']:g}",
              *(f"{one[key]:.1%}" for key in list(one)[4:])] for one in rows]  # fmt: skip
    return tabulate(cells, headers=names, tablefmt="github", disable_numparse=True)


def main() -> None:
    """Simulate, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=500)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    rows = [
        row
        for n in (300, 2000)
        for flips in (0.01, 0.05, 0.15)
        for runs in (1, 5)
        for row in setting(n, flips, runs, given.years)
    ]
    print(f"{given.years} simulated years and weeks\n\n{table(rows)}")
    if given.out:
        given.out.write_text(json.dumps({"years": given.years, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
