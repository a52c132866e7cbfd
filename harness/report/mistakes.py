"""The wrong answers that tell most about a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from textwrap import indent

from harness.markdown import code, escape
from harness.records import Result, Row
from harness.report.format import signed
from harness.report.texts import counted
from harness.report.thoughts import folded

Words = Mapping[str, str]
# How a report calls the cell of an eval set: (evalset, cell) -> markdown.
Names = Mapping[tuple[str, str], str]

_EXCERPT = 160
_WRONG = 10
_NEARLY_ALL = 0.99


def untelling(rows: Sequence[Row], results: Sequence[Result]) -> list[Row]:
    """Return the cells whose mistakes tell nothing of a sample, none where no others have any.

    Those that give nearly all samples one label, or do not rank better than chance: their
    log-odds, however great, stand for a bias.
    """
    dull = [row for row in rows if _one_label(row) or _guesses(row)]
    left = {(row.evalset, row.cell) for row in rows if row not in dull}
    wrong = (r for r in results if r.correct is False)
    return dull if any((r.evalset, r.cell) in left for r in wrong) else []


def wrong_answers(
    results: Sequence[Result], names: Names, t: Words, *, without: Sequence[Row] = ()
) -> list[dict[str, str]]:
    """Return the most confident wrong answers, each sample once.

    Args:
        results: Of the prompted models.
        names: How a report calls each cell.
        t: Phrases.
        without: Cells whose answers are counted, but not shown.
    """
    hidden = {(row.evalset, row.cell) for row in without}
    scored = Counter((r.evalset, r.sample) for r in results if r.correct is not None)
    missed = Counter((r.evalset, r.sample) for r in results if r.correct is False)
    wrong = sorted(
        (r for r in results if r.correct is False and (r.evalset, r.cell) not in hidden),
        key=lambda r: (-_confidence(r), r.evalset, r.sample, r.cell),
    )
    chosen = {(r.evalset, r.sample): r for r in reversed(wrong)}
    shown = [r for r in wrong if chosen[r.evalset, r.sample] is r][:_WRONG]
    return [
        _wrong_answer(
            r,
            name=names.get((r.evalset, r.cell)) or code(r.cell),
            cells=scored[r.evalset, r.sample],
            wrong=missed[r.evalset, r.sample],
            t=t,
        )
        for r in shown
    ]


def _wrong_answer(result: Result, *, name: str, cells: int, wrong: int, t: Words) -> dict[str, str]:
    odds = "" if result.log_odds is None else signed(result.log_odds, 2)
    completion = result.completion.strip()
    return {
        "line": t["wrong_line"].format(
            cell=name,
            sample=escape(result.sample, limit=60),
            target=t["quote"].format(text=escape(result.target, limit=60)),
            answer=t["quote"].format(text=escape(result.answer or "", limit=60)),
            odds=t["wrong_odds"].format(odds=odds) if odds else "",
            wrong=wrong,
            cells=counted(cells, "n_cells", t),
        ),
        "text": t["quote"].format(text=escape(result.text, limit=_EXCERPT)) if result.text else "",
        "thought": indent(folded(result.thought, t), "   "),
        "completion": t["wrong_completion"].format(
            text=t["quote"].format(text=escape(completion, limit=_EXCERPT))
        )
        if completion
        else "",
    }


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
