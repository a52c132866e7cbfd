"""What a user should know of a run that goes on all the same: as reasons, not as prose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

NoteKind = Literal[
    "repeated", "conflicting", "alike", "fewer", "near_copies", "near_gold", "malformed",
    "no_record", "no_template", "other_base", "no_trained_rows", "trained_samples",
    "trained_probes", "not_asked_again", "no_thought", "closed_thought", "thinks_anyway",
    "other_model", "uncounted", "stand_in", "float16_overflow", "float16_refused",
    "undecidable", "undefined", "unreadable", "replica_lost", "remote_code", "stopped",
    "given_missing", "given_spare", "cut",
]  # fmt: skip
"""Each has a phrase `note_<kind>` in every language of the report."""

Fact = int | str | tuple[str, ...]
"""A number, a name, or several names, of which the first few are shown."""


@dataclass(frozen=True, slots=True)
class Note:
    """A caution that reaches the terminal, the report and `run.json`.

    Attributes:
        kind: What it says; the phrase of this kind puts it into words.
        about: Path of the eval set, or name of the model, that it is about.
        facts: What the phrase fills in by name; `why` chooses among its words. They hold ids, names
            and numbers, never the texts of samples, which a report may have to leave out.
    """

    kind: NoteKind
    about: str
    facts: Mapping[str, Fact]


Tell = Callable[[Note], None]
"""Told a note when it is found; the same one may be told again."""
