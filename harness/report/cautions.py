"""Cells whose figures are to be read with caution, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from harness.markdown import code
from harness.records import EngineInfo, Row
from harness.report.format import count, percent
from harness.report.sentences import Words
from harness.report.texts import some

# Below this label mass, almost all of the probability is on other words.
_LITTLE_MASS = 0.05
# As much as a gate lets pass unless its set says otherwise.
_FEW_UNSCORED = 0.02


def made_up(engines: Sequence[EngineInfo]) -> list[str]:
    """Return the models in whose place the engine `fake` answered, each once."""
    served = [one.model for one in engines if one.engine == "fake"]
    return list(dict.fromkeys(name for names in served for name in names.split(", ")))


def beware(model: str, rows: Sequence[Row], t: Words) -> list[str]:
    """Name the cells that rank worse than chance, hardly write their labels, or lack samples."""
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
    lacking = [row for row in rows if row.unscored > _FEW_UNSCORED * (row.n + row.unscored)]
    if lacking:
        cells = [
            t["c_beware_count"].format(
                cell=code(row.cell), count=count(row.unscored), total=count(row.n + row.unscored)
            )
            for row in lacking
        ]
        share = percent(_FEW_UNSCORED)
        parts.append(t["c_beware_unscored"].format(share=share, cells=some(cells, t)))
    return [t["c_beware"].format(model=model, parts="; ".join(parts))] if parts else []
