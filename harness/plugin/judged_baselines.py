"""The judged models of a session and their baselines: compared, gated and written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from harness.analysis.judged_pairs import JudgedSide, check_judged_baseline
from harness.errors import HarnessError
from harness.gates.baseline_fields import baseline_path
from harness.gates.plan_judged import PlannedJudgedGate
from harness.judge.judged_baseline import write_judged_baseline
from harness.judge.runner import Probing
from harness.paths import public
from harness.plugin.baseline_places import Places
from harness.plugin.joining import together, versions
from harness.reasons import Reason
from harness.records import Gate, Judged, JudgedBasis, JudgedPair, ProbeResult
from harness.report.redacting import redact_judged
from harness.run.probe_cells import ProbeCell

_Key = tuple[str, str]


@dataclass(slots=True)
class JudgedBaselines:
    """The judged models against their baselines.

    Attributes:
        probing: What runs them.
        against: The model whose baseline all are compared with, where there is one of it; empty for
            each model's own.
    """

    probing: Probing
    against: str = ""
    _pairs: dict[_Key, JudgedPair | None] = field(default_factory=dict)

    @property
    def _root(self) -> Path:
        return self.probing.settings.root

    def judged(self) -> Judged:
        """Return what all judge sets came to, each model with its baseline where it has one."""
        sets = list(self.probing.judged.values())
        pairs = [self.pair(one.evalset, one.model) for part in sets for one in part.bases]
        found = tuple(one for one in pairs if one is not None)
        return replace(together(sets), baselines=found)

    def pair(self, evalset: str, model: str) -> JudgedPair | None:
        """Return a model against its baseline, None where it has none."""
        key = evalset, model
        if key not in self._pairs:
            judged = self.probing.judged[evalset]
            basis = next(one for one in judged.bases if one.model == model)
            own = JudgedSide(public(basis, self._root), _probes_of(judged, basis))
            there = self.against and (self._root / baseline_path(evalset, self.against)).exists()
            local = self.probing.settings.store.parent
            of = self.against if there else model
            self._pairs[key] = check_judged_baseline(self._root, own, of=of, local=local)
        return self._pairs[key]

    def judge(self, planned: PlannedJudgedGate, *, accepts: bool) -> Gate | None:
        """Return a gate's verdict, or None where this run is to write the baseline that it lacks.

        Raises:
            HarnessError: Why there is none.
        """
        pair = None
        if planned.against:
            for cell in planned.needs:
                self.probing.outcome(cell)
            pair = self.pair(planned.cell.path, planned.cell.model)
            if accepts and (pair is None or pair.refused):
                return None
        return self.probing.judge(planned, pair)

    def check(self, cell: ProbeCell) -> None:
        """Check that the model of a probe may have its baseline written.

        Raises:
            HarnessError: Its run is void, or not all of the set's probes are answered.
        """
        if why := unwritable(self.probing.judged[cell.path], cell.model):
            raise HarnessError(reason=why)

    def write(
        self, places: Places, models: Sequence[_Key], *, written: str, texts: bool
    ) -> Iterator[str]:
        """Write the baselines of models, and yield what is wrong with the place of one.

        Args:
            places: Where to.
            models: By eval set and name.
            written: The day.
            texts: Whether the words of models and judges are kept.
        """
        for judged in self.probing.judged.values():
            shown = judged if texts else redact_judged(judged)
            for basis in shown.bases:
                if (basis.evalset, basis.model) in models and not unwritable(judged, basis.model):
                    own, probes = public((basis, _probes_of(shown, basis)), self._root)
                    write = partial(write_judged_baseline, basis=own, probes=probes,
                                    versions=versions(), written=written)  # fmt: skip
                    yield from places.put(baseline_path(basis.evalset, basis.model), write)


def _probes_of(judged: Judged, basis: JudgedBasis) -> tuple[ProbeResult, ...]:
    return tuple(one for one in judged.probes if one.model == basis.model)


def unwritable(judged: Judged, model: str) -> Reason | None:
    """Return why what a model came to is no baseline, None where it is one.

    Args:
        judged: What the model's set came to.
        model: Of it.
    """
    standing = next(one for one in judged.standings if one.model == model)
    path = baseline_path(standing.evalset, model).as_posix()
    if standing.void:
        return Reason("baseline_of_void", {"path": path}, (standing.void,))
    if standing.probes < standing.of_probes:
        answered, expected = standing.probes, standing.of_probes
        return Reason("baseline_few_probes",
                      {"path": path, "answered": answered, "expected": expected})  # fmt: skip
    return None


def accepted_models(
    judged: Judged, made_up: Sequence[str], *, adds: bool, kept: Path
) -> Iterator[str]:
    """Say which baselines of judged models a run has written.

    Args:
        judged: Of the run.
        made_up: Models whose answers the engine fake made up.
        adds: Whether runs were added to the baselines of labelled sets, those of models left alone.
        kept: The run's folder, which has the baselines that could not be written.
    """
    before = {(one.evalset, one.model) for one in judged.baselines if not one.former}
    for basis in judged.bases:
        own = replace(judged, standings=tuple(one for one in judged.standings
                                              if one.evalset == basis.evalset))  # fmt: skip
        path = baseline_path(basis.evalset, basis.model)
        if adds:
            yield f"baseline left as it is: {path}: runs are added to those of labelled sets alone"
        elif not unwritable(own, basis.model) and not (kept / path).is_file():
            done = "replaced" if (basis.evalset, basis.model) in before else "written"
            fake = basis.model in made_up or bool({*basis.judged_by} & {*made_up})
            doubt = ", with answers or verdicts that the engine fake made up" if fake else ""
            yield f"baseline {done}: {path}{doubt}"
