"""Text with commas or tabs between its fields -> rows, and what is said of text that has others."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from harness.characters import column_name
from harness.errors import AssetError
from harness.sources.values import TextRow, lacking

Separated = Literal["csv", "tsv"]
# What stands between the fields of files that are called .csv all the same.
_PARTERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
# A field as csv writes one that holds a quote: all around it, and each inside twice.
_QUOTED = re.compile(r'"(?:[^"]|"")*""(?:[^"]|"")*"')
_ENCLOSED = re.compile(r'".*"', re.DOTALL)
_ORDINARY = ("has quotes around its fields, which are ordinary characters in a tsv; save it with "
             "commas as .csv")  # fmt: skip


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let csv read fields of any length; its limit of 131,072 characters is the process's."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def separated_rows(
    text: str,
    format: Separated,
    *,
    need: Sequence[str],
    columns: Sequence[str] | None,
    shown: str,
) -> list[TextRow]:
    """Return the rows of a csv or tsv.

    Args:
        text: The file's.
        format: Which of both.
        need: Columns that must be there, each once.
        columns: Names of the columns where there is no header line; a first line that has all of
            `need` is one all the same.
        shown: How errors name the file.

    Raises:
        AssetError: A line does not fit, or a column is missing, with the place.
    """
    lines = io.StringIO(text, newline="")
    # Quotes are ordinary characters in tab-separated text, as review snippets have them. A space
    # behind a comma is none of a field's, or the quotes behind it would be.
    reader = (csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if format == "tsv"
              else csv.reader(lines, strict=True, skipinitialspace=True))  # fmt: skip
    names: Sequence[str] | None = None
    rows: list[TextRow] = []
    try:
        with _long_fields():
            for fields in reader:
                if not fields:
                    continue
                if names is None:
                    names = _names(fields, need, columns, format, shown)
                    if names is not columns:
                        continue
                where = f"{shown}: row {len(rows) + 1} (line {reader.line_num})"
                _check(fields, names, format, where)
                rows.append(dict(zip(names, fields, strict=True)))
    except csv.Error as error:
        raise AssetError(f"{shown}: row {len(rows) + 1} (line {reader.line_num}) is not a valid "
                         f"{format}: {error}; look for an unclosed quote, and write quotes inside "
                         "a field twice") from error  # fmt: skip
    if (
        format == "tsv"
        and len(rows) > 1
        and any(all(_ENCLOSED.fullmatch(str(row[name])) for row in rows) for name in need)
    ):
        raise AssetError(f"{shown}: {_ORDINARY}")
    return rows


def _names(
    first: Sequence[str],
    need: Collection[str],
    columns: Sequence[str] | None,
    format: Separated,
    shown: str,
) -> Sequence[str]:
    """Return the names of the columns: `columns` itself where the first line is not a header."""
    header = [column_name(name) for name in first]
    missing = [name for name in need if name not in header]
    if not missing:
        if any(header.count(name) > 1 for name in need):
            raise AssetError(f"{shown}: two columns have one name: {', '.join(header)}; rename one")
        return header
    if columns is not None:
        return columns
    if parter := _parter(first, set(need), format):
        raise AssetError(f"{shown}: has {_PARTERS.get(parter, 'commas')} between its fields; save "
                         + ("it as .csv, or write format: csv" if format == "tsv" else "it with "
                            "commas, or with tabs as .tsv"))  # fmt: skip
    if set(need) <= {name.strip('"') for name in header}:
        raise AssetError(f"{shown}: {_ORDINARY}")
    raise lacking(missing[0], header, shown)


def _parter(first: Sequence[str], need: set[str], format: Separated) -> str | None:
    """Return what parts a header's fields in place of what its format says, or None."""
    line = ("\t" if format == "tsv" else ",").join(first)
    others = "," if format == "tsv" else _PARTERS
    for parter in others:
        if need <= {name.strip(' "') for name in line.split(parter)}:
            return parter
    # Without the wanted names: nothing but another sign parts the line at all.
    return next((sign for sign in others if len(first) == 1 and sign in line), None)


def _check(fields: Sequence[str], names: Sequence[str], format: Separated, where: str) -> None:
    """Raise AssetError for a line of another number of fields, or of a csv's quotes in a tsv."""
    if len(fields) != len(names):
        raise AssetError(f"{where} has {len(fields)} fields, not {len(names)} "
                         f"({', '.join(names)}){_why(fields, len(names), format)}")  # fmt: skip
    if format == "tsv" and any('""' in field and _QUOTED.fullmatch(field) for field in fields):
        raise AssetError(f"{where} has a field in quotes with quotes written twice, which are "
                         "ordinary characters in a tsv; save it with commas as .csv")  # fmt: skip


def _why(fields: Sequence[str], wanted: int, format: Separated) -> str:
    """Say what may be wrong with a line of another number of fields."""
    line = ("\t" if format == "tsv" else ",").join(fields)
    for parter in "," if format == "tsv" else _PARTERS:
        if wanted > 1 and len(line.split(parter)) == wanted:
            return (f"; it has {_PARTERS.get(parter, 'commas')} between its fields: save it with "
                    "commas as .csv, or with tabs as .tsv")  # fmt: skip
    if format == "tsv":
        return "; quotes are ordinary characters here: a field holds no tab and no line break"
    return "; put a field that holds a comma or a line break in quotes"
