"""How often a planted slice is found, and how often one is called that is not there.

`benchmarks/coverage.py` prints the table.

Of 2,000 samples in 30 slices, one of a tenth loses 15 points, which the others gain together, so
that nothing is lost overall. The family is that of a report: all slices, and their column.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from harness.stats import (
    Bools,
    Floats,
    clopper_pearson_interval,
    holm,
    mcnemar_exact,
)
from harness.stats.arrays import Whole
from harness.stats.slices import ALPHA, column_test, deviation_tests

N, SLICES, LOSS = 2000, 30, 0.15
_DRAWS = 999


def slice_places() -> Whole:
    """Return the slice of each sample: 200 of them in the first."""
    return np.where(np.arange(N) < N // 10, 0, 1 + np.arange(N) % (SLICES - 1))


def rates(rate: float, places: Whole, *, planted: bool) -> Floats:
    """Return each sample's chance of being right."""
    return rate + planted * np.where(places == 0, -LOSS, LOSS / 9)


def clustered(rate: Floats, rng: Generator, size: int) -> tuple[Bools, list[int] | None]:
    """Return answers, right at these rates, and clusters of this size that share half of them."""
    if size == 1:
        return rng.random(N) < rate, None
    groups = rng.permutation(N) // size
    common = rng.random(groups.max() + 1)[groups]
    draws = np.where(rng.random(N) < 0.5, common, rng.random(N))
    return draws < rate, groups.tolist()


def one_cell(rate: float, size: int, repeats: int) -> list[str]:
    """Return how often the slice is found in one cell, and any slice where none is planted."""
    places = slice_places()
    members = places[:, None] == np.arange(SLICES)
    counts = {True: 0, False: 0}
    for planted in counts:
        for seed in range(repeats):
            rng = np.random.default_rng([seed, planted])
            right, groups = clustered(rates(rate, places, planted=planted), rng, size)
            tests = [*deviation_tests(right, members, groups, resamples=4 * _DRAWS),
                     column_test(right, places, groups, resamples=_DRAWS)]  # fmt: skip
            adjusted = holm(tests)
            counts[planted] += (adjusted[0] if planted else min(adjusted)) < ALPHA
    return [f"one cell, right at {rate:g}", str(size), *_shares(counts, repeats)]


def pairs(rate: float, moved: float, repeats: int) -> list[str]:
    """Return the same of a cell against its baseline.

    Args:
        rate: Share of the baseline that is right.
        moved: Share of the samples whose answers change either way where nothing is planted.
        repeats: Draws.
    """
    places = slice_places()
    counts = {True: 0, False: 0}
    for planted in counts:
        step = planted * np.where(places == 0, -LOSS, LOSS / 9)
        lost, won = moved / 2 - np.minimum(step, 0), moved / 2 + np.maximum(step, 0)
        for seed in range(repeats):
            rng = np.random.default_rng([seed, planted])
            first = rng.random(N) < rate
            turned = rng.random(N) < np.where(first, lost / rate, won / (1 - rate))
            second = first ^ turned
            gone, come = (np.bincount(places, one) for one in (first & ~second, second & ~first))
            ps = [mcnemar_exact(int(x), int(y)) for x, y in zip(gone, come, strict=True)]
            adjusted = holm(ps)
            counts[planted] += (adjusted[0] if planted else min(adjusted)) < ALPHA
    return [f"pairs, right at {rate:g}, {moved:.0%} move", "1", *_shares(counts, repeats)]


def worst_gates(rate: float, repeats: int) -> list[str]:
    """Return how often a gate on the worst slice fails that all slices just meet."""
    places, alarms = slice_places(), 0
    sizes = np.bincount(places)
    for seed in range(repeats):
        passed = np.random.default_rng(seed).binomial(sizes, rate)
        highs = [clopper_pearson_interval(int(k), int(n), level=1 - ALPHA / SLICES)[1]
                 for k, n in zip(passed, sizes, strict=True)]  # fmt: skip
        alarms += min(highs) < rate
    return [f"gate on the worst, right at {rate:g}", "1", "", f"{alarms / repeats:.1%}"]


def slice_rows(repeats: int) -> list[list[str]]:
    """Return the rows of the table: what is tested, size of clusters, found, false alarms."""
    return [
        *(one_cell(rate, size, repeats) for rate, size in ((0.5, 1), (0.8, 1), (0.8, 4))),
        *(pairs(rate, moved, repeats) for rate, moved in ((0.5, 0.1), (0.8, 0.1), (0.8, 0.2))),
        *(worst_gates(rate, repeats) for rate in (0.5, 0.8, 0.95)),
    ]


def _shares(counts: dict[bool, int], repeats: int) -> list[str]:
    return [f"{counts[True] / repeats:.1%}", f"{counts[False] / repeats:.1%}"]
