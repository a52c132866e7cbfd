"""What the figures of a cell are computed from: its samples as arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.records import Result
from harness.stats.arrays import Bools, Floats, Whole
from harness.stats.probabilities import normalized


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """The samples of a cell that a figure may count.

    Attributes:
        labels: The set's labels.
        targets: Place of each sample's target among the labels, [n].
        answers: Place of each answer, -1 where there is none, [n].
        logprobs: Log-probabilities of the labels, [n, labels]; nan where there are none.
        clusters: The cluster of each sample, None where every sample is by itself.
    """

    labels: tuple[str, ...]
    targets: Whole
    answers: Whole
    logprobs: Floats
    clusters: tuple[str, ...] | None = None

    @classmethod
    def of(cls, results: Sequence[Result], labels: Sequence[str]) -> Sheet:
        """Return the samples of a cell, or of its baseline, in their order.

        Of two labels the log-odds are enough: all that is computed from probabilities is computed
        from those among the labels.
        """
        places = {label: place for place, label in enumerate(labels)}
        clusters = tuple(one.cluster for one in results)
        rows = np.full((len(results), len(labels)), np.nan)
        for row, one in zip(rows, results, strict=True):
            if len(one.logprobs) == len(labels):
                row[:] = [one.logprobs[label] for label in labels]
            elif one.log_odds is not None and not math.isnan(one.log_odds):
                row[:] = [one.log_odds, 0.0]
        return cls(
            labels=tuple(labels),
            targets=np.array([places[one.target] for one in results], dtype=np.intp),
            answers=np.array(
                [places[one.answer] if one.correct is not None and one.answer in places else -1
                 for one in results], dtype=np.intp),
            logprobs=rows,
            clusters=clusters if any(clusters) else None,
        )  # fmt: skip

    def only(self, mask: Bools) -> Sheet:
        """Return the samples of a mask, [n]."""
        kept = np.flatnonzero(mask)
        clusters = None if self.clusters is None else tuple(self.clusters[i] for i in kept)
        return Sheet(
            self.labels, self.targets[kept], self.answers[kept], self.logprobs[kept], clusters
        )

    @property
    def answered(self) -> Bools:
        """Which samples have an answer, [n]."""
        return np.asarray(self.answers >= 0, dtype=np.bool_)

    @property
    def rated(self) -> Bools:
        """Which samples have log-probabilities, [n]."""
        finite: Bools = np.isfinite(self.logprobs)
        return np.asarray(finite.all(axis=1), dtype=np.bool_)

    @property
    def confidence(self) -> tuple[Floats, Bools]:
        """Probability of the most probable label, and whether it is right, [n] each."""
        probabilities = np.exp(normalized(self.logprobs))
        top = probabilities.max(axis=1)
        return top, probabilities.argmax(axis=1) == self.targets

    def place(self, label: str) -> int:
        """Return a label's place among the labels."""
        return self.labels.index(label)
