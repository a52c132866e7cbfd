"""Cells whose figures are to be read with caution, and models that answered nothing themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.analysis.cell_findings import CautionKind
from harness.analysis.findings import Caution, Overused
from harness.analysis.ranking import grouped
from harness.records import EngineInfo, Row

LITTLE_MASS = 0.05
"""Below this label mass, almost all of the probability is on other words."""
FEW_UNSCORED = 0.02
"""As much as a gate lets pass unless its set says otherwise."""
# A label counts as overused when its share of the answers is this far above that of the targets.
_OVERUSE = 0.1


def made_up(engines: Sequence[EngineInfo]) -> list[str]:
    """Return the models in whose place the engine `fake` answered, each once."""
    served = [one.model for one in engines if one.engine == "fake"]
    return list(dict.fromkeys(name for names in served for name in names.split(", ")))


def cautions(rows: Sequence[Row]) -> Iterable[Caution]:
    """Yield the cells of each model whose figures are to be read with caution, by kind."""
    for own in grouped(rows, lambda row: (row.evalset, row.model)):
        ranked = [(row, row.figures["auc"]) for row in own if "auc" in row.figures]
        masses = [(row, row.figures["label_mass"]) for row in own if "label_mass" in row.figures]
        found: dict[CautionKind, list[Row]] = {
            "worse": [row for row, auc in ranked if auc.high < 0.5],
            "guesses": [row for row, auc in ranked if auc.low <= 0.5 <= auc.high],
            "mass": [row for row, mass in masses if mass.value < LITTLE_MASS],
            "unscored": [r for r in own if r.unscored > FEW_UNSCORED * (r.n + r.unscored)],
            "system": _with_own_system(own),
        }
        above = sum(auc.low > 0.5 for _, auc in ranked)
        for kind, some in found.items():
            if some:
                yield Caution(kind, own[0].evalset, own[0].model, tuple(some), len(own), above)


def _with_own_system(rows: Sequence[Row]) -> list[Row]:
    """Return the cells whose template writes a system text of its own, if others' do not."""
    asked = [row for row in rows if row.template is not None]
    found = [row for row in asked if row.template and row.template.own_system]
    return found if len(found) < len(asked) else []


def overused(rows: Sequence[Row]) -> Iterable[Overused]:
    """Yield the label of each cell that is answered far more often than it is the target."""
    for row in rows:
        excess = {label: share - row.targets.get(label, 0.0) for label, share in row.shares.items()}
        label = max(excess, key=lambda key: excess[key], default=None)
        if label is not None and excess[label] > _OVERUSE:
            yield Overused(row, label, row.shares[label], row.targets.get(label, 0.0))
