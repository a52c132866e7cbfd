"""Tables on disk -> rows of cells: csv, tsv, json, jsonl and parquet, gzipped or not."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.errors import AssetError
from harness.records import Json
from harness.sources.arrow import arrow_rows, classes_of, wanted_columns
from harness.sources.cells import Row, as_rows
from harness.sources.encoded import read_encoded
from harness.spec.characters import one_form

Format = Literal["csv", "tsv", "json", "jsonl", "parquet"]
_SUFFIXES: Mapping[str, Format] = {
    ".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet",
}  # fmt: skip
# What stands between the fields of files that are called .csv all the same.
_PARTERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True)
class Table:
    """What a source holds.

    Attributes:
        rows: `row 1`, `row 2`, ... of errors.
        classes: By column, the names of its classes, where it holds their numbers (`ClassLabel`).
    """

    rows: list[Row]
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)


def format_of(path: Path | str) -> Format | None:
    """Return the format that a file's name tells, or None."""
    name = Path(str(path).lower().removesuffix(".gz"))
    return _SUFFIXES.get(name.suffix)


def read_table(
    path: Path,
    *,
    need: Sequence[str],
    format: Format | None = None,
    columns: Sequence[str] | None = None,
    shown: str | None = None,
) -> Table:
    """Read a table.

    Args:
        path: The file; gzip is found by content.
        need: Columns that must be there; of parquet, none but these are read. With none, all are.
        format: Default by the file's name.
        columns: Names of the columns of a csv or tsv without a header line. A first line that
            has all of `need` is a header all the same.
        shown: How errors name the file.

    Raises:
        AssetError: Unreadable, empty, not what its format says, or a column is missing; with
            the file and the row or line.
    """
    shown = shown or str(path)
    format = format or format_of(path)
    need = [one_form(column) for column in need]
    if format is None:
        raise AssetError(f"{shown}: its name tells no format; use .csv, .tsv, .json, .jsonl or "
                         ".parquet, or write data.format")  # fmt: skip
    if format == "parquet":
        table = _parquet(path, need, shown)
    else:
        text = read_encoded(path, shown)
        if format in {"csv", "tsv"}:
            table = Table(_csv(text, format, need, columns, shown))
        else:
            table = Table(as_rows(_objects(text, format, shown)))
    if not table.rows:
        raise AssetError(f"{shown}: has no rows; give a file that has some")
    check_columns(table.rows, need, shown)
    return table


def check_columns(rows: Sequence[Row], need: Iterable[str], shown: str) -> None:
    """Raise AssetError for a column that no row has, or that one row lacks."""
    known = {column: None for row in rows for column in row}
    for column in need:
        if column not in known:
            raise _lacks(column, known, shown)
        for number, row in enumerate(rows, 1):
            if column not in row:
                raise AssetError(f"{shown}: row {number} has no '{column}'")


def _lacks(column: str, known: Iterable[str], shown: str) -> AssetError:
    return AssetError(f"{shown}: no column '{column}'; it has {', '.join(known)}; set data.text, "
                      "data.label or data.columns")  # fmt: skip


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let csv read fields of any length; its limit of 131,072 characters is the process's."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _csv(
    text: str, format: Format, need: Sequence[str], columns: Sequence[str] | None, shown: str
) -> list[Row]:
    lines = io.StringIO(text, newline="")
    # Quotes are ordinary characters in tab-separated text, as review snippets have them. A space
    # behind a comma is none of a field's, or the quotes behind it would be.
    reader = (csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if format == "tsv"
              else csv.reader(lines, strict=True, skipinitialspace=True))  # fmt: skip
    names: Sequence[str] | None = None
    rows: list[Row] = []
    try:
        with _long_fields():
            for fields in reader:
                if not fields:
                    continue
                if names is None:
                    names = _names(fields, need, columns, format, shown)
                    if names is not columns:
                        continue
                if len(fields) != len(names):
                    raise AssetError(f"{shown}: row {len(rows) + 1} (line {reader.line_num}) has "
                                     f"{len(fields)} fields, not {len(names)} "
                                     f"({', '.join(names)}){_why(fields, len(names), format)}"
                                     )  # fmt: skip
                rows.append(dict(zip(names, fields, strict=True)))
    except csv.Error as error:
        raise AssetError(f"{shown}: row {len(rows) + 1} (line {reader.line_num}) is no valid "
                         f"{format}: {error}; look for an unclosed quote, and write quotes inside "
                         "a field twice") from error  # fmt: skip
    return rows


