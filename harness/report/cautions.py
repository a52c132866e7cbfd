"""Cells whose figures are to be read with caution, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from harness.records import Row
from harness.report.markdown import code
from harness.report.sentences import Words
from harness.report.texts import some

# Below this label mass, almost all of the probability is on other words.
_LITTLE_MASS = 0.05


def beware(model: str, rows: Sequence[Row], t: Words) -> list[str]:
    """Name the cells that rank worse than chance, or whose labels the model hardly writes."""
    worse = [row for row in rows if "auc" in row.figures and row.figures["auc"].high < 0.5]
    alien = [
        row
        for row in rows
        if "label_mass" in row.figures and row.figures["label_mass"].value < _LITTLE_MASS
    ]
    parts = [
        t[name].format(cells=some([code(row.cell) for row in cells], t), mass=f"{_LITTLE_MASS:g}")
        for name, cells in (("c_beware_worse", worse), ("c_beware_mass", alien))
        if cells
    ]
    return [t["c_beware"].format(model=model, parts="; ".join(parts))] if parts else []
