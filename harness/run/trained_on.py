"""Whether an adapter was trained on what it is asked: samples, or probes and their points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from harness.records import Note
from harness.records.notes import Fact
from harness.train.record import read_record
from harness.train.trained_rows import TRAINED_ROWS, Match, matches, read_trained_rows


def trained_on_notes(
    kind: Literal["trained_samples", "trained_probes"],
    about: str,
    model: str,
    folder: Path,
    asked: Mapping[str, Sequence[str]],
) -> Iterator[Note]:
    """Yield the note on what an adapter was trained on, or that this cannot be told.

    Args:
        kind: Of the note.
        about: Path of the eval set.
        model: The adapter's name in models.yaml.
        folder: Its folder; one that training did not write has a note of its own.
        asked: By id of a sample or a probe, its texts.
    """
    if read_record(folder) is None:
        return
    rows = read_trained_rows(folder)
    if rows is None:
        yield Note("no_trained_rows", model, {"folder": str(folder), "file": TRAINED_ROWS})
        return
    texts = [(name, text) for name, own in asked.items() for text in own]
    found: dict[str, Match] = {}
    for (name, _), match in zip(texts, matches(rows, [text for _, text in texts]), strict=True):
        # An exact copy says more than a near one.
        if match is not None and (name not in found or match.exact > found[name].exact):
            found[name] = match
    if found:
        facts: dict[str, Fact] = {
            "model": model,
            "count": len(found),
            "total": len(asked),
            "exact": sum(one.exact for one in found.values()),
            "ids": tuple(found),
            "rows": tuple(str(one.row) for one in found.values()),
        }
        yield Note(kind, about, facts)
