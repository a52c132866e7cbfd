"""What is known of an adapter: `training.json` in its folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.jsontext import json_text, json_value
from harness.records import Json

RECORD = "training.json"


@dataclass(frozen=True, slots=True)
class Record:
    """How an adapter was made.

    Attributes:
        recipe: The text of the recipe.
        given: What stood in for the recipe's `data` or `base` on the command line.
        base: source, revision and digest of the base model.
        data: source, revision, digest and counts of the rows.
        template: The chat template that it was trained with.
        variables: What the recipe gave that template, by name.
        weights: sha256 of the weights file.
        settings: What the run computed on, and how.
        losses: Mean loss a trained token of each step, in nats.
        final_loss: Mean of the last tenth of the losses.
        probe_difference: Greatest difference to the base model's logits after a probe.
        system: System text of dialogues that had none, None where it was left to the template.
        trained_rows: sha256 of the file by which copies of the rows are found.
    """

    name: str
    backend: str
    recipe: str
    given: Mapping[str, str]
    fingerprint: str
    base: Mapping[str, str]
    data: Mapping[str, str | int]
    template: str
    variables: Mapping[str, Json]
    weights: str
    versions: Mapping[str, str]
    settings: Mapping[str, str | int | float | bool]
    losses: Sequence[float]
    final_loss: float
    expected: str | None
    as_expected: bool | None
    probe_difference: float
    continuations: Sequence[Mapping[str, str]]
    system: str | None = None
    trained_rows: str = ""


def write_record(record: Record, folder: Path) -> None:
    """Write `training.json`."""
    text = json_text(dataclasses.asdict(record), indent=1)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def read_record(folder: Path) -> dict[str, Json] | None:
    """Return an adapter's record, or None where it has none that can be read."""
    try:
        found = json_value((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
