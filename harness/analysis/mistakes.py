"""The wrong answers that tell most about a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.analysis.findings import Mistake
from harness.records import Result, Row

_WRONG = 10
_NEARLY_ALL = 0.99


def of_prompted(rows: Sequence[Row], results: Sequence[Result]) -> Sequence[Result]:
    """Return the results of prompted models: a classifier's certainty would crowd them out."""
    prompted = {(row.evalset, row.cell) for row in rows if not row.classifier}
    return [r for r in results if (r.evalset, r.cell) in prompted] if prompted else results


def untelling(rows: Sequence[Row], results: Sequence[Result]) -> list[Row]:
    """Return the cells whose mistakes tell nothing of a sample, none where no others have any.

    Those that give nearly all samples one label, or do not rank better than chance: their
    log-odds, however great, stand for a bias.
    """
    dull = [row for row in rows if _one_label(row) or _guesses(row)]
    left = {(row.evalset, row.cell) for row in rows if row not in dull}
    wrong = (r for r in results if r.correct is False)
    return dull if any((r.evalset, r.cell) in left for r in wrong) else []


def mistakes(results: Sequence[Result], *, without: Sequence[Row] = ()) -> list[Mistake]:
    """Return the most confident wrong answers, each sample once.

    Args:
        results: Of the prompted models.
        without: Cells whose answers are counted, but not returned.
    """
    hidden = {(row.evalset, row.cell) for row in without}
    scored = Counter((r.evalset, r.sample) for r in results if r.correct is not None)
    missed = Counter((r.evalset, r.sample) for r in results if r.correct is False)
    wrong = sorted(
        (r for r in results if r.correct is False and (r.evalset, r.cell) not in hidden),
        key=lambda r: (-_confidence(r), r.evalset, r.sample, r.cell),
    )
    chosen = {(r.evalset, r.sample): r for r in reversed(wrong)}
    return [
        Mistake(r.evalset, r.cell, r.sample, scored[r.evalset, r.sample],
                missed[r.evalset, r.sample])
        for r in [r for r in wrong if chosen[r.evalset, r.sample] is r][:_WRONG]
    ]  # fmt: skip


def _one_label(row: Row) -> bool:
    return max(row.shares.values(), default=0.0) >= _NEARLY_ALL


def _guesses(row: Row) -> bool:
    return "auc" in row.figures and row.figures["auc"].low <= 0.5


def _confidence(result: Result) -> float:
    """Return how far the wrong answer stands above the right one, in log-odds; 0 if unknown."""
    if result.log_odds is not None:
        return abs(result.log_odds)
    answer = result.logprobs.get(result.answer or "")
    target = result.logprobs.get(result.target)
    return answer - target if answer is not None and target is not None else 0.0
