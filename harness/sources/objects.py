"""JSON and JSON Lines -> objects, whichever of both a file holds."""

from __future__ import annotations

import json
from typing import Literal

from harness.errors import AssetError
from harness.records import Json

Objects = Literal["json", "jsonl"]
# Python reads no longer ones; as text, they stand in a row as well.
_LONGEST_NUMBER = 4300


class _Twice(dict[str, Json]):
    """An object in which a key stands twice."""

    key = ""


def read_objects(text: str, format: Objects, shown: str) -> list[dict[str, Json]]:
    """Return the objects of a text, one a row.

    Args:
        text: A list of objects, or one object a line.
        format: Which of both it should be.
        shown: How errors name the file.

    Raises:
        AssetError: It is neither, with the line or the row.
    """
    if format == "jsonl":
        # A list in a file of lines: no line of it is an object.
        return _list(text, shown) if text.lstrip().startswith("[") else _lines(text, shown)
    return _lines(text, shown) if _has_lines(text) else _list(text, shown)


def numbered_objects(text: str, shown: str) -> list[tuple[int, dict[str, Json]]]:
    """Return the objects of a text of JSON Lines, each with the number of its line, from 1.

    Args:
        text: One object a line; empty lines do not count.
        shown: How errors name the file.

    Raises:
        AssetError: A line is none, with its number.
    """
    # Not splitlines(), which also breaks at characters that JSON strings may hold.
    return [
        (
            number,
            _object(
                _parsed(line, f"{shown}: line {number}", fix="; write one object a line"),
                f"{shown}: line {number}",
            ),
        )
        for number, line in enumerate(text.split("\n"), 1)
        if line.strip()
    ]


def _has_lines(text: str) -> bool:
    """Return whether the first line with a text is an object by itself, and others follow."""
    first, _, rest = text.strip().partition("\n")
    try:
        return bool(rest.strip()) and isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _list(text: str, shown: str) -> list[dict[str, Json]]:
    data = _parsed(text, f"{shown}:") if text.strip() else []
    if isinstance(data, dict):
        keys = ", ".join(map(str, list(data)[:5]))
        raise AssetError(f"{shown}: is not a list of objects, but one object of {keys}; write a "
                         "list with an object for each row, or one object a line as .jsonl"
                         )  # fmt: skip
    if not isinstance(data, list):
        raise AssetError(f"{shown}: is not a list of objects")
    return [_object(row, f"{shown}: row {number}") for number, row in enumerate(data, 1)]


def _lines(text: str, shown: str) -> list[dict[str, Json]]:
    return [row for _, row in numbered_objects(text, shown)]


def _parsed(text: str, where: str, fix: str = "") -> Json:
    try:
        return parse_objects(text)
    except ValueError as error:
        raise AssetError(f"{where} is not valid JSON: {error}{fix}") from error
    except RecursionError as error:
        raise AssetError(f"{where} is nested too deep") from error


def _mapping(items: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(items)
    if len(found) == len(items):
        return found
    twice = _Twice(found)
    names = [key for key, _ in items]
    twice.key = next(key for key in names if names.count(key) > 1)
    return twice


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits


def key_twice(value: Json) -> str | None:
    """Return a key that stands twice in an object of `parse_objects`, or in one inside of it."""
    if isinstance(value, _Twice):
        return value.key
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((key for one in inside if (key := key_twice(one)) is not None), None)


def parse_objects(text: str) -> Json:
    """Return what a JSON text holds; `key_twice` tells where objects lost a key of theirs.

    Raises:
        ValueError: It is not JSON.
        RecursionError: It is nested too deep.
    """
    found: Json = json.loads(text, object_pairs_hook=_mapping, parse_int=_whole)
    return found


def _object(value: Json, where: str) -> dict[str, Json]:
    if (key := key_twice(value)) is not None:
        raise AssetError(f"{where} has the key '{key}' twice; remove or rename one")
    if not isinstance(value, dict):
        raise AssetError(f"{where} is not an object")
    return value
