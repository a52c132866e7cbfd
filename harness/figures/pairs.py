"""Cells paired sample by sample: what counts for a figure, and how two sides differ in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from harness.records import Result
from harness.stats.over_seeds import pooled_accuracy, pooled_auc
from harness.stats.paired import Difference, paired_accuracy, paired_clusters
from harness.stats.paired_auc import paired_auc

ResultsById = Mapping[str, Result]
"""Results by sample."""

_T = TypeVar("_T")


def by_sample(results: Sequence[Result]) -> dict[str, Result]:
    """Return a cell's results by sample id."""
    return {result.sample: result for result in results}


def right_answers(cell: ResultsById, figure: str) -> dict[str, bool]:
    """Return whether each sample is right that counts for one of the accuracies."""
    if figure == "accuracy":
        return {key: one.correct for key, one in cell.items() if one.correct is not None}
    answers = {
        key: one.contextual if figure == "contextual_accuracy" else one.calibrated
        for key, one in cell.items()
    }
    return {
        key: answer == cell[key].target for key, answer in answers.items() if answer is not None
    }


def log_odds(cell: ResultsById) -> dict[str, float]:
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


def clusters_of(cell: ResultsById, samples: Sequence[str]) -> list[str] | None:
    """Return the cluster of each sample, None where every sample is by itself."""
    return [cell[one].cluster for one in samples] if any(cell[s].cluster for s in samples) else None


def pair(
    first: Sequence[ResultsById],
    second: Sequence[ResultsById],
    figure: str,
    *,
    positive: str,
    before: str = "",
) -> tuple[Difference, int] | None:
    """Return how two sides differ in a figure on the samples that all of their cells have it for.

    Accuracies of one cell a side by McNemar's exact test and Newcombe's interval, AUCs by DeLong's;
    of several draws of shots a side, by each sample's mean over the draws. Where samples share
    clusters, accuracies by their cluster-robust standard error with Student's t, AUCs by
    Obuchowski's variance.

    Args:
        first: The draws of the first side, one at least.
        second: Likewise, of the side that is judged.
        figure: `accuracy`, `calibrated_accuracy`, `contextual_accuracy` or `auc`.
        positive: The label that the AUC ranks first.
        before: The accuracy of the first side, where it is another.

    Returns:
        The difference, second minus first, and the number of samples left out; None where no
        sample can be paired, or the pairs are of one cluster; for AUC, of one sample or cluster in
        a class.
    """
    cells = (*first, *second)
    asked = len({sample for cell in cells for sample in cell})
    one_each = len(first) == len(second) == 1
    if figure == "auc":
        samples, odds = in_all([log_odds(cell) for cell in cells])
        mask = [second[0][sample].target == positive for sample in samples]
        clusters = clusters_of(second[0], samples)
        if _fewest(mask, clusters or samples) < 2:
            return None
        old, new = odds[: len(first)], odds[len(first) :]
        if one_each:
            found = paired_auc(old[0], new[0], mask, clusters=clusters)
        else:
            found = pooled_auc(old, new, mask, clusters=clusters)
        return found, asked - len(samples)
    samples, right = in_all(
        [right_answers(cell, before or figure) for cell in first]
        + [right_answers(cell, figure) for cell in second]
    )
    clusters = clusters_of(second[0], samples)
    if not samples or (clusters and len(set(clusters)) < 2):
        return None
    was, now = right[: len(first)], right[len(first) :]
    if clusters:
        found = paired_clusters(_means(was), _means(now), clusters)
    elif one_each:
        found = paired_accuracy(was[0], now[0])
    else:
        found = pooled_accuracy(was, now)
    return found, asked - len(samples)


def _fewest(mask: Sequence[bool], units: Sequence[str]) -> int:
    """Return how many samples or clusters the class has that has fewer."""
    return min(
        len({unit for unit, own in zip(units, mask, strict=True) if own is side})
        for side in (True, False)
    )


def _means(draws: Sequence[Sequence[bool]]) -> list[float]:
    return [sum(one) / len(draws) for one in zip(*draws, strict=True)]
