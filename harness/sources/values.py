"""Values of a table's cells -> text, or a word on what they are instead."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from uuid import UUID

from harness.characters import column_name, half_character, without_halves
from harness.errors import AssetError


@dataclass(frozen=True, slots=True)
class NoText:
    """A cell that is not text: what it is, as in `a list`, and its JSON."""

    kind: str
    json: str


TextCell = str | NoText
TextRow = dict[str, TextCell]


def cell_of(value: object) -> TextCell:
    """Return a value as text: `true`, `1.5`, `2024-05-01`, "" for None, NaN and NaT.

    Bytes are text where they are UTF-8. Lists, mappings and all else are not text.
    """
    text = _as_text(value)
    if text is not None:
        return text
    return NoText(_kind(value), json.dumps(value, ensure_ascii=False, default=_inner))


def _as_text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    # NaN and NaT alone are unequal to themselves.
    if value is None or (isinstance(value, float | Decimal | date) and value != value):
        return ""
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        with contextlib.suppress(UnicodeDecodeError):
            return value.decode()
    return str(value) if isinstance(value, UUID) else None


def _kind(value: object) -> str:
    if isinstance(value, bytes):
        return "bytes that are not UTF-8"
    if isinstance(value, list | tuple | set):
        return "a list"
    return "a mapping" if isinstance(value, Mapping) else f"a {type(value).__name__}"


def _inner(value: object) -> str | list[object]:
    """Return what stands in JSON for a value that JSON does not have."""
    if isinstance(value, set):
        return list(value)
    text = _as_text(value)
    return text if text is not None else value.hex() if isinstance(value, bytes) else str(value)


def named(row: Mapping[str, object]) -> TextRow:
    """Return a row with its values as cells, by the names of its columns as they are compared."""
    return {column_name(str(key)): cell_of(value) for key, value in row.items()}


def as_rows(rows: Iterable[Mapping[str, object]], shown: str = "") -> list[TextRow]:
    """Return rows with their values as cells.

    Args:
        rows: Objects, in the order of their source.
        shown: How errors name the source.

    Raises:
        AssetError: Two columns of a row have one name.
    """
    found: list[TextRow] = []
    for number, row in enumerate(rows, 1):
        found.append(named(row))
        if len(found[-1]) < len(row):
            raise AssetError(f"{shown}: row {number}: two columns have one name: "
                             f"{', '.join(map(repr, row))}; rename one")  # fmt: skip
    return found


def lacking(column: str, known: Iterable[str], shown: str) -> AssetError:
    """Return the error for a column that a table does not have."""
    return AssetError(f"{shown}: no column '{column}'; it has {', '.join(known)}; set data.text, "
                      "data.label, slices or data.columns")  # fmt: skip


def text_of(row: TextRow, column: str, *, place: str) -> str:
    """Return the text in a column, "" for nothing.

    Args:
        row: Has the column.
        column: Its name.
        place: The file and the row, for errors.

    Raises:
        AssetError: It is not text, or holds half of a character.
    """
    cell = row[column]
    if isinstance(cell, NoText):
        raise AssetError(f"{place} has {cell.kind} in column '{column}', where a text is wanted; "
                         "name another column, or make one text of it")  # fmt: skip
    if half := half_character(cell):
        raise AssetError(f"{place} holds {half} in column '{column}', half of a character; write "
                         "the whole one, or take it out")  # fmt: skip
    return cell


def shown_text(cell: TextCell) -> str:
    """Return a cell as text whatever it is: JSON for what is not text, without half characters."""
    return without_halves(cell if isinstance(cell, str) else cell.json)
