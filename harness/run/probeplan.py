"""A judge set -> its probes, each for each model, and its gates; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.run.gateplan import GATE_PREFIX
from harness.run.plan import engine_group
from harness.spec.judgeset import JudgedGateSpec, JudgeSet, ProbeSpec
from harness.spec.modelspec import ModelSpec
from harness.spec.yamlfile import YamlFile


@dataclass(frozen=True, slots=True)
class ProbeCell:
    """Judge set x model x probe: one pytest item.

    Attributes:
        path: The judge set, relative to the root, with forward slashes.
        name: The set's name.
        judges: The judge models, by name.
        alone: Whether the model's adapter needs an engine of its own, see `changes_base`.
    """

    path: str
    name: str
    evalset: JudgeSet
    model: str
    spec: ModelSpec
    probe: ProbeSpec
    judges: Mapping[str, ModelSpec]
    alone: bool = False

    @property
    def id(self) -> str:
        """Such as `smollm2-135m-logistic`."""
        return f"{self.model}-{self.probe.id}"

    @property
    def group(self) -> str:
        """What stays on one process: a set's models are judged together."""
        return self.path

    @property
    def engine_group(self) -> str:
        """What one engine start serves: everything about the model but, mostly, its adapter."""
        return engine_group(self.spec, alone=self.alone)

    @property
    def gpu(self) -> str | None:
        """The model that needs CUDA for this probe, or None."""
        needs = {self.model: self.spec, **self.judges}
        return next((name for name, spec in needs.items() if spec.gpu), None)


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
    def cell(self) -> ProbeCell:
        """Any of the gated model's probes."""
        return self.needs[0]


def probe_cells(
    path: str,
    name: str,
    evalset: JudgeSet,
    models: Mapping[str, ModelSpec],
    *,
    alone: Collection[str] = (),
) -> list[ProbeCell]:
    """Return a set's probes, model by model, in the order in which the file names things."""
    judges = {judge: models[judge] for judge in evalset.judge.models}
    return [
        ProbeCell(path, name, evalset, model, models[model], probe, judges, alone=model in alone)
        for model in evalset.models
        for probe in evalset.probes
    ]


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
            taken[name] = taken.get(name, 0) + 1
            gate_id = name if taken[name] == 1 else f"{name}-{taken[name]}"
            sides = {model, evalset.reference} if spec.figure == "win_rate" else {model}
            needs = [cell for cell in cells if cell.model in sides]
            needs.sort(key=lambda cell: cell.model != model)
            planned.append(PlannedJudgedGate(gate_id, spec, tuple(needs)))
    return planned
