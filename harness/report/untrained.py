"""What a report says of samples and probes that adapters were trained on."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.findings import JUDGED_FIGURES, Untrained
from harness.language import Words
from harness.markdown import code, escape
from harness.records import Figure
from harness.report.format import NOTHING, count, with_interval
from harness.report.judged.numbers import scale_interval
from harness.report.names import figure_name
from harness.report.tables import table


def untrained_lines(found: Sequence[Untrained], t: Words) -> list[str]:
    """Return a line for each set: the trained cell or model whose figure falls most without."""
    lines: list[str] = []
    for evalset in dict.fromkeys(one.evalset for one in found):
        own = [one for one in found if one.evalset == evalset and one.trained]
        falls = {_fall(one): one for one in own if one.figure in one.after}
        if not falls:
            continue
        most = falls[max(falls)]
        lines.append(
            t.say(
                "tr_short",
                evalset=escape(evalset),
                name=code(most.name),
                left_out=count(most.left_out),
                total=count(most.total),
                figure=_name(most.figure, t),
                before=_shown(most.figure, most.before[most.figure]),
                after=_shown(most.figure, most.after[most.figure]),
            )
        )
    return lines


def untrained_table(found: Sequence[Untrained], t: Words) -> str:
    """Return a table with a line for each figure, with and without; empty where there are none."""
    lines = [
        {
            t["h_evalset"]: escape(one.evalset),
            t["h_cell"]: code(one.name),
            t["tr_left_out"]: f"{count(one.left_out)} / {count(one.total)}",
            t["tr_figure"]: _name(name, t),
            t["tr_before"]: _shown(name, before),
            t["tr_after"]: _shown(name, one.after[name]) if name in one.after else NOTHING,
        }
        for one in found
        for name, before in one.before.items()
    ]
    return table(lines, keep=set())


def _fall(one: Untrained) -> float:
    return one.before[one.figure].value - one.after[one.figure].value


def _name(name: str, t: Words) -> str:
    return t[f"f_{name}"] if name in JUDGED_FIGURES else figure_name(name, t)


def _shown(name: str, figure: Figure) -> str:
    return scale_interval(figure) if name == "score" else with_interval(figure)
