"""What a cell's results rest on, as digests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.records.templates import TemplateUse


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
        template: How the conversations became text; None for a classifier, and in baselines of
            before it was kept.
        extensions: What was registered and took part, but for the engine, by kind and name: source
            and digest.
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
    template: TemplateUse | None = None
    extensions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CellProvenance:
    """A cell of a run and what its results rest on."""

    evalset: str
    cell: str
    provenance: Provenance
