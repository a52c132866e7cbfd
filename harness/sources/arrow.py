"""Arrow tables -> rows of cells, as parquet files and data sets of the hub hold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.characters import column_name
from harness.errors import AssetError
from harness.jsontext import json_value
from harness.sources.values import TextCell, TextRow, cell_of

if TYPE_CHECKING:
    from pyarrow import ChunkedArray, Schema, Table


def wanted_columns(names: Sequence[str], need: Sequence[str], shown: str) -> list[str]:
    """Return the columns to read, by the names that a table has for them: all with none needed.

    Raises:
        AssetError: Two of them have one name.
    """
    found = [name for name in names if not need or column_name(name) in need]
    forms = [column_name(name) for name in found]
    if len(set(forms)) < len(forms):
        raise AssetError(f"{shown}: two columns have one name: {', '.join(forms)}; rename one")
    return found


def arrow_rows(table: Table, shown: str) -> list[TextRow]:
    """Return the rows of a table, the names of its columns in one Unicode form.

    Raises:
        AssetError: A column holds what Python cannot, such as a date of the year 20000.
    """
    names = [column_name(name) for name in table.column_names]
    columns = [_cells(column, name, shown)
               for name, column in zip(names, table.columns, strict=True)]  # fmt: skip
    return [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=True)]


def _cells(column: ChunkedArray, name: str, shown: str) -> list[TextCell]:
    import pyarrow

    try:
        values: list[object] = column.to_pylist()
    except (pyarrow.ArrowException, ValueError, ArithmeticError) as error:
        raise AssetError(f"{shown}: column '{name}' ({column.type}) cannot be read: "
                         f"{error}") from error  # fmt: skip
    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        kind = kind.value_type
    # As it was written: 0.7 of 32 bits is 0.699999988079071 to Python, and below a rule's 0.7.
    short = {"halffloat": np.float16, "float": np.float32}.get(str(kind))
    if short is not None:
        values = [float(str(short(one))) if isinstance(one, float) else one for one in values]
    return [cell_of(one) for one in values]


def classes_of(schema: Schema) -> dict[str, Sequence[str]]:
    """Return the names of the classes of the columns that hold their numbers.

    They stand in the schema's metadata where `datasets` has written a table.
    """
    metadata: Mapping[bytes, bytes] = schema.metadata or {}
    try:
        features = json_value(metadata.get(b"huggingface", b"{}"))["info"]["features"]
        return {
            column_name(name): [str(one) for one in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}
