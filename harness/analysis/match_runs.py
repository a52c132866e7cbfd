"""Which cells of two runs stand against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.errors import HarnessError
from harness.records import Row
from harness.suggest import did_you_mean


@dataclass(frozen=True, slots=True)
class Matched:
    """The pairs, in the order of run B, and the cells of either run that are in none."""

    pairs: tuple[tuple[Row, Row], ...]
    only_first: tuple[Row, ...]
    only_second: tuple[Row, ...]


def match_rows(
    first: Sequence[Row],
    second: Sequence[Row],
    *,
    renamed: Mapping[str, str] | None = None,
    against: str = "",
    models: tuple[Sequence[str], Sequence[str]] = ((), ()),
) -> Matched:
    """Return which cells of run B stand against which of run A.

    A cell stands against the one of the same eval set and id.

    Args:
        first: Of run A.
        second: Of run B.
        renamed: Names of run A -> names of run B: of cells, models or prompts.
        against: The cell of run A that all cells of run B stand against, in place of their own.
        models: Judged models of run A and of run B, whose names may be given as well.

    Raises:
        HarnessError: A name is none of its run.
    """
    renamed = renamed or {}
    _check(renamed, against, (first, models[0]), (second, models[1]))
    rows = {(row.evalset, row.cell): row for row in first}
    former = {new: old for old, new in renamed.items()}
    pairs, alone = [], []
    for row in second:
        name = against or _former(row, former)
        found = rows.get((row.evalset, name))
        if found is None:
            alone.append(row)
        else:
            pairs.append((found, row))
    used = {(row.evalset, row.cell) for row, _ in pairs}
    others = [row for row in first if (row.evalset, row.cell) not in used]
    return Matched(tuple(pairs), tuple(others), tuple(alone))


@dataclass(frozen=True, slots=True)
class MatchedModels:
    """The pairs of judged models by eval set and name, and those of either run that are in none."""

    pairs: tuple[tuple[tuple[str, str], tuple[str, str]], ...]
    only_first: tuple[tuple[str, str], ...]
    only_second: tuple[tuple[str, str], ...]


def match_models(
    first: Sequence[tuple[str, str]],
    second: Sequence[tuple[str, str]],
    *,
    renamed: Mapping[str, str] | None = None,
    against: str = "",
) -> MatchedModels:
    """Return which judged models of run B stand against which of run A, like cells.

    Args:
        first: Of run A, by eval set and name.
        second: Of run B.
        renamed: Names of run A -> names of run B.
        against: The model of run A that all models of run B stand against.
    """
    former = {new: old for old, new in (renamed or {}).items()}
    known = set(first)
    pairs, alone = [], []
    for evalset, model in second:
        other = evalset, against or former.get(model, model)
        if other in known:
            pairs.append((other, (evalset, model)))
        else:
            alone.append((evalset, model))
    used = {one for one, _ in pairs}
    others = tuple(one for one in first if one not in used)
    return MatchedModels(tuple(pairs), others, tuple(alone))


def _former(row: Row, former: Mapping[str, str]) -> str:
    """Return the id that a cell of run B has in run A."""
    if row.cell in former:
        return former[row.cell]
    if row.model not in former and row.prompt not in former:
        return row.cell
    parts = [former.get(row.model, row.model), former.get(row.prompt, row.prompt), row.mode]
    return "-".join(filter(None, parts))


_Side = tuple[Sequence[Row], Sequence[str]]


def _check(renamed: Mapping[str, str], against: str, first: _Side, second: _Side) -> None:
    asked = [(f"--match {old}={new}", name, side, run)
             for old, new in renamed.items()
             for name, side, run in ((old, first, "A"), (new, second, "B"))]  # fmt: skip
    for option, name, (rows, models), run in asked:
        known = [*_names(rows), *models]
        if name not in known:
            near = did_you_mean(name, known, "it has none", likeness=0)
            raise HarnessError(f"{option}: '{name}' is not a cell, model or prompt of run {run}; "
                               f"{near}")  # fmt: skip
    cells = list(dict.fromkeys([*(row.cell for row in first[0]), *first[1]]))
    if against and against not in cells:
        near = did_you_mean(against, cells, "it has none", likeness=0)
        what = "a judged model" if first[1] and not first[0] else "a cell"
        raise HarnessError(f"--against {against}: is not {what} of run A; {near}")


def _names(rows: Sequence[Row]) -> list[str]:
    names = [name for row in rows for name in (row.cell, row.model, row.prompt)]
    return list(dict.fromkeys(filter(None, names)))


def marked(row: Row, mark: str) -> Row:
    """Return a row by a name of its run alone, so that those of two runs are told apart."""
    return replace(row, cell=f"{mark}: {row.cell}")
