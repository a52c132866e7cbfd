"""What each sample, or cluster of samples, adds to the difference of two sides in a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from harness.figures.pairs import ResultsById, clusters_of, log_odds, right_answers
from harness.records import Result
from harness.stats import Floats
from harness.stats.arrays import Bools
from harness.stats.auc import placements
from harness.stats.calibration import calibration_influence
from harness.stats.resampling import group_sums

Names = npt.NDArray[np.str_]


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
    units: tuple[str, ...]
    values: Floats
    influence: Floats


class CellScores:
    """A cell's results as arrays, each made once."""

    def __init__(self, results: ResultsById) -> None:
        """Take the results by sample."""
        self.results = results
        self._scores: dict[str, tuple[Names, Floats]] = {}
        self._areas: dict[str, Floats] = {}
        self._moved: Floats | None = None

    def of(self, figure: str) -> tuple[Names, Floats]:
        """Return the samples that have a score for a figure, sorted, and their scores.

        Args:
            figure: An accuracy, whose scores are 0 and 1, or `auc`, whose scores are log-odds.
        """
        if figure not in self._scores:
            found = (
                log_odds(self.results) if figure == "auc" else right_answers(self.results, figure)
            )
            names = np.array(sorted(found), dtype=np.str_)
            scores = np.array([found[name] for name in names.tolist()], dtype=np.float64)
            self._scores[figure] = names, scores
        return self._scores[figure]

    def moved(self, samples: Names) -> Floats:
        """Return by how much each sample moves the accuracy through batch calibration: [samples].

        All zeros where the results hold no log-probabilities, as those of two labels do not that
        are known by their log-odds alone.
        """
        names, _ = self.of("calibrated_accuracy")
        if self._moved is None:
            self._moved = _influence([self.results[name] for name in names.tolist()])
        return self._moved[np.searchsorted(names, samples)]

    def placed(self, samples: Names, scores: Floats, mask: Bools, positive: str) -> Floats:
        """Return the placement of each sample in the other class, of shape [samples]."""
        whole = len(samples) == len(self.of("auc")[0])
        if not whole or positive not in self._areas:
            placed = np.empty(len(samples))
            placed[mask], placed[~mask] = placements(scores, mask)
            if not whole:
                return placed
            self._areas[positive] = placed
        return self._areas[positive]


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
    sides = [(cell, cell.of(before or figure)) for cell in first]
    sides += [(cell, cell.of(figure)) for cell in second]
    samples = reduce(_shared, (names for _, (names, _) in sides))
    results = second[0].results
    clusters = clusters_of(results, samples.tolist()) if len(samples) else None
    if not len(samples) or (clusters and len(set(clusters)) < 2):
        return None
    scores = [own if len(names) == len(samples) else own[np.searchsorted(names, samples)]
              for _, (names, own) in sides]  # fmt: skip
    old, new = scores[: len(first)], scores[len(first) :]
    n = len(samples)
    if figure != "auc":
        step = np.mean(new, axis=0) - np.mean(old, axis=0)
        # Means of a few zeros and ones: what rounds to nothing is nothing.
        step[np.abs(step) < 1e-12] = 0.0
        value = float(step.mean())
        if figure == "calibrated_accuracy":
            step = step + np.mean([cell.moved(samples) for cell in second], axis=0)
            if not before:
                step -= np.mean([cell.moved(samples) for cell in first], axis=0)
        return _by_unit(value, samples, clusters, step / n, (step - step.mean()) / n)
    mask = np.array([results[name].target == positive for name in samples.tolist()])
    units = np.array(clusters) if clusters else samples
    if min(len(set(units[side].tolist())) for side in (mask, ~mask)) < 2:
        return None
    placed = [cell.placed(samples, own, mask, positive)
              for (cell, _), own in zip(sides, scores, strict=True)]  # fmt: skip
    step = np.mean(placed[len(first) :], axis=0) - np.mean(placed[: len(first)], axis=0)
    value = float(step[mask].mean())
    values, influence = np.empty(n), np.empty(n)
    for side in (mask, ~mask):
        own = int(side.sum())
        influence[side] = (step[side] - step[side].mean()) / own
        values[side] = influence[side] * np.sqrt(own / (own - 1))
    values[np.abs(values) < 1e-15] = 0.0
    return _by_unit(value, samples, clusters, values, influence)


def _influence(results: Sequence[Result]) -> Floats:
    labels = list(results[0].logprobs) if results else []
    if len(labels) < 2 or any(set(one.logprobs) != set(labels) for one in results):
        return np.zeros(len(results))
    table = np.array([[one.logprobs[label] for label in labels] for one in results])
    targets = [labels.index(one.target) if one.target in labels else -1 for one in results]
    return calibration_influence(table, targets)


def _shared(first: Names, second: Names) -> Names:
    return first if np.array_equal(first, second) else np.intersect1d(first, second)


def _by_unit(
    value: float,
    samples: Names,
    clusters: Sequence[str] | None,
    values: Floats,
    influence: Floats,
) -> Column:
    if clusters is None:
        return Column(value, tuple(samples.tolist()), values, influence)
    sums = group_sums(np.stack([values, influence], axis=1), clusters)
    return Column(value, tuple(dict.fromkeys(clusters)), sums[:, 0], sums[:, 1])
