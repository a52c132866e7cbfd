"""Pairs of answers of which people have said the better: what a judge is measured on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.errors import SpecError
from harness.records import Json

Better = Literal["first", "second", "tie"]
_Row = Mapping[str, Json]

_LLMBAR: Mapping[Json, Better] = {1: "first", 2: "second"}
_SIDES: Mapping[Json, Better] = {"left": "first", "right": "second", "equal": "tie"}
_OWN: Mapping[Json, Better] = {"first": "first", "second": "second", "tie": "tie"}


@dataclass(frozen=True, slots=True)
class GoldPair:
    """An instruction, two answers to it, and which of them people prefer.

    Attributes:
        id: Unique in its file.
        points: What a good answer covers, where the file says so.
    """

    id: str
    instruction: str
    first: str
    second: str
    better: Better
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GoldSet:
    """A file of gold pairs.

    Attributes:
        name: The file's name without its ending, after that of its folder.
        digest: SHA-256 of the file's bytes, in hex.
    """

    name: str
    digest: str
    pairs: tuple[GoldPair, ...]


def read_gold(path: Path) -> list[GoldPair]:
    """Return the pairs of a file; see `load_gold`."""
    return list(load_gold(path).pairs)


def load_gold(path: Path) -> GoldSet:
    """Read gold pairs in one of three forms, told apart by their keys.

    - LLMBar's: a JSON list of `input`, `output_1`, `output_2`, `label` (1 or 2).
    - A comparison by hand: JSON Lines of `instruction`, `input` (may be empty), `left_answer`,
      `right_answer`, `result` (left, right or equal), `id` (optional).
    - The project's own: JSON Lines of `id`, `instruction`, `first`, `second`, `better` (first,
      second or tie), `points` (optional list); further keys are for the reader.

    Raises:
        SpecError: It cannot be read, or a pair is not as it must be; one line with the place.

    Source: Zeng et al. (2023), arXiv 2310.07641, for LLMBar.
    """
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot be read as UTF-8 text: {error}", path=path) from error
    pairs: list[GoldPair] = []
    seen: set[str] = set()
    for number, (place, row) in enumerate(_rows(text, path), start=1):
        pair = _pair(row, number, place)
        if pair.id in seen:
            raise place.error(f"the id '{pair.id}' stands here twice; rename one")
        seen.add(pair.id)
        pairs.append(pair)
    if not pairs:
        raise SpecError("holds no pair; see docs/judge.md for the forms of gold files", path=path)
    name = f"{path.parent.name}/{path.stem}" if path.parent.name else path.stem
    return GoldSet(name, hashlib.sha256(raw).hexdigest(), tuple(pairs))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a pair stands: a line, or its number in a list."""

    path: Path
    line: int | None
    prefix: str

    def error(self, problem: str) -> SpecError:
        return SpecError(self.prefix + problem, path=self.path, line=self.line)


def _rows(text: str, path: Path) -> list[tuple[_Place, _Row]]:
    """Return each pair's place and keys."""
    text = text.removeprefix("\ufeff")
    if text.lstrip().startswith("["):
        data = _parse(text, path, None)
        assert isinstance(data, list)
        entries = [(_Place(path, None, f"pair {at}: "), one) for at, one in enumerate(data, 1)]
    else:
        # Not splitlines: an answer may hold a line separator that JSON leaves as it is.
        entries = [
            (_Place(path, at, ""), _parse(line, path, at))
            for at, line in enumerate(text.split("\n"), start=1)
            if line.strip()
        ]
    found: list[tuple[_Place, _Row]] = []
    for place, one in entries:
        if not isinstance(one, dict):
            raise place.error("is no JSON object; write one pair as one object")
        found.append((place, one))
    return found


def _parse(text: str, path: Path, line: int | None) -> Json:
    try:
        data: Json = json.loads(text)
    except json.JSONDecodeError as error:
        raise SpecError(f"not valid JSON: {error.msg}; write a JSON list, or one object a line",
                        path=path, line=line or error.lineno) from error  # fmt: skip
    except RecursionError as error:
        raise SpecError("JSON is nested too deep", path=path, line=line) from error
    return data


def _pair(row: _Row, number: int, place: _Place) -> GoldPair:
    if "output_1" in row:
        first, second = _text(row, "output_1", place), _text(row, "output_2", place)
        better = _better(row, "label", _LLMBAR, place)
        return GoldPair(str(number), _text(row, "input", place), first, second, better)
    if "left_answer" in row:
        parts = [_text(row, "instruction", place)]
        if row.get("input"):
            parts.append(_text(row, "input", place))
        first, second = _text(row, "left_answer", place), _text(row, "right_answer", place)
        better = _better(row, "result", _SIDES, place)
        name = _text(row, "id", place) if "id" in row else str(number)
        return GoldPair(name, "\n\n".join(parts), first, second, better)
    if "first" in row:
        return GoldPair(
            _text(row, "id", place),
            _text(row, "instruction", place),
            _text(row, "first", place),
            _text(row, "second", place),
            _better(row, "better", _OWN, place),
            _points(row, place),
        )
    raise place.error("is no gold pair: has none of the keys output_1, left_answer, first; see "
                      "docs/judge.md for the forms")  # fmt: skip


def _text(row: _Row, key: str, place: _Place) -> str:
    value = row.get(key)
    if key not in row:
        raise place.error(f"missing key '{key}'; add it")
    if not isinstance(value, str):
        raise place.error(f"{key}: {json.dumps(value, ensure_ascii=False)[:40]} is no text; put it "
                          "in quotes")  # fmt: skip
    if not value.strip():
        raise place.error(f"{key}: is empty; write it, or leave the pair out")
    return value


def _better(row: _Row, key: str, known: Mapping[Json, Better], place: _Place) -> Better:
    value = row.get(key)
    # True is 1 to a dict.
    if isinstance(value, bool | list | dict | float) or value not in known:
        shown = json.dumps(value, ensure_ascii=False)[:40]
        raise place.error(f"{key}: {shown} is not one of {', '.join(map(str, known))}")
    return known[value]


def _points(row: _Row, place: _Place) -> tuple[str, ...]:
    value = row.get("points", [])
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise place.error("points: is no list of texts; write a list, or leave it out")
    points: Sequence[str] = [one for one in value if isinstance(one, str)]
    return tuple(points)
