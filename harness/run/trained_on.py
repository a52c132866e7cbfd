"""Whether an adapter was trained on what it is asked: samples, or probes and their points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from harness.records import Note, Sample
from harness.records.notes import Fact
from harness.run.cells import Cell
from harness.run.probe_cells import ProbeCell
from harness.spec.probespec import ProbeSpec
from harness.train.record import read_record
from harness.train.trained_rows import TRAINED_ROWS, Match, matches, read_trained_rows

_LEAST = 5
"""Words of an earlier turn of a dialogue from which it is looked for."""


def trained_samples(cell: Cell, samples: Sequence[Sample], root: Path) -> Iterator[Note]:
    """Yield the note on which samples the adapter of a cell was trained on, if any.

    Without what training keeps of its rows, the note says that this cannot be checked; of an
    adapter that training did not write, another note says so.
    """
    asked = {one.id: [one.text] for one in samples}
    yield from _notes("trained_samples", cell, root, asked)


def trained_probes(cells: Sequence[ProbeCell], root: Path) -> Iterator[Note]:
    """Yield the note on of which probes the adapter was trained on question or points, likewise.

    Args:
        cells: The probes of one model, one at least.
        root: The project.
    """
    asked = {one.probe.id: [*_turns(one.probe), *(point.point for point in one.probe.points)]
             for one in cells}  # fmt: skip
    yield from _notes("trained_probes", cells[0], root, asked)


def _turns(probe: ProbeSpec) -> list[str]:
    """Return what a probe says to a model, but for what is said in any dialogue."""
    *earlier, asked = probe.texts
    return [*(text for text in earlier if len(text.split()) >= _LEAST), asked]


def _notes(
    kind: Literal["trained_samples", "trained_probes"],
    cell: Cell | ProbeCell,
    root: Path,
    asked: Mapping[str, Sequence[str]],
) -> Iterator[Note]:
    if cell.spec.adapter is None:
        return
    folder, model = root / cell.spec.adapter, cell.model
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
        yield Note(kind, cell.path, facts)
