"""What a cell's results rest on: two runs can be compared where data, prompts and scoring agree."""

from __future__ import annotations

import json
from dataclasses import dataclass

from harness.prompts.thinking import plan_name
from harness.records import EngineInfo
from harness.run.prepare import Prepared, digest


@dataclass(frozen=True, slots=True)
class Provenance:
    """Digests of what a cell was asked, and what answered.

    Attributes:
        data: Of all samples: ids, texts and labels, in order.
        wording: Of the prompt without samples and shots, label words included.
        prompts: Of all conversations as they were rendered, before the model's chat template.
        scoring: The method, those of its options that are not at their defaults, and the labels.
        model: Digest of the weights; `adapter` likewise, empty without one.
        engine: Name and version, `numbers` its dtype and device.
        thinking: Whether the model thought before its answers, and what these stood behind; empty
            where that was left to a template that knows no thought or does it all by itself.
    """

    data: str
    wording: str
    prompts: str
    scoring: str
    model: str
    adapter: str
    engine: str
    numbers: str
    thinking: str = ""


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
        numbers=f"{engine.dtype}, {engine.device}",
        thinking=_thinking(prepared),
    )


def _thinking(prepared: Prepared) -> str:
    questions, setting = prepared.questions, prepared.cell.mode.thinking
    if questions is None:
        return ""
    if setting is None and prepared.cell.scoring == "generate":
        return ""
    return plan_name(questions.chat.plan, filled=bool(questions.prefill))
