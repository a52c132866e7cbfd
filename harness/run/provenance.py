"""What a cell's results rest on: two runs can be compared where data, prompts and scoring agree."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.prompts.thinking import plan_name
from harness.records import EngineInfo, Provenance, TemplateUse
from harness.registry import Name, current
from harness.run.cells import Cell
from harness.run.prepare import digest
from harness.run.prepared import Prepared


def provenance(prepared: Prepared, engine: EngineInfo) -> Provenance:
    """Return what the results of a cell rest on."""
    evalset = prepared.cell.evalset
    # Options at their defaults are left out, so that a new one makes no baseline another's.
    scoring = {"method": evalset.scoring.method,
               **evalset.scoring.model_dump(exclude_defaults=True),
               "labels": list(evalset.labels)}  # fmt: skip
    asked = next((requests[0] for requests in prepared.requests if requests), None)
    return Provenance(
        data=digest([[s.id, s.text, s.label] for s in prepared.samples]),
        wording=prepared.wording,
        prompts=prepared.conversations,
        scoring=json.dumps(scoring),
        model=engine.digest,
        adapter=asked.adapter.digest if asked and asked.adapter else "",
        engine=f"{engine.engine} {engine.version}",
        numbers=", ".join(filter(None, (engine.dtype, engine.device))),
        thinking=way_of_thinking(prepared),
        template=without_text(prepared.template),
        extensions=_extensions(prepared.cell),
    )


def _extensions(cell: Cell) -> dict[str, str]:
    names: list[Name] = [("scorer", cell.scoring), ("selector", cell.mode.selector or "")]
    names += [("figure", name) for name in cell.evalset.further]
    found = current().extensions(names)
    return {f"{one.kind} {one.name}": one.shown for one in found}


def extension_changes(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Return what differs in the code of extensions that both sides have, each in words.

    Args:
        before: Of one side, source and digest by kind and name.
        now: Of the other side.
    """
    both = [name for name in before if name in now]
    return told_changes([(name, before[name], now[name]) for name in both])


def template_changes(before: TemplateUse | None, now: TemplateUse | None) -> tuple[str, ...]:
    """Return what differs in how conversations became text, each in words.

    Args:
        before: Of one side, None where it is not known, or of a classifier.
        now: Of the other side.
    """
    if before is None or now is None:
        return () if before is now else (
            f"chat template, its variables and system text {_known(before)} "
            f"\N{RIGHTWARDS ARROW} {_known(now)}",)  # fmt: skip
    pairs = (
        ("chat template", before.digest or "plain text", now.digest or "plain text"),
        ("template's day", before.day, now.day),
        ("template's variables", before.variables, now.variables),
        ("place of the system text", before.system, now.system),
        ("template's own system text", before.own_system, now.own_system),
    )
    return told_changes(pairs)


def told_changes(pairs: Sequence[tuple[str, str, str]]) -> tuple[str, ...]:
    """Return in words what differs of things by name, each as it was and as it is."""
    return tuple(
        f"{name} {old or 'none'} \N{RIGHTWARDS ARROW} {new or 'none'}"
        for name, old, new in pairs
        if old != new
    )


def _known(use: TemplateUse | None) -> str:
    return "not known" if use is None else use.digest or "plain text"


def without_text(use: TemplateUse | None) -> TemplateUse | None:
    """Return the same with a digest in place of the template's own words."""
    if use is None or not use.own_system:
        return use
    return replace(use, own_system=digest(use.own_system))


def way_of_thinking(prepared: Prepared) -> str:
    """Return how a cell's model thinks before it answers, in words; empty for by itself."""
    if prepared.known is not None:
        return prepared.known.thinking
    questions, setting = prepared.questions, prepared.cell.mode.thinking
    if questions is None:
        return ""
    if setting is None and prepared.cell.asks == "generate":
        return ""
    return plan_name(questions.chat.plan, filled=bool(questions.prefill))
