"""The gates of a judge set, one by one: which model each decides on and what it needs; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.gates.plan import GATE_PREFIX
from harness.run.probe_cells import ProbeCell
from harness.spec.judgeset import JudgedGateSpec, JudgeSet
from harness.spec.yamlfile import YamlFile


@dataclass(frozen=True, slots=True)
class PlannedJudgedGate:
    """One gate on one model of a judge set: one pytest item.

    Attributes:
        id: Such as `gate-score-smollm2-135m-smoke`.
        needs: The probes without whose results there is nothing to judge.
    """

    id: str
    spec: JudgedGateSpec
    needs: tuple[ProbeCell, ...]

    @property
    def against(self) -> str:
        """What it compares with, empty for a threshold."""
        return self.spec.no_worse_than or ""

    @property
    def cell(self) -> ProbeCell:
        """Any of the gated model's probes."""
        return self.needs[0]


def plan_judged_gates(
    evalset: JudgeSet, cells: Sequence[ProbeCell], file: YamlFile
) -> list[PlannedJudgedGate]:
    """Return the gates of a set's models, in the order of the file.

    Raises:
        SpecError: A pattern matches no model, or only the one that others are compared with.
    """
    planned: list[PlannedJudgedGate] = []
    taken: dict[str, int] = {}
    for index, spec in enumerate(evalset.gates):
        where = ("gates", index, "models")
        found = [model for model in evalset.models if fnmatchcase(model, spec.models)]
        if not found:
            raise file.error(f"'{spec.models}' matches no model; models are "
                             f"{', '.join(evalset.models)}", where)  # fmt: skip
        if spec.figure == "win_rate":
            found = [model for model in found if model != evalset.reference]
            if not found:
                raise file.error(f"'{spec.models}' matches only {evalset.reference}, with which "
                                 "the others are compared; name another model", where)  # fmt: skip
        for model in found:
            name = f"{GATE_PREFIX}{spec.figure}-{model}"
            name += f"-vs-{spec.no_worse_than}" if spec.no_worse_than else ""
            taken[name] = taken.get(name, 0) + 1
            gate_id = name if taken[name] == 1 else f"{name}-{taken[name]}"
            sides = {model, evalset.reference} if spec.figure == "win_rate" else {model}
            needs = [cell for cell in cells if cell.model in sides]
            needs.sort(key=lambda cell: cell.model != model)
            planned.append(PlannedJudgedGate(gate_id, spec, tuple(needs)))
    return planned
