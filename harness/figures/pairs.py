"""Cells paired sample by sample: what counts for a figure, and how two sides differ in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from harness.records import Result
from harness.stats.arrays import Floats, Whole
from harness.stats.calibration import calibration_influence
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
    part: bool = False,
) -> tuple[Difference, int] | None:
    """Return how two sides differ in a figure on the samples that all of their cells have it for.

    Accuracies of one cell a side by McNemar's exact test and Newcombe's interval, both with what
    the threshold of a calibrated side adds to their variance; AUCs by DeLong's covariance; of
    several draws of shots a side, by each sample's mean over the draws. Where samples share
    clusters, accuracies by their cluster-robust standard error with Student's t, AUCs by
    Obuchowski's variance.

    Args:
        first: The draws of the first side, one at least.
        second: Likewise, of the side that is judged.
        figure: `accuracy`, `calibrated_accuracy`, `contextual_accuracy` or `auc`.
        positive: The label that the AUC ranks first.
        before: The accuracy of the first side, where it is another.
        part: Whether these are some of the samples only that the calibration rests on, whose own
            influence on it then is not counted.

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
    moved = None
    if not part:
        moved = accuracy_influence(first, second, figure, samples, positive, before=before)
    if clusters:
        found = paired_clusters(_means(was), _means(now), clusters, influence=moved)
    elif one_each:
        found = paired_accuracy(was[0], now[0], influence=moved)
    else:
        found = pooled_accuracy(was, now, influence=moved)
    return found, asked - len(samples)


def accuracy_influence(
    first: Sequence[ResultsById],
    second: Sequence[ResultsById],
    figure: str,
    samples: Sequence[str],
    positive: str,
    *,
    before: str = "",
) -> Floats | None:
    """Return by how much each sample moves a difference of accuracies beside being right, [n].

    That is through the threshold of batch calibration, see `calibration_influence`; of several
    draws a side, the mean over them.

    Args:
        first: As for `pair`.
        second: Likewise.
        figure: One of the accuracies.
        samples: Those that are paired.
        positive: As for `pair`.
        before: As for `pair`.

    Returns:
        None where no side is calibrated, or the probabilities that it rests on were not kept.
    """
    total, some = np.zeros(len(samples)), False
    for side, name, sign in ((first, before or figure, -1.0), (second, figure, 1.0)):
        if name != "calibrated_accuracy":
            continue
        for cell in side:
            rows = _probabilities(cell, samples, positive)
            if rows is None:
                return None
            total += sign / len(side) * calibration_influence(*rows)
            some = True
    return total if some else None


def _probabilities(
    cell: ResultsById, samples: Sequence[str], positive: str
) -> tuple[Floats, Whole] | None:
    """Return the log-probabilities of the labels, [n, labels], and the places of the targets."""
    results = [cell[sample] for sample in samples]
    if all(one.log_odds is not None and not math.isnan(one.log_odds) for one in results):
        odds = np.array([one.log_odds for one in results], dtype=np.float64)
        targets = np.array([one.target != positive for one in results], dtype=np.intp)
        return np.column_stack([-np.logaddexp(0, -odds), -np.logaddexp(0, odds)]), targets
    labels = list(results[0].logprobs)
    if len(labels) < 2 or any(list(one.logprobs) != labels for one in results):
        return None
    rows = np.array([list(one.logprobs.values()) for one in results], dtype=np.float64)
    return rows, np.array([labels.index(one.target) for one in results], dtype=np.intp)


def _fewest(mask: Sequence[bool], units: Sequence[str]) -> int:
    """Return how many samples or clusters the class has that has fewer."""
    return min(
        len({unit for unit, own in zip(units, mask, strict=True) if own is side})
        for side in (True, False)
    )


def _means(draws: Sequence[Sequence[bool]]) -> list[float]:
    return [sum(one) / len(draws) for one in zip(*draws, strict=True)]