def _names(
    first: Sequence[str],
    need: Sequence[str],
    columns: Sequence[str] | None,
    format: Format,
    shown: str,
) -> Sequence[str]:
    """Return the names of the columns: `columns` itself where the first line is no header."""
    header = [one_form(name) for name in first]
    if columns is not None and not set(need) <= set(header):
        return columns
    if len(set(header)) < len(header):
        raise AssetError(f"{shown}: two columns have one name: {', '.join(header)}; rename one")
    if not set(need) <= set(header) and (parter := _parter(first, set(need), format)):
        raise AssetError(f"{shown}: has {_PARTERS.get(parter, 'commas')} between its fields; save "
                         + ("it as .csv, or write format: csv" if format == "tsv" else "it with "
                            "commas, or with tabs as .tsv"))  # fmt: skip
    return header


def _parter(first: Sequence[str], need: set[str], format: Format) -> str | None:
    """Return what parts a header's fields in place of what its format says, or None."""
    line = ("\t" if format == "tsv" else ",").join(first)
    others = "," if format == "tsv" else _PARTERS
    for parter in others:
        if need <= {name.strip(' "') for name in line.split(parter)}:
            return parter
    # Without the wanted names: nothing but another sign parts the line at all.
    return next((sign for sign in others if len(first) == 1 and sign in line), None)


def _why(fields: Sequence[str], wanted: int, format: Format) -> str:
    """Say what may be wrong with a line of another number of fields."""
    line = ("\t" if format == "tsv" else ",").join(fields)
    for parter in "," if format == "tsv" else _PARTERS:
        if len(line.split(parter)) == wanted:
            return (f"; it has {_PARTERS.get(parter, 'commas')} between its fields: save it with "
                    "commas as .csv, or with tabs as .tsv")  # fmt: skip
    if format == "tsv":
        return "; quotes are ordinary characters here: a field holds no tab and no line break"
    return "; put a field that holds a comma or a line break in quotes"


class _Twice(dict[str, Json]):
    """An object in which a key stands twice."""

    key = ""


def _mapping(items: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(items)
    if len(found) == len(items):
        return found
    twice = _Twice(found)
    names = [key for key, _ in items]
    twice.key = next(key for key in names if names.count(key) > 1)
    return twice


def _objects(text: str, format: Format, shown: str) -> list[dict[str, Json]]:
    """Return the objects of JSON or JSON Lines, whichever of both it is."""
    if format == "jsonl":
        # A list in a file of lines: no line of it is an object.
        return _json(text, shown) if text.lstrip().startswith("[") else _jsonl(text, shown)
    return _jsonl(text, shown) if _has_lines(text) else _json(text, shown)


def _has_lines(text: str) -> bool:
    """Return whether the first line with a text is an object by itself, and others follow."""
    first, _, rest = text.strip().partition("\n")
    try:
        return bool(rest.strip()) and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _json(text: str, shown: str) -> list[dict[str, Json]]:
    data = _parsed(text, f"{shown}:") if text.strip() else []
    if isinstance(data, dict):
        keys = ", ".join(map(str, list(data)[:5]))
        raise AssetError(f"{shown}: is no list of objects, but one object of {keys}; write a list "
                         "with an object for each row, or one object a line as .jsonl"
                         )  # fmt: skip
    if not isinstance(data, list):
        raise AssetError(f"{shown}: is no list of objects")
    return [_object(row, f"{shown}: row {number}") for number, row in enumerate(data, 1)]


def _jsonl(text: str, shown: str) -> list[dict[str, Json]]:
    # Not splitlines(), which also breaks at characters that JSON strings may hold.
    return [
        _object(_parsed(line, f"{shown}: line {number}"), f"{shown}: line {number}")
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]


def _parsed(text: str, where: str) -> Json:
    try:
        found: Json = json.loads(text, object_pairs_hook=_mapping)
    except ValueError as error:
        raise AssetError(f"{where} is no valid JSON: {error}") from error
    except RecursionError as error:
        raise AssetError(f"{where} is nested too deep") from error
    return found


def _object(value: Json, where: str) -> dict[str, Json]:
    if isinstance(value, _Twice):
        raise AssetError(f"{where} has the key '{value.key}' twice; remove or rename one")
    if not isinstance(value, dict):
        raise AssetError(f"{where} is no object")
    return value


def _parquet(path: Path, need: Sequence[str], shown: str) -> Table:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            names = wanted_columns(schema.names, need, shown)
            if need and len(names) < len(set(need)):
                missing = next(name for name in need if name not in map(one_form, names))
                raise _lacks(missing, schema.names, shown)
            # By name, as a column called `a.b` is also taken for a part of `a`.
            table = file.read(columns=names).select(names)
    except (pyarrow.ArrowException, OSError) as error:
        raise AssetError(f"{shown}: is no valid parquet file: {error}") from error
    return Table(arrow_rows(table, shown), classes_of(schema))
