"""The slices that a sample stands in, and whether a set's slices fit its samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.characters import is_blank, one_form, spelled
from harness.errors import SpecError
from harness.markdown import cut
from harness.records import Sample
from harness.sources.rows import Table
from harness.sources.values import text_of
from harness.spec.evalset import EvalSet
from harness.spec.slicespec import MOST_VALUES, SliceSpec, slice_target
from harness.spec.yamlfile import spell

_NAMED, _LONGEST = 8, 40


class SlicesError(SpecError):
    """Slices that do not fit the data.

    Args:
        problem: What is wrong and how to fix it.
        where: The key of the eval set that is to be fixed.
        path: The eval set.
        line: Its line, counted from 1.
    """

    def __init__(
        self,
        problem: str,
        *,
        where: tuple[str | int, ...],
        path: Path | str,
        line: int | None = None,
    ) -> None:
        self.said, self.where = problem, where
        super().__init__(f"{spell(where)}: {problem}", path=path, line=line)


def slice_values(
    specs: Sequence[SliceSpec], table: Table, index: int, text: str, *, place: str
) -> tuple[tuple[str, str], ...]:
    """Return the value of a row in each of a set's slices, in Unicode's composed form.

    Args:
        specs: What the set is sliced by.
        table: Has their columns; a row that lacks one has no value there.
        index: The row, from 0.
        text: Its text.
        place: The file and the row, for errors.

    Raises:
        AssetError: A value is not text, such as a list.
    """
    return tuple((one.name, _value(one, table, index, text, place)) for one in specs)


def _value(spec: SliceSpec, table: Table, index: int, text: str, place: str) -> str:
    row = table.rows[index]
    if spec.column is None:
        return spec.span(len(text))
    if spec.column not in row:
        return ""
    value = text_of(row, spec.column, place=place)
    classes = table.classes.get(spec.column, ())
    if value.isdecimal() and int(value) < len(classes):
        value = classes[int(value)]
    return "" if is_blank(value) else one_form(value.strip())


def check_values(name: str, spec: EvalSet, samples: Sequence[Sample]) -> None:
    """Refuse columns of too many values, and gates on values that no sample has.

    Args:
        name: The eval set, for errors.
        spec: The eval set.
        samples: All that were drawn; `--eval-limit` may leave some of them out.

    Raises:
        SpecError: The first mistake.
    """
    held: dict[str, dict[str, None]] = {one.name: {} for one in spec.slices}
    for sample in samples:
        for column, value in sample.slices:
            held[column][value] = None
    for index, one in enumerate(spec.slices):
        if len(held[one.name]) > MOST_VALUES:
            raise SlicesError(f"column '{one.name}' has {len(held[one.name])} values, and "
                              f"{MOST_VALUES} make slices at most; name a column of fewer, or "
                              "remove it", where=("slices", index), path=name)  # fmt: skip
    for index, gate in enumerate(spec.gates):
        named, wanted = slice_target(gate.slice, list(held)) if gate.slice else (None, None)
        if named is None or wanted is None or wanted in held[named]:
            continue
        # A span that no text has is one all the same.
        if next(one for one in spec.slices if one.name == named).column is None:
            continue
        known = sorted(held[named])
        shown = [cut(spelled(one), _LONGEST) or "nothing" for one in known[:_NAMED]]
        more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
        raise SlicesError(f"no sample has '{spelled(wanted)}' in column '{named}', which has "
                          f"{', '.join(shown)}{more}; write one of them",
                          where=("gates", index, "slice"), path=name)  # fmt: skip
