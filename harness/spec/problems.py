"""Pydantic's complaints -> lines for users: place, what is wrong, what is wanted instead."""

from __future__ import annotations

from collections.abc import Sequence

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from harness.records import Json
from harness.spec.base import Strict
from harness.spec.yamlfile import Key, YamlFile

_LONGEST_EXAMPLE = 60
_EMPTY = {
    "string_type": "write a text",
    "int_type": "write a whole number",
    "float_type": "write a number",
    "bool_type": "write true or false",
}
_TYPES = {"dict": "a mapping", "list": "a list"}


def spec_lines(
    errors: Sequence[ErrorDetails], file: YamlFile, base: tuple[Key, ...] = ()
) -> list[str]:
    """Return one line per place in the file; of a union's several complaints the most telling.

    Args:
        errors: Of one validation.
        file: What was validated.
        base: The place in the file that it stands at.
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
        return 0, f"unknown key; {context['mend']}", (*where, context["key"])
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
        return 1, f"{str(given).lower()} is read as a {type(given).__name__}, text is wanted; " + (
            "put it in quotes"), where  # fmt: skip
    if kind == "string_pattern_mismatch":
        return 1, f"'{given}' does not match {context['pattern']}", where
    message = error["msg"][0].lower() + error["msg"][1:]
    named = type(given).__name__
    return 2, f"{message}, not {_TYPES.get(named, named)}" if "valid" in message else (
        f"{message}, not {given!r}"), where  # fmt: skip


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
    return f"{start}{_EMPTY[kind]}, or remove the key" if start and kind in _EMPTY else None


def list_example(given: Json) -> str:
    """Return a list in YAML that holds what was given instead of one."""
    if isinstance(given, dict):
        given = dict(list(given.items())[:1])
    return _flow([given]) if given not in (None, "", {}) else "[a, b]"


def mapping_example(model: type[Strict], given: Json) -> str:
    """Return a mapping in YAML that the model takes, with what was given in it if it fits.

    Where no single key makes one, the needed keys are shown without their values.
    """
    fields = model.model_fields
    defaults: dict[str, Json] = {key: field.default for key, field in fields.items()}
    rounds: list[list[Json]] = [[given, [given]], [None, 1, "text", ["text"], "file:PATH"]]
    for values in rounds:
        for key in fields:
            for value in values:
                tried = defaults[key] if value is None else value
                if _is_plain(tried) and _takes(model, {key: tried}):
                    return _flow({key: tried})
    needed = [key for key, field in fields.items() if field.is_required()] or list(fields)[:1]
    return "{" + ", ".join(f"{key}: ..." for key in needed) + "}"


def _is_plain(value: Json) -> bool:
    return isinstance(value, bool | int | float | str) or (
        isinstance(value, list) and len(value) == 1 and _is_plain(value[0]))  # fmt: skip


def _takes(model: type[Strict], data: Json) -> bool:
    try:
        model.model_validate(data)
    except ValidationError:
        return False
    return True


def _flow(value: Json) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False,
                          width=10_000).strip()  # fmt: skip
    if len(text) <= _LONGEST_EXAMPLE and "\n" not in text:
        return text
    return f"{text[0]}...{text[-1]}"
