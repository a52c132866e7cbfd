"""The wrong answers that tell most about a model, with their texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import indent

from harness.analysis.findings import Mistake
from harness.language import Words
from harness.markdown import code, escape
from harness.records import Result
from harness.report.format import signed
from harness.report.thoughts import folded

# How a report calls the cell of an eval set: (evalset, cell) -> markdown.
Names = Mapping[tuple[str, str], str]

_EXCERPT = 160


def wrong_answers(
    mistakes: Sequence[Mistake], results: Sequence[Result], names: Names, t: Words
) -> list[dict[str, str]]:
    """Return the most confident wrong answers with what was asked and answered.

    Args:
        mistakes: Which they are.
        results: Of all cells.
        names: How a report calls each cell.
        t: The words of the report's language.
    """
    wanted = {(one.evalset, one.cell, one.sample) for one in mistakes}
    found = {key: r for r in results if (key := (r.evalset, r.cell, r.sample)) in wanted}
    return [
        _wrong_answer(
            found[one.evalset, one.cell, one.sample],
            name=names.get((one.evalset, one.cell)) or code(one.cell),
            cells=one.scored,
            wrong=one.wrong,
            t=t,
        )
        for one in mistakes
    ]


def _wrong_answer(result: Result, *, name: str, cells: int, wrong: int, t: Words) -> dict[str, str]:
    odds = "" if result.log_odds is None else signed(result.log_odds, 2)
    completion = result.completion.strip()
    return {
        "line": t.say(
            "wrong_line",
            cell=name,
            sample=escape(result.sample, limit=60),
            target=t.say("quote", text=escape(result.target, limit=60)),
            answer=t.say("quote", text=escape(result.answer or "", limit=60)),
            odds=t.say("wrong_odds", odds=odds) if odds else "",
            wrong=wrong,
            cells=t.say("n_cells", count=cells),
        ),
        "text": t.say("quote", text=escape(result.text, limit=_EXCERPT)) if result.text else "",
        "thought": indent(folded(result.thought, t), "   "),
        "completion": t.say(
            "wrong_completion", text=t.say("quote", text=escape(completion, limit=_EXCERPT))
        )
        if completion
        else "",
    }
