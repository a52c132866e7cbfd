"""Tables on disk -> rows of cells: csv, tsv, json, jsonl and parquet, gzipped or not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.characters import column_name
from harness.errors import AssetError
from harness.sources.arrow import arrow_rows, classes_of, wanted_columns
from harness.sources.encoded import read_encoded
from harness.sources.objects import Objects, read_objects
from harness.sources.separated import Separated, separated_rows
from harness.sources.values import TextRow, as_rows, lacking

Format = Separated | Objects | Literal["parquet"]
_SUFFIXES: Mapping[str, Format] = {
    ".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """What a source holds.

    Attributes:
        rows: `row 1`, `row 2`, ... of errors.
        classes: By column, the names of its classes, where it holds their numbers (`ClassLabel`).
    """

    rows: list[TextRow]
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)


def format_of(path: Path | str) -> Format | None:
    """Return the format that a file's name tells, or None."""
    name = Path(str(path).lower().removesuffix(".gz"))
    return _SUFFIXES.get(name.suffix)


def read_table(
    path: Path,
    *,
    need: Sequence[str],
    partly: Sequence[str] = (),
    format: Format | None = None,
    columns: Sequence[str] | None = None,
    shown: str | None = None,
) -> Table:
    """Read a table.

    Args:
        path: The file; gzip is found by content.
        need: Columns that must be there; of parquet, none but these are read. With none, all are.
        partly: Further columns that must be there, but not in every row of a json or jsonl.
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
    always = [column_name(column) for column in need]
    need = list(dict.fromkeys([*always, *map(column_name, partly)]))
    if format is None:
        raise AssetError(f"{shown}: its name tells no format; use .csv, .tsv, .json, .jsonl or "
                         ".parquet, or write data.format")  # fmt: skip
    if format == "parquet":
        table = _parquet(path, need, shown)
    elif format == "csv" or format == "tsv":
        text = read_encoded(path, shown)
        table = Table(separated_rows(text, format, need=need, columns=columns, shown=shown))
    else:
        table = Table(as_rows(read_objects(read_encoded(path, shown), format, shown), shown))
    if not table.rows:
        raise AssetError(f"{shown}: has no rows; give a file that has some")
    check_columns(table.rows, need, shown, always=always)
    return table


def check_columns(
    rows: Sequence[TextRow], need: Iterable[str], shown: str, *, always: Collection[str]
) -> None:
    """Raise AssetError for a column that no row has, or one of `always` that a row lacks."""
    known = {column: None for row in rows for column in row}
    for column in need:
        if column not in known:
            raise lacking(column, known, shown)
        if column not in always:
            continue
        for number, row in enumerate(rows, 1):
            if column not in row:
                raise AssetError(f"{shown}: row {number} has no '{column}'")


def _parquet(path: Path, need: Sequence[str], shown: str) -> Table:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            names = wanted_columns(schema.names, need, shown)
            if need and len(names) < len(set(need)):
                missing = next(name for name in need if name not in map(column_name, names))
                raise lacking(missing, schema.names, shown)
            # By name, as a column called `a.b` is also taken for a part of `a`.
            table = file.read(columns=names).select(names)
    except (pyarrow.ArrowException, OSError) as error:
        raise AssetError(f"{shown}: is not a valid parquet file: {error}") from error
    return Table(arrow_rows(table, shown), classes_of(schema))
