"""Several draws of shots or trainings: mean and spread, and how much of it is more than chance."""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Sequence

from harness.analysis.findings import Draws, OverSeeds, SeedSpread
from harness.figures import (
    COMPARED,
    FIGURES,
    INTERVALS,
    by_sample,
    clusters_of,
    in_all,
    right_answers,
)
from harness.records import Result, Row
from harness.stats import holm
from harness.stats.seed_spread import Spread, spread_over_draws

_EXACT = tuple(name for name in COMPARED if FIGURES[name].exact)


def draw_groups(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows of each mode or classifier that has several seeds, and differs in these."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        if row.seed is not None and (row.k > 0 or row.train_rows):
            shots = (row.k, row.placement, row.selector, row.order)
            key = (row.evalset, row.model, row.prompt, row.regime, shots, row.train_rows)
            groups.setdefault(key, []).append(row)
    return [group for group in groups.values() if len({row.seed for row in group}) > 1]


def over_draws(rows: Sequence[Row], results: Sequence[Result]) -> list[Draws]:
    """Return each group of draws with what its spread is.

    Tests are adjusted by Holm's method over all groups and figures.
    """
    cells: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        cells.setdefault((result.evalset, result.cell), []).append(result)
    found: list[tuple[int, str, Spread]] = []
    groups = draw_groups(rows)
    for place, group in enumerate(groups):
        own = [by_sample(cells.get((row.evalset, row.cell), [])) for row in group]
        # A classifier is trained with the labels; what calibration does to it tells nothing.
        for figure in _EXACT[1:] if group[0].train_rows else _EXACT:
            samples, right = in_all([right_answers(one, figure) for one in own])
            clusters = clusters_of(own[0], samples)
            if len(set(clusters or samples)) > 1:
                spread = spread_over_draws(right, clusters=clusters)
                found.append((place, figure, spread))
    adjusted = holm([spread.p for _, _, spread in found])
    spreads: list[list[SeedSpread]] = [[] for _ in groups]
    for (place, figure, spread), p in zip(found, adjusted, strict=True):
        spreads[place].append(SeedSpread(figure, spread, p))
    return [
        Draws(tuple(group), _figures(group), tuple(own))
        for group, own in zip(groups, spreads, strict=True)
    ]


def _figures(group: Sequence[Row]) -> dict[str, OverSeeds]:
    found: dict[str, OverSeeds] = {}
    for name in INTERVALS:
        values = [row.figures[name].value for row in group if name in row.figures]
        if len(values) == len(group):
            mean, sd = statistics.mean(values), statistics.stdev(values)
            found[name] = OverSeeds(mean, min(values), max(values), sd)
    return found
