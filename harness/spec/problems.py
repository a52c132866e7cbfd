"""What pydantic complains of -> one line a place of the file, with what is wrong and its fix."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic_core import ErrorDetails

from harness.spec.base import list_example, mapping_example
from harness.spec.yamlfile import Key, YamlFile

_EMPTY = {
    "string_type": "write a text",
    "int_type": "write a whole number",
    "float_type": "write a number",
    "bool_type": "write true or false",
}
_SCALARS = {
    "int_type": ("not a whole number", "write one such as 5"),
    "float_type": ("not a number", "write one such as 0.5"),
    "bool_type": ("neither true nor false", "write one of them"),
}
_TYPES = {"dict": "a mapping", "list": "a list"}


def problem_lines(
    errors: Sequence[ErrorDetails], file: YamlFile, base: tuple[Key, ...] = ()
) -> list[str]:
    """Return one line per place in the file; of a union's several complaints the most telling.

    Args:
        errors: As pydantic gives them.
        file: What was checked, for its lines.
        base: Where in the file the checked part stands.
    """
    best: dict[tuple[Key, ...], tuple[int, str]] = {}
    for error in errors:
        where = (*base, *error["loc"])
        while where and where not in file.lines:
            where = where[:-1]
        rank, problem, where = _problem(error, where)
        if where not in best or rank < best[where][0]:
            best[where] = (rank, str(file.error(problem, where)))
    inner = [where[:end] for where in best for end in range(len(where))]
    return [line for where, (rank, line) in best.items() if rank < 2 or where not in inner]


def _problem(error: ErrorDetails, where: tuple[Key, ...]) -> tuple[int, str, tuple[Key, ...]]:
    """Return rank (0 is the most telling), text and place of pydantic's complaint."""
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "unknown_key":
        return 0, f"unknown key; {context['fix']}", (*where, context["key"])
    if kind == "harness":
        return 0, str(context["problem"]), where
    if kind == "missing":
        return 0, f"missing key '{error['loc'][-1]}'; add it", where
    if kind == "literal_error":
        expected = str(context["expected"]).replace("'", "").replace(" or ", ", ")
        said = "is left empty; write" if given is None else f"'{given}' is not"
        return 1, f"{said} one of {expected}", where
    if wanted := _wanted(error):
        return 2, wanted, where
    if kind == "string_type" and isinstance(given, bool | int | float):
        read = str(given).lower() if isinstance(given, bool) else f"the number {given}"
        return 1, f"is read as {read}, text is wanted; put it in quotes", where
    if kind == "string_too_short":
        return 1, "is empty; write a text", where
    if kind == "string_pattern_mismatch":
        return 1, f"'{given}' does not match {context['pattern']}", where
    message = error["msg"][0].lower() + error["msg"][1:]
    named = type(given).__name__
    return 2, f"{message}, not {_TYPES.get(named, named)}" if "valid" in message else (
        f"{message}, not {given!r}"), where  # fmt: skip


def _as_number(given: str, kind: str) -> str | None:
    """Say how a number is to be written that has a comma, a percent sign or quotes."""
    plain = given.strip().replace(",", ".")
    if kind == "float_type" and re.fullmatch(r"\d+(\.\d+)? ?%", plain):
        return f"write {float(plain.rstrip('% ')) / 100:g}"
    number = {"float_type": r"[+-]?\d+(\.\d+)?", "int_type": r"[+-]?\d+"}.get(kind, r"(?!)")
    return f"write {plain} without quotes" if re.fullmatch(number, plain) else None


def _wanted(error: ErrorDetails) -> str | None:
    """Return what stands where something of another shape is wanted, None of other mistakes."""
    kind, given = error["type"], error["input"]
    start = "is left empty; " if given is None else ""
    if kind == "mapping_wanted":
        example = mapping_example(error["ctx"]["model"], given)
        return f"{start}a mapping is wanted, such as {example}"
    if kind == "dict_type":
        return f"{start}a mapping is wanted, such as {{key: value}}"
    if kind == "list_type":
        return f"{start}a list is wanted, such as {list_example(given)}"
    if kind == "string_type" and isinstance(given, dict):
        return "': ' makes a mapping of it, text is wanted; put it in quotes"
    if kind in _SCALARS and isinstance(given, str | int | float):
        said, fix = _SCALARS[kind]
        shown = str(given).lower() if isinstance(given, bool) else str(given)
        return f"'{shown}' is {said}; {_as_number(shown, kind) or fix}"
    return f"{start}{_EMPTY[kind]}, or remove the key" if start and kind in _EMPTY else None
