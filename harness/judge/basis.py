"""What the figures of judged models rest on: who answered what, and by what they were measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from harness.judge.cases import CaseSet
from harness.judge.one_judge import JudgedBy
from harness.records import EngineInfo, JudgedBasis, Provenance, TemplateUse
from harness.run.free_answers import Speaker
from harness.run.prepare import digest
from harness.run.probe_cells import ProbeCell
from harness.run.provenance import without_text
from harness.spec.judgeset import JudgeSet

_RUBRICS = ("rubric", "points")
"""Rubrics of figures that are compared with another run's; a pairwise one has a part in none."""


def answered_by(
    cell: ProbeCell, speaker: Speaker, engine: EngineInfo, template: TemplateUse | None
) -> Provenance:
    """Return what a model's answers rest on; `data` and `scoring` are not known yet.

    Args:
        cell: Any of the model's probes.
        speaker: How it is asked.
        engine: That answered.
        template: How its probes became text, None at an endpoint.
    """
    wording = digest(cell.evalset.answers.system)
    return Provenance(
        data="",
        wording=wording,
        prompts=wording,
        scoring="",
        model=engine.digest,
        adapter=speaker.adapter.digest if speaker.adapter else "",
        engine=f"{engine.engine} {engine.version}",
        numbers=f"{engine.dtype}, {engine.device}",
        thinking=speaker.manner,
        template=without_text(template),
    )


def bases(
    asked: CaseSet, answered: Mapping[str, Provenance], judges: Sequence[JudgedBy]
) -> tuple[JudgedBasis, ...]:
    """Return what each model's figures rest on.

    Args:
        asked: The judge set, and how it is judged.
        answered: What the answers of each model rest on.
        judges: Who judged.
    """
    evalset = asked.evalset
    scale, probes = _scale(asked, judges), _probes(evalset)
    spec, judged = evalset.answers, {model for model, _ in asked.replies}
    drawn = {
        "n": spec.n,
        "temperature": spec.temperature,
        "top_p": spec.top_p,
        "max_tokens": spec.max_tokens,
    }
    return tuple(
        JudgedBasis(
            evalset=asked.path,
            model=model,
            provenance=replace(
                one, data=digest(list(probes.items())), scoring=digest(list(scale.items()))
            ),
            sampling=json.dumps(drawn),
            scale=scale,
            probes=probes,
            judged_by={one.info.judge: _version(one.engine) for one in judges},
            passing=evalset.judge.passing if asked.rubric is not None else None,
        )
        for model, one in answered.items()
        if model in judged
    )


def _probes(evalset: JudgeSet) -> dict[str, str]:
    return {
        one.id: digest(
            [
                one.question or [list(turn.values()) for turn in one.before] + [one.asked],
                [[point.point, point.weight] for point in one.points],
            ]
        )
        for one in evalset.probes
    }


def _scale(asked: CaseSet, judges: Sequence[JudgedBy]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in judges:
        name = f"judge {one.info.judge}"
        found[f"{name}, weights"] = one.info.digest
        found[f"{name}, engine"] = f"{one.info.engine}, {one.info.dtype}"
        found |= {f"{name}, {key}": str(value) for key, value in asdict(one.manner).items()}
    for key, rubric in asked.rubrics.items():
        if key in _RUBRICS:
            found[f"judge.{key}"] = rubric.digest
    if asked.points is not None:
        found["judge.per"] = asked.evalset.judge.per
    return found


def _version(engine: EngineInfo) -> str:
    return f"{engine.engine} {engine.version}, {engine.device}"
