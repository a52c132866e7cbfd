"""Rows of gold files: JSON Lines or a JSON list, each with its place for what is wrong in it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.characters import half_character, is_blank
from harness.errors import SpecError
from harness.records import Json
from harness.suggest import did_you_mean

Row = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pair stands: a line, or its number in a list."""

    path: Path
    line: int | None
    prefix: str

    def error(self, problem: str) -> SpecError:
        """Return what is wrong at this place."""
        # Keys and values come from the file, which may hold what no terminal shows.
        shown = problem.encode("utf-8", "backslashreplace").decode().replace("\n", "\\n")
        return SpecError(self.prefix + shown, path=self.path, line=self.line)


def gold_rows(text: str, path: Path) -> list[tuple[Place, Row]]:
    """Return each pair's place and keys."""
    text = text.removeprefix("\ufeff")
    repeats: list[_Repeat] = []
    if text.lstrip().startswith("["):
        data = _parse(text, path, None, repeats)
        assert isinstance(data, list)
        entries = [(Place(path, None, f"pair {at}: "), one) for at, one in enumerate(data, 1)]
    else:
        # Not splitlines: an answer may hold a line separator that JSON leaves as it is.
        entries = [
            (Place(path, at, ""), _parse(line, path, at, repeats))
            for at, line in enumerate(text.split("\n"), start=1)
            if line.strip()
        ]
    found: list[tuple[Place, Row]] = []
    for place, one in entries:
        if not isinstance(one, dict):
            raise place.error("is not a JSON object; write one pair as one object")
        for repeat in repeats:
            if repeat.row is one:
                raise place.error(f"{repeat.key}: duplicate key; remove or rename one")
        found.append((place, one))
    return found


@dataclass(frozen=True, slots=True)
class _Repeat:
    """An object of the file, and a key that stands in it twice."""

    row: Row
    key: str


def _parse(text: str, path: Path, line: int | None, repeats: list[_Repeat]) -> Json:
    """Return what a text says, and add to `repeats` what it says twice."""

    def mapping(items: list[tuple[str, Json]]) -> dict[str, Json]:
        row = dict(items)
        if len(row) < len(items):
            repeats.append(_Repeat(row, Counter(key for key, _ in items).most_common(1)[0][0]))
        return row

    def integer(digits: str) -> int:
        try:
            return int(digits)
        except ValueError as error:
            at = line or text.count("\n", 0, text.index(digits)) + 1
            raise SpecError(f"the number {digits[:12]}... has {len(digits.lstrip('-'))} digits; "
                            "put it in quotes, or leave it out",
                            path=path, line=at) from error  # fmt: skip

    try:
        data: Json = json.loads(text, object_pairs_hook=mapping, parse_int=integer)
    except json.JSONDecodeError as error:
        raise SpecError(f"not valid JSON: {error.msg}; write a JSON list, or one object a line",
                        path=path, line=line or error.lineno) from error  # fmt: skip
    except RecursionError as error:
        raise SpecError("JSON is nested too deep", path=path, line=line) from error
    return data


def check_keys(row: Row, keys: Sequence[str], place: Place) -> None:
    """Refuse a key that is none of those that are known."""
    for key in row:
        if key not in keys:
            fix = did_you_mean(key, keys, f"remove it, or use one of {', '.join(keys)}")
            raise place.error(f"{key}: unknown key; {fix}")


def text_of(row: Row, key: str, place: Place) -> str:
    """Return the text of a key, which shows something.

    Raises:
        SpecError: It is missing, no text, empty, or holds half a character.
    """
    value = row.get(key)
    if key not in row:
        raise place.error(f"missing key '{key}'; add it")
    if not isinstance(value, str):
        raise place.error(f"{key}: {json.dumps(value, ensure_ascii=False)[:40]} is not text; put "
                          "it in quotes")  # fmt: skip
    if is_blank(value):
        raise place.error(f"{key}: is empty; write it, or leave the pair out")
    check_whole(value, key, place)
    return value


def check_whole(text: str, key: str, place: Place) -> None:
    """Refuse a lone surrogate, which JSON can write and no tokenizer takes."""
    if half := half_character(text):
        raise place.error(f"{key}: holds {half}, half of a character; write the whole one, or "
                          "take it out")  # fmt: skip
