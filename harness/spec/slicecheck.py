"""What an eval set says of slices, checked as far as goes without its data."""

from __future__ import annotations

from harness.figures.slices import LENGTH
from harness.spec.base import key_fix
from harness.spec.evalset import EvalSet
from harness.spec.slicespec import WORST, slice_target
from harness.spec.yamlfile import YamlFile

_ROW = ("id", "text", "label")


def check_slices(evalset: EvalSet, file: YamlFile) -> None:
    """Raise SpecError for slices that stand twice, rows with unknown keys and gates on no slice."""
    names = [one.name for one in evalset.slices]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise file.error(f"duplicate slice '{name}'; remove one", ("slices", index))
    _check_rows(evalset, file)
    for index, gate in enumerate(evalset.gates):
        if gate.slice is not None and (problem := _problem(evalset, gate.slice, names)):
            raise file.error(problem, ("gates", index, "slice"))


def _check_rows(evalset: EvalSet, file: YamlFile) -> None:
    for key, rows in (("rows", evalset.data.rows), ("shots", evalset.data.shots)):
        known = (*_ROW, *(evalset.sliced_by if key == "rows" else ()))
        for index, row in enumerate(rows if isinstance(rows, list) else ()):
            for name in row.columns:
                if name not in known:
                    fix = key_fix(name, known, [*_ROW, *row.columns])
                    raise file.error(f"unknown key; {fix}", ("data", key, index, name))
    for index, one in enumerate(evalset.slices):
        rows = evalset.data.rows or []
        if one.column and rows and not any(one.column in (*row.columns, *_ROW) for row in rows):
            raise file.error(f"no row has a column '{one.column}'; write it into the rows, or "
                             "remove the slice", ("slices", index))  # fmt: skip


def _problem(evalset: EvalSet, name: str, columns: list[str]) -> str:
    """Say why a gate's slice cannot be, or return an empty string."""
    if not columns:
        return "the set has no slices; write what it is sliced by under 'slices'"
    try:
        column, value = slice_target(name, columns)
    except KeyError:
        return (f"'{name}' is not a slice; write {WORST}, {WORST}:{columns[0]} or "
                f"{columns[0]}=VALUE, of the columns {', '.join(columns)}")  # fmt: skip
    spans = next((s.spans for s in evalset.slices if s.name == LENGTH and s.length), ())
    if column == LENGTH and spans and value is not None and value not in spans:
        return f"no span of length is '{value}'; write one of {', '.join(spans)}"
    return ""
