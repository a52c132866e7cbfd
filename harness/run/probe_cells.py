"""A judge set -> its probes, each for each model; pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from harness.run.cells import engine_group
from harness.spec.judgeset import JudgeSet
from harness.spec.modelspec import ModelSpec
from harness.spec.probespec import ProbeSpec


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
