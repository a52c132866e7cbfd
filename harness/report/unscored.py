"""The samples without a verdict: how many for which reason, and what was answered to some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.language import Words
from harness.markdown import code, escape
from harness.reasons import Reason
from harness.records import Result, Row
from harness.report.format import count
from harness.report.mistakes import Names
from harness.report.reasons import why

_EXAMPLES = 3
_EXCERPT = 160


@dataclass(frozen=True, slots=True)
class Unscored:
    """One reason of one cell, as inert markdown; `examples` are what was answered, if anything."""

    line: str
    examples: tuple[str, ...]


def unscored_lines(
    rows: Sequence[Row], results: Sequence[Result], names: Names, t: Words
) -> list[Unscored]:
    """Return each reason why samples of a cell have no verdict, with a few answers to them.

    Args:
        rows: The cells.
        results: Of these cells; where texts are left out, there are no answers to show.
        names: How a report calls each cell.
        t: The words of the report's language.
    """
    said: dict[tuple[str, str, Reason], dict[str, Result]] = {}
    for one in results:
        if one.reason is not None and one.completion.strip():
            # Equal answers tell nothing more.
            same = said.setdefault((one.evalset, one.cell, one.reason), {})
            same.setdefault(one.completion.strip(), one)
    return [
        Unscored(
            t.say(
                "unscored_line",
                cell=names.get((row.evalset, row.cell)) or code(row.cell),
                count=count(number),
                total=count(row.n + row.unscored),
                reason=why(reason, t),
            ),
            tuple(
                t.say(
                    "unscored_example",
                    sample=escape(one.sample, limit=60),
                    text=t.say("quote", text=escape(text, limit=_EXCERPT)),
                )
                for text, one in list(said.get((row.evalset, row.cell, reason), {}).items())[
                    :_EXAMPLES
                ]
            ),
        )
        for row in rows
        for reason, number in row.reasons.items()
    ]
