"""Cells paired sample by sample: how two sides differ in a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.figures.name_sets import Names, NameSets
from harness.figures.scores import CellScores, ResultsById, shared
from harness.stats import Floats
from harness.stats.arrays import Bools
from harness.stats.auc import mean_placements
from harness.stats.over_seeds import pooled_accuracy
from harness.stats.paired import Difference, paired_accuracy, paired_clusters
from harness.stats.paired_auc import area_difference


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
    names = NameSets()
    return pair_scores(
        [CellScores(cell, names) for cell in first],
        [CellScores(cell, names) for cell in second],
        figure,
        positive=positive,
        before=before,
        part=part,
    )


def pair_scores(
    first: Sequence[CellScores],
    second: Sequence[CellScores],
    figure: str,
    *,
    positive: str,
    before: str = "",
    part: bool = False,
) -> tuple[Difference, int] | None:
    """Return what `pair` does, of cells whose scores are known already."""
    found = shared(first, second, figure, before)
    clusters, samples = found.clusters, found.samples
    if not len(samples) or (clusters and len(set(clusters)) < 2):
        return None
    one_each = len(first) == len(second) == 1
    if figure == "auc":
        mask = second[0].targets(samples) == positive
        if fewest(mask, clusters) < 2:
            return None
        old, new = (
            mean_placed(cells, samples, scores, mask, positive)
            for cells, scores in ((first, found.first), (second, found.second))
        )
        return area_difference(old, new, mask, clusters), found.left_out
    was, now = found.first, found.second
    moved = None
    if not part:
        moved = accuracy_influence(first, second, figure, samples, positive, before=before)
    if clusters:
        means = np.mean(was, axis=0), np.mean(now, axis=0)
        difference = paired_clusters(*means, clusters, influence=moved)
    elif one_each:
        difference = paired_accuracy(was[0] == 1, now[0] == 1, influence=moved)
    else:
        difference = pooled_accuracy(np.array(was) == 1, np.array(now) == 1, influence=moved)
    return difference, found.left_out


def accuracy_influence(
    first: Sequence[CellScores],
    second: Sequence[CellScores],
    figure: str,
    samples: Names,
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
            moved = cell.moved(samples, positive)
            if moved is None:
                return None
            total += sign / len(side) * moved
            some = True
    return total if some else None


def mean_placed(
    cells: Sequence[CellScores],
    samples: Names,
    scores: Sequence[Floats],
    mask: Bools,
    positive: str,
) -> tuple[Floats, Floats]:
    """Return the mean placements over a side's cells, of its positives and of its negatives."""
    return mean_placements(
        [cell.placed(samples, own, mask, positive) for cell, own in zip(cells, scores, strict=True)]
    )


def fewest(mask: Bools, clusters: Sequence[str] | None) -> int:
    """Return how many samples or clusters the class has that has fewer."""
    if clusters is None:
        return int(min(mask.sum(), (~mask).sum()))
    return min(
        len({one for one, own in zip(clusters, mask.tolist(), strict=True) if own is side})
        for side in (True, False)
    )
