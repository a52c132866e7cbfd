"""Rows of cells -> labelled samples, each mistake with its file and row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.characters import is_blank, one_form, spelled
from harness.errors import AssetError, SpecError
from harness.records import Sample
from harness.sources.labels import ClassLabels, some_classes, some_of
from harness.sources.rows import Table
from harness.sources.slicing import slice_values
from harness.sources.values import text_of
from harness.spec.evalset import EvalSet


@dataclass(frozen=True, slots=True)
class Place:
    """Where a set's rows come from, and which of their columns it reads besides text and label.

    Attributes:
        name: The eval set, for errors.
        shown: The file or data set, for errors.
        id: Column of the ids; None for the number of the row behind `prefix`.
        cluster: Column that names what samples share, or None.
        slices: Whether its samples are sliced.
    """

    name: str
    shown: str
    id: str | None = None
    prefix: str = ""
    cluster: str | None = None
    slices: bool = False


def label_rows(spec: EvalSet, table: Table, place: Place) -> list[Sample | None]:
    """Return the sample of each row, None where it has no label and such rows are dropped.

    Raises:
        AssetError: A row has no text, id or cluster, or something else in its place.
        SpecError: No label fits, or two rows have one id.
    """
    labels = _Labels(spec, table, place)
    samples = [_sample(spec, table, place, labels, index) for index in range(len(table.rows))]
    if all(sample is None for sample in samples):
        raise labels.none_fits()
    _check_ids(samples, place)
    return samples


def _sample(
    spec: EvalSet, table: Table, place: Place, labels: _Labels, index: int
) -> Sample | None:
    row, where = table.rows[index], f"{place.shown}: row {index + 1}"
    label = labels.find(index)
    if label is None:
        return None
    text = text_of(row, spec.data.text, place=where)
    if is_blank(text):
        raise AssetError(f"{where} has no text in column '{spec.data.text}'; remove the row")

    def must(column: str, key: str) -> str:
        found = one_form(text_of(row, column, place=where).strip())
        if is_blank(found):
            raise AssetError(f"{where} has nothing in column '{column}' (data.{key}); fill it in, "
                             "or remove the row")  # fmt: skip
        return found

    return Sample(
        id=must(place.id, "id") if place.id else f"{place.prefix}{index + 1}",
        text=text,
        label=label,
        cluster=must(place.cluster, "cluster") if place.cluster else "",
        slices=slice_values(spec.slices, table, index, text, place=where) if place.slices else (),
    )


def dropped_ids(table: Table, samples: Sequence[Sample | None], place: Place) -> list[str]:
    """Return the ids of the rows that have no label, those of them that have an id."""
    found: list[str] = []
    for index, sample in enumerate(samples):
        if sample is None and not place.id:
            found.append(f"{place.prefix}{index + 1}")
        elif sample is None and place.id and isinstance(cell := table.rows[index][place.id], str):
            found.append(one_form(cell.strip()))
    return found


class _Labels:
    """Finds the labels of a table's rows."""

    def __init__(self, spec: EvalSet, table: Table, place: Place) -> None:
        self._spec, self._table, self._place = spec, table, place
        self._column = spec.data.label
        names = table.classes.get(self._column, ())
        self._classes = {str(number): name for number, name in enumerate(names)}
        try:
            self._labels = ClassLabels(spec.labels, self._classes)
        except SpecError as error:
            raise SpecError(f"{place.name}: {place.shown}: column '{self._column}': "
                            f"{error.problem}") from error  # fmt: skip

    def find(self, index: int) -> str | None:
        """Return the label of a row, None for one that is dropped."""
        where = f"{self._place.shown}: row {index + 1}"
        value = self._value(index)
        label = self._labels.find(value)
        if label is None and self._spec.data.others == "refuse":
            raise SpecError(f"{self._place.name}: {where}: no label has '{spelled(value)}'"
                            f"{self._known()} in column '{self._column}'; add it under 'labels', "
                            "or write others: drop under 'data'")  # fmt: skip
        return label

    def _value(self, index: int) -> str:
        where = f"{self._place.shown}: row {index + 1}"
        return text_of(self._table.rows[index], self._column, place=where)

    def _known(self) -> str:
        """Say which numbers a column's classes have, where it has numbers of classes."""
        return f" ({some_classes(self._classes)})" if self._classes else ""

    def none_fits(self) -> SpecError:
        """Return the error for a table of which no row has a label."""
        held = some_of(self._value(index) for index in range(len(self._table.rows)))
        return SpecError(f"{self._place.name}: {self._place.shown}: no row has one of the labels "
                         f"{', '.join(self._spec.labels)}: column '{self._column}' holds "
                         f"{held}{self._known()}; fix 'labels' or data.label")  # fmt: skip


def _check_ids(samples: Sequence[Sample | None], place: Place) -> None:
    seen: dict[str, int] = {}
    for number, sample in enumerate(samples, 1):
        if sample is not None and (first := seen.setdefault(sample.id, number)) != number:
            raise SpecError(f"{place.name}: {place.shown}: rows {first} and {number} have one id "
                            f"'{sample.id}'; make ids unique, or remove data.id")  # fmt: skip
