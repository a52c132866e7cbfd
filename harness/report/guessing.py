"""Whether cells of several labels are right more often than a constant answer, in a line."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.findings import Guessing
from harness.language import Words
from harness.markdown import code, escape
from harness.report.format import percent
from harness.report.names import some


def guessing_lines(found: Sequence[Guessing], t: Words) -> list[str]:
    """Return a line for each eval set of three labels or more.

    Args:
        found: Of all cells of such sets.
        t: The words of the report's language.
    """
    sets = dict.fromkeys(one.row.evalset for one in found)
    several = len(sets) > 1
    lines: list[str] = []
    for evalset in sets:
        own = [one for one in found if one.row.evalset == evalset]
        below = [code(one.row.cell) for one in own if not one.above]
        commonest = max(own, key=lambda one: one.share)
        lines.append(
            t.say(
                "c_guessing",
                evalset=escape(evalset) if several else "",
                above=len(own) - len(below),
                total=len(own),
                label=t.say("quote", text=escape(commonest.label)),
                share=percent(commonest.share),
                below=some(below, t),
            )
        )
    return lines
