"""What counts for a figure in each sample of a cell, and the samples that several cells share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TypeVar

import numpy as np

from harness.figures.name_sets import Names, NameSets
from harness.records import Result
from harness.stats import Floats
from harness.stats.arrays import Bools, Whole
from harness.stats.auc import placements
from harness.stats.calibration import calibration_influence

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


class CellScores:
    """A cell's results as arrays, each made once."""

    def __init__(self, results: ResultsById, name_sets: NameSets | None = None) -> None:
        """Take the results by sample, and the name sets of the cells that it is compared with."""
        self.results = results
        self.name_sets = name_sets or NameSets()
        self._scores: dict[str, tuple[Names, Floats]] = {}
        self._areas: dict[str, tuple[Floats, Floats]] = {}
        self._moved: dict[str, Floats | None] = {}
        self._targets: Names | None = None
        self._clusters: tuple[str, ...] | None = None
        self.names = self.name_sets.of(results)

    def of(self, figure: str) -> tuple[Names, Floats]:
        """Return the samples that have a score for a figure, sorted, and their scores.

        Args:
            figure: An accuracy, whose scores are 0 and 1, or `auc`, whose scores are log-odds.
        """
        if figure not in self._scores:
            found = (
                log_odds(self.results) if figure == "auc" else right_answers(self.results, figure)
            )
            names = self.name_sets.of(found)
            scores = np.array([found[name] for name in names.tolist()], dtype=np.float64)
            self._scores[figure] = names, scores
        return self._scores[figure]

    def moved(self, samples: Names, positive: str) -> Floats | None:
        """Return by how much each sample moves the accuracy through batch calibration: [samples].

        See `calibration_influence`; None where the probabilities that it rests on were not kept.
        """
        whole = len(samples) == len(self.of("calibrated_accuracy")[0])
        if not whole or positive not in self._moved:
            rows = _probabilities(self.results, samples.tolist(), positive)
            found = None if rows is None else calibration_influence(*rows)
            if not whole:
                return found
            self._moved[positive] = found
        return self._moved[positive]

    def targets(self, samples: Names) -> Names:
        """Return the target of each sample."""
        if self._targets is None:
            own = [self.results[name].target for name in self.names.tolist()]
            self._targets = np.array(own, dtype=np.object_)
        return self._targets[self.name_sets.places(self.names, samples)]

    def clusters(self, samples: Names) -> tuple[str, ...] | None:
        """Return the cluster of each sample, None where every sample is by itself."""
        if self._clusters is None:
            self._clusters = tuple(self.results[name].cluster for name in self.names.tolist())
        if not any(self._clusters):
            return None
        places = self.name_sets.places(self.names, samples)
        own = tuple(self._clusters[at] for at in places.tolist())
        return own if any(own) else None

    def placed(
        self, samples: Names, scores: Floats, mask: Bools, positive: str
    ) -> tuple[Floats, Floats]:
        """Return the placements of the positives and of the negatives, see `placements`."""
        if len(samples) != len(self.of("auc")[0]):
            return placements(scores, mask)
        if positive not in self._areas:
            self._areas[positive] = placements(scores, mask)
        return self._areas[positive]


@dataclass(frozen=True, slots=True)
class Shared:
    """The samples that all cells of two sides have a figure of.

    Attributes:
        samples: Their names, sorted.
        first: Scores of the first side's cells, each of shape [samples].
        second: Scores of the second side's.
        clusters: The cluster of each sample; None where every sample is by itself.
        left_out: Samples that some cell has, and not all.
    """

    samples: Names
    first: tuple[Floats, ...]
    second: tuple[Floats, ...]
    clusters: tuple[str, ...] | None
    left_out: int


def shared(
    first: Sequence[CellScores], second: Sequence[CellScores], figure: str, before: str = ""
) -> Shared:
    """Return the scores of two sides on the samples that all of their cells have.

    Args:
        first: The draws of the first side, one at least.
        second: Likewise, of the second.
        figure: As of `CellScores.of`.
        before: The figure of the first side, where it is another.
    """
    sides = [cell.of(before or figure) for cell in first] + [cell.of(figure) for cell in second]
    sets = first[0].name_sets
    samples = reduce(sets.both, (names for names, _ in sides))
    scores = tuple(own if len(names) == len(samples) else own[sets.places(names, samples)]
                   for names, own in sides)  # fmt: skip
    asked = len(reduce(sets.either, (cell.names for cell in (*first, *second))))
    clusters = second[-1].clusters(samples)
    return Shared(samples, scores[: len(first)], scores[len(first) :], clusters,
                  asked - len(samples))  # fmt: skip


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
