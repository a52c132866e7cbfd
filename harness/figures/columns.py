"""What each sample, or cluster of samples, adds to the difference of two sides in a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.figures.name_sets import Names
from harness.figures.pairs import accuracy_influence, fewest, mean_placed
from harness.figures.scores import CellScores, shared
from harness.stats import Floats
from harness.stats.auc import area_influence
from harness.stats.resampling import group_sums


@dataclass(frozen=True, slots=True)
class Column:
    """A difference, taken apart into what independent units add to it.

    Attributes:
        value: The difference, second minus first.
        units: Names of the samples or clusters, each once.
        values: What each adds, of shape [units]: under random signs of the units, their sum is as
            the difference would be if there were none. The squares add up to its variance.
        influence: By how much each moves the difference away from its truth, of shape [units];
            sums to 0.
    """

    value: float
    units: Names
    values: Floats
    influence: Floats


def column(
    first: Sequence[CellScores],
    second: Sequence[CellScores],
    figure: str,
    *,
    positive: str,
    before: str = "",
) -> Column | None:
    """Take apart the difference that `pair` returns, on the same samples.

    A sample that only one side has right adds 1 / n to a difference of accuracies, so that its
    random sign is the coin of McNemar's test; several draws of a side count by their mean. To a
    difference of AUCs each sample adds its placement's deviation from the mean one. To calibrated
    answers it adds what it moves the threshold by, too.

    Args:
        first: The draws of the first side, one at least.
        second: Likewise, of the side that is judged.
        figure: `accuracy`, `calibrated_accuracy`, `contextual_accuracy` or `auc`.
        positive: The label that the AUC ranks first.
        before: The accuracy of the first side, where it is another.

    Returns:
        None where `pair` returns none.

    Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44:837, for AUCs; Hampel (1974), J.
    Am. Stat. Assoc. 69:383, for influences.
    """
    found = shared(first, second, figure, before)
    samples, clusters = found.samples, found.clusters
    if not len(samples) or (clusters and len(set(clusters)) < 2):
        return None
    n = len(samples)
    if figure != "auc":
        step = np.mean(found.second, axis=0) - np.mean(found.first, axis=0)
        # Means of a few zeros and ones: what rounds to nothing is nothing.
        step[np.abs(step) < 1e-12] = 0.0
        value = float(step.mean())
        moved = accuracy_influence(first, second, figure, samples, positive, before=before)
        if moved is not None:
            step = step + moved
        return _by_unit(value, samples, clusters, step / n, (step - step.mean()) / n)
    mask = second[0].targets(samples) == positive
    if fewest(mask, clusters) < 2:
        return None
    old, new = (mean_placed(cells, samples, scores, mask, positive)
                for cells, scores in ((first, found.first), (second, found.second)))  # fmt: skip
    up, down = (now - was for was, now in zip(old, new, strict=True))
    influence = area_influence(up, down, mask)
    influence[np.abs(influence) < 1e-15] = 0.0
    return _by_unit(float(up.mean()), samples, clusters, influence, influence)


def _by_unit(
    value: float,
    samples: Names,
    clusters: Sequence[str] | None,
    values: Floats,
    influence: Floats,
) -> Column:
    if clusters is None:
        return Column(value, samples, values, influence)
    sums = group_sums(np.stack([values, influence], axis=1), clusters)
    units = np.array(list(dict.fromkeys(clusters)), dtype=np.object_)
    return Column(value, units, sums[:, 0], sums[:, 1])
