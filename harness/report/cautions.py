"""Cells whose figures are to be read with caution, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analysis.cautions import FEW_UNSCORED, LITTLE_MASS
from harness.analysis.findings import Caution
from harness.language import Words
from harness.markdown import code
from harness.records import Row
from harness.report.format import count, percent
from harness.report.names import some


def beware(model: str, cautions: Sequence[Caution], t: Words) -> list[str]:
    """Name the cells of a model that rank badly, hardly write their labels, or lack samples."""
    parts = [
        t.say(
            f"c_beware_{one.kind}",
            cells=some([_cell(row, one.kind, t) for row in one.rows], t),
            mass=f"{LITTLE_MASS:g}",
            share=percent(FEW_UNSCORED),
        )
        for one in cautions
    ]
    return [t.say("c_beware", model=model, parts="; ".join(parts))] if parts else []


def _cell(row: Row, kind: str, t: Words) -> str:
    if kind != "unscored":
        return code(row.cell)
    total = count(row.n + row.unscored)
    return t.say("c_beware_count", cell=code(row.cell), count=count(row.unscored), total=total)
