"""The answers of two cells to the same samples: which of them changed, and by how much."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.records import Figure, Result
from harness.stats import clopper_pearson_interval

Samples = Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class Flips:
    """Answers of two sides, A and B, that differ, right or wrong.

    Attributes:
        count: Samples with an answer on both sides whose answers differ.
        share: Their share of the samples with an answer on both sides, None where there are none.
        gap: Largest absolute difference of the log-odds, None where no sample has them twice.
        unscored: Samples without a verdict in A, and in B.
        lost: Samples that are right in A and wrong in B, `won` the other way round.
    """

    count: int
    share: Figure | None
    gap: float | None
    unscored: tuple[int, int]
    lost: int
    won: int


def flips(a: Samples, b: Samples) -> Flips:
    """Return how the answers of two sides differ on the samples that both have."""
    pairs = [(a[sample], b[sample]) for sample in a if sample in b]
    answered = [(x, y) for x, y in pairs if x.answer is not None and y.answer is not None]
    count, n = sum(x.answer != y.answer for x, y in answered), len(answered)
    return Flips(
        count=count,
        share=Figure(count / n, *clopper_pearson_interval(count, n), n) if n else None,
        gap=_gap(pairs),
        unscored=(
            sum(x.correct is None for x, _ in pairs),
            sum(y.correct is None for _, y in pairs),
        ),
        lost=sum(x.correct is True and y.correct is False for x, y in pairs),
        won=sum(x.correct is False and y.correct is True for x, y in pairs),
    )


def _gap(pairs: Sequence[tuple[Result, Result]]) -> float | None:
    gaps: list[float] = []
    for x, y in pairs:
        if x.log_odds is None or y.log_odds is None:
            continue
        # Equal infinities differ by nothing, though their difference is NaN.
        gap = 0.0 if x.log_odds == y.log_odds else abs(x.log_odds - y.log_odds)
        if math.isfinite(gap):
            gaps.append(gap)
    return max(gaps, default=None)
