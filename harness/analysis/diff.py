"""Two runs of the same cells, sample by sample: what another engine, dtype or machine changed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.records import Figure, Result, Run
from harness.stats import clopper_pearson_interval

_Cell = tuple[str, str]
_Samples = Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class CellDiff:
    """One cell in two runs, A and B.

    Attributes:
        both: Samples that both runs have, with the same target and the same text where both
            keep it.
        changed: Samples of the same id but of another target or text; they enter nothing else.
        missing: Samples that only A has, and that only B has.
        flips: Samples with an answer on both sides whose answers differ.
        share: Their share of the samples with an answer on both sides, None where there are none.
        gap: Largest absolute difference of the log-odds, None where no sample has them twice.
        unscored: Samples of `both` without a verdict in A, and in B.
    """

    evalset: str
    cell: str
    both: int
    changed: int
    missing: tuple[int, int]
    flips: int
    share: Figure | None
    gap: float | None
    unscored: tuple[int, int]


def diff_runs(a: Run, b: Run) -> list[CellDiff]:
    """Return the differences of every cell that both runs have, in the order of run A."""
    first, second = _by_cell(a.results), _by_cell(b.results)
    return [_diff(cell, first[cell], second[cell]) for cell in first if cell in second]


def _by_cell(results: Iterable[Result]) -> dict[_Cell, dict[str, Result]]:
    cells: dict[_Cell, dict[str, Result]] = {}
    for one in results:
        cells.setdefault((one.evalset, one.cell), {})[one.sample] = one
    return cells


def _diff(cell: _Cell, a: _Samples, b: _Samples) -> CellDiff:
    shared = [(a[sample], b[sample]) for sample in a if sample in b]
    pairs = [(x, y) for x, y in shared if _same(x, y)]
    answered = [(x, y) for x, y in pairs if x.answer is not None and y.answer is not None]
    flips = sum(x.answer != y.answer for x, y in answered)
    n = len(answered)
    return CellDiff(
        evalset=cell[0],
        cell=cell[1],
        both=len(pairs),
        changed=len(shared) - len(pairs),
        missing=(len(a) - len(shared), len(b) - len(shared)),
        flips=flips,
        share=Figure(flips / n, *clopper_pearson_interval(flips, n), n) if n else None,
        gap=_gap(pairs),
        unscored=(
            sum(x.correct is None for x, _ in pairs),
            sum(y.correct is None for _, y in pairs),
        ),
    )


def _same(x: Result, y: Result) -> bool:
    # A run that was saved without texts says nothing of them.
    return x.target == y.target and (x.text == y.text or not x.text or not y.text)


def _gap(pairs: Sequence[tuple[Result, Result]]) -> float | None:
    gaps: list[float] = []
    for x, y in pairs:
        if x.log_odds is None or y.log_odds is None:
            continue
        # Equal infinities differ by nothing, though their difference is NaN.
        gap = 0.0 if x.log_odds == y.log_odds else abs(x.log_odds - y.log_odds)
        if not math.isnan(gap):
            gaps.append(gap)
    return max(gaps, default=None)
