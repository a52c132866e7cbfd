"""Rows that stand in an eval set itself -> labelled samples, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.characters import one_form
from harness.errors import SpecError
from harness.records import Sample
from harness.sources.labels import LabelMap, Rule
from harness.sources.rows import Table
from harness.sources.slicing import slice_values
from harness.sources.values import named
from harness.spec.dataspec import InlineRow
from harness.spec.slicespec import SliceSpec

SHOTS_PREFIX = "shots-"
"""Before the numbers of shots, so that their ids never meet those of samples."""


def inline_problems(
    rows: Sequence[InlineRow], labels: Mapping[str, Rule], *, prefix: str
) -> Iterator[tuple[int, str, str]]:
    """Yield the mistakes of rows: the row, from 0, the key of it, and what is wrong with a fix."""
    found = LabelMap(labels)
    seen: dict[str, int] = {}
    for index, row in enumerate(rows):
        try:
            if _label(row, labels, found) is None:
                yield index, "label", f"has label '{row.label}'; use one of {', '.join(labels)}"
        except SpecError as error:
            yield index, "label", error.problem
        key = _id(row, index, prefix)
        if (first := seen.setdefault(key, index)) != index:
            yield index, "id", (f"has the id '{key}', as row {first + 1} has; give one of them "
                                "another id (a row without one has its number)")  # fmt: skip


def inline_samples(
    rows: Sequence[InlineRow],
    labels: Mapping[str, Rule],
    *,
    prefix: str,
    slices: Sequence[SliceSpec] = (),
) -> list[Sample]:
    """Return the samples of rows; one without an id gets its number, from 1, behind the prefix.

    Raises:
        SpecError: The first mistake; collecting the set has found it with file and line.
    """
    for index, _, problem in inline_problems(rows, labels, prefix=prefix):
        raise SpecError(f"inline row {index + 1} {problem}")
    found = LabelMap(labels)
    table = Table([named({"id": row.id, "text": row.text, "label": row.label, **row.columns})
                   for row in rows])  # fmt: skip
    return [
        Sample(
            id=_id(row, index, prefix),
            text=row.text,
            label=label,
            slices=slice_values(slices, table, index, row.text, place=f"inline row {index + 1}"),
        )
        for index, row in enumerate(rows)
        if (label := _label(row, labels, found)) is not None
    ]


def _label(row: InlineRow, labels: Mapping[str, Rule], found: LabelMap) -> str | None:
    names = {one_form(label): label for label in labels}
    return names.get(one_form(row.label)) or found.find(row.label)


def _id(row: InlineRow, index: int, prefix: str) -> str:
    return row.id or f"{prefix}{index + 1}"
