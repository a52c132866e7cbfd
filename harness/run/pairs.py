"""Cells paired sample by sample: what counts for a figure, and how two sides differ in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from harness.records import Result
from harness.stats.paired import Difference, paired_accuracy, paired_auc, paired_bootstrap
from harness.stats.pooled import pooled_accuracy, pooled_auc

Cell = Mapping[str, Result]
"""Results by sample."""

_T = TypeVar("_T")


def by_sample(results: Sequence[Result]) -> dict[str, Result]:
    """Return a cell's results by sample id."""
    return {result.sample: result for result in results}


def right_answers(cell: Cell, figure: str) -> dict[str, bool]:
    """Return whether each sample is right that counts for `accuracy` or the calibrated one."""
    if figure == "accuracy":
        return {key: one.correct for key, one in cell.items() if one.correct is not None}
    return {
        key: one.calibrated == one.target for key, one in cell.items() if one.calibrated is not None
    }


def log_odds(cell: Cell) -> dict[str, float]:
    """Return the log-odds of each sample that has them."""
    return {
        key: one.log_odds
        for key, one in cell.items()
        if one.log_odds is not None and not math.isnan(one.log_odds)
    }


def in_all(tables: Sequence[Mapping[str, _T]]) -> tuple[list[str], list[list[_T]]]:
    """Return the samples that stand in every table, sorted, and each table's values for them."""
    samples = sorted(set.intersection(*(set(table) for table in tables))) if tables else []
    return samples, [[table[sample] for sample in samples] for table in tables]


def clusters_of(cell: Cell, samples: Sequence[str]) -> list[str] | None:
    """Return the cluster of each sample, None where every sample is by itself."""
    return [cell[one].cluster for one in samples] if any(cell[s].cluster for s in samples) else None


def pair(
    first: Sequence[Cell],
    second: Sequence[Cell],
    figure: str,
    *,
    positive: str,
    before: str = "",
) -> tuple[Difference, int] | None:
    """Return how two sides differ in a figure on the samples that all of their cells have it for.

    Accuracies of one cell a side by McNemar's exact test and Newcombe's interval, AUCs by DeLong's;
    of several draws of shots a side, by each sample's mean over the draws. Where samples share
    clusters, by a bootstrap of whole clusters; AUCs are not compared then.

    Args:
        first: The draws of the first side, one at least.
        second: Likewise, of the side that is judged.
        figure: `accuracy`, `calibrated_accuracy` or `auc`.
        positive: The label that the AUC ranks first.
        before: The accuracy of the first side, where it is another.

    Returns:
        The difference, second minus first, and the number of samples left out; None where no
        sample can be paired, for AUC fewer than two of a class, or the pairs are of one cluster.
    """
    cells = (*first, *second)
    asked = len({sample for cell in cells for sample in cell})
    one_each = len(first) == len(second) == 1
    if figure == "auc":
        samples, odds = in_all([log_odds(cell) for cell in cells])
        mask = [second[0][sample].target == positive for sample in samples]
        few = min(sum(mask), len(mask) - sum(mask)) < 2
        if few or clusters_of(second[0], samples):
            return None
        old, new = odds[: len(first)], odds[len(first) :]
        auc = paired_auc(old[0], new[0], mask) if one_each else pooled_auc(old, new, mask)
        return auc, asked - len(samples)
    samples, right = in_all(
        [right_answers(cell, before or figure) for cell in first]
        + [right_answers(cell, figure) for cell in second]
    )
    clusters = clusters_of(second[0], samples)
    if not samples or (clusters and len(set(clusters)) < 2):
        return None
    was, now = right[: len(first)], right[len(first) :]
    if clusters:
        found = paired_bootstrap(_means(was), _means(now), clusters=clusters)
    elif one_each:
        found = paired_accuracy(was[0], now[0])
    else:
        found = pooled_accuracy(was, now)
    return found, asked - len(samples)


def _means(draws: Sequence[Sequence[bool]]) -> list[float]:
    return [sum(one) / len(draws) for one in zip(*draws, strict=True)]
