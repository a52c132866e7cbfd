"""Tables on disk -> rows of text: csv, tsv, json, jsonl and parquet, gzipped or not."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, cast

from harness.errors import AssetError
from harness.records import Json

Format = Literal["csv", "tsv", "json", "jsonl", "parquet"]
Row = dict[str, str]
_SUFFIXES: Mapping[str, Format] = {
    ".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet",
}  # fmt: skip


def format_of(path: Path | str) -> Format | None:
    """Return the format that a file's name tells, or None."""
    name = Path(str(path).lower().removesuffix(".gz"))
    return _SUFFIXES.get(name.suffix)


def read_rows(
    path: Path,
    *,
    need: Sequence[str],
    format: Format | None = None,
    columns: Sequence[str] | None = None,
    shown: str | None = None,
) -> list[Row]:
    """Read a table; every value becomes text, and a row of it is `row 1`, `row 2`, ...

    Args:
        path: The file; gzip is found by content.
        need: Columns that must be there.
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
    if format is None:
        raise AssetError(f"{shown}: its name tells no format; use .csv, .tsv, .json, .jsonl or "
                         ".parquet, or write data.format")  # fmt: skip
    if format == "parquet":
        rows = _parquet(path, shown)
    else:
        text = _text(path, shown)
        if format in {"csv", "tsv"}:
            rows = _csv(text, format, need, columns, shown)
        else:
            rows = as_texts(_json(text, shown) if format == "json" else _jsonl(text, shown))
    if not rows:
        raise AssetError(f"{shown}: has no rows; give a file that has some")
    check_columns(rows, need, shown)
    return rows


def check_columns(rows: Sequence[Row], need: Iterable[str], shown: str) -> None:
    """Raise AssetError for a column that no row has, or that one row lacks."""
    known = {column: None for row in rows for column in row}
    for column in need:
        if column not in known:
            only = next(iter(known)) if len(known) == 1 else ""
            parted = ";" in only or "\t" in only
            mend = "save it with commas between the fields, or tabs as .tsv" if parted else (
                "set data.text, data.label or data.columns")  # fmt: skip
            raise AssetError(f"{shown}: no column '{column}'; it has {', '.join(known)}; {mend}")
        for number, row in enumerate(rows, 1):
            if column not in row:
                raise AssetError(f"{shown}: row {number} has no '{column}'")


def as_texts(rows: Iterable[Mapping[str, Json]]) -> list[Row]:
    """Return rows with every value as text: `true`, `1.5`, nested values as JSON, None as ""."""
    return [{str(key): _as_text(value) for key, value in row.items()} for row in rows]


def _as_text(value: Json) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, default=str)


def _text(path: Path, shown: str) -> str:
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise AssetError(f"{shown}: cannot be read: {error}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise AssetError(f"{shown}: line {line} is not UTF-8 (byte {data[error.start]:#04x}); "
                         "convert the file to UTF-8") from error  # fmt: skip


def _csv(
    text: str, format: Format, need: Sequence[str], columns: Sequence[str] | None, shown: str
) -> list[Row]:
    lines = io.StringIO(text, newline="")
    # Quotes are ordinary characters in tab-separated text, as review snippets have them.
    reader = (csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if format == "tsv"
              else csv.reader(lines, strict=True))  # fmt: skip
    names: Sequence[str] | None = None
    rows: list[Row] = []
    try:
        for fields in reader:
            if not fields:
                continue
            if names is None:
                names = fields if columns is None or set(need) <= set(fields) else columns
                if len(set(names)) < len(names):
                    raise AssetError(f"{shown}: two columns have one name: {', '.join(names)}; "
                                     "rename one")  # fmt: skip
                if names is fields:
                    continue
            if len(fields) != len(names):
                raise AssetError(f"{shown}: row {len(rows) + 1} (line {reader.line_num}) has "
                                 f"{len(fields)} fields, not {len(names)} "
                                 f"({', '.join(names)})")  # fmt: skip
            rows.append(dict(zip(names, fields, strict=True)))
    except csv.Error as error:
        raise AssetError(f"{shown}: row {len(rows) + 1} (line {reader.line_num}) is no valid "
                         f"{format}: {error}; look for an unclosed quote") from error  # fmt: skip
    return rows


def _json(text: str, shown: str) -> list[dict[str, Json]]:
    try:
        data = json.loads(text) if text.strip() else []
    except ValueError as error:
        raise AssetError(f"{shown}: is no valid JSON: {error}") from error
    if not isinstance(data, list):
        raise AssetError(f"{shown}: is no list of objects")
    return [_object(row, f"{shown}: row {number}") for number, row in enumerate(data, 1)]


def _jsonl(text: str, shown: str) -> list[dict[str, Json]]:
    rows = []
    # Not splitlines(), which also breaks at characters that JSON strings may hold.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                value = json.loads(line)
            except ValueError as error:
                raise AssetError(f"{shown}: line {number} is no valid JSON: {error}") from error
            rows.append(_object(value, f"{shown}: line {number}"))
    return rows


def _object(value: Json, where: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise AssetError(f"{where} is no object")
    return value


def _parquet(path: Path, shown: str) -> list[Row]:
    import pyarrow
    from pyarrow import parquet

    try:
        rows = parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise AssetError(f"{shown}: is no valid parquet file: {error}") from error
    return as_texts(cast("list[dict[str, Json]]", rows))
