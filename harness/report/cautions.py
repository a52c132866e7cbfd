"""Cells whose figures are to be read with caution, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.cautions import FEW_UNSCORED, LITTLE_MASS
from harness.analysis.findings import Caution
from harness.language import Words
from harness.markdown import code, escape
from harness.records import Row
from harness.report.format import count, percent
from harness.report.names import some

# What makes a figure wrong comes before what makes it weak.
_GRAVITY = ("unscored", "worse", "system", "mass", "guesses")


def beware(cautions: Sequence[Caution], t: Words) -> list[str]:
    """Name the cells that rank badly, hardly write their labels, or lack samples.

    Args:
        cautions: Of all models and eval sets.
        t: The words of the report's language.

    Returns:
        A line for each, the gravest first.
    """
    several = len({one.evalset for one in cautions}) > 1
    return [
        t.say(
            "c_beware",
            model=f"{escape(one.model)}, {escape(one.evalset)}" if several else escape(one.model),
            part=t.say(
                f"c_beware_{one.kind}",
                cells=_cells(one, t),
                mass=f"{LITTLE_MASS:g}",
                share=percent(FEW_UNSCORED),
                others=one.above if one.kind == "worse" else one.total > len(one.rows),
            ),
        )
        for one in sorted(cautions, key=lambda one: _GRAVITY.index(one.kind))
    ]


def _cells(one: Caution, t: Words) -> str:
    named = some([_cell(row, one.kind, t) for row in one.rows], t)
    if len(one.rows) >= one.total:
        return named
    return t.say("c_beware_cells", count=len(one.rows), total=one.total, cells=named)


def _cell(row: Row, kind: str, t: Words) -> str:
    if kind != "unscored":
        return code(row.cell)
    total = count(row.n + row.unscored)
    return t.say("c_beware_count", cell=code(row.cell), count=count(row.unscored), total=total)
