"""Pairs of answers of which people have said the better: what a judge is measured on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from harness.characters import half_character, is_blank, is_unseen, one_form
from harness.errors import SpecError
from harness.records import Json
from harness.sources.hub import hub_file
from harness.spec.yamlfile import read_text
from harness.suggest import did_you_mean

Better = Literal["first", "second", "tie"]
_Row = Mapping[str, Json]

_LLMBAR: Mapping[Json, Better] = {1: "first", 2: "second"}
_SIDES: Mapping[Json, Better] = {"left": "first", "right": "second", "equal": "tie"}
_OWN: Mapping[Json, Better] = {"first": "first", "second": "second", "tie": "tie"}
_OWN_KEYS = ("id", "instruction", "first", "second", "better", "points", "kind", "why")
HUB = "hub:"


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


def open_gold(source: str) -> GoldSet:
    """Return the pairs of a file, or of `hub:OWNER/NAME/PATH[@REVISION]`: a file of a data set.

    Raises:
        AssetError: The hub cannot be reached, or does not have it.
        SpecError: As `load_gold`, or the name of a hub's file is not whole.
    """
    if not source.startswith(HUB):
        return load_gold(Path(source))
    named, _, revision = source.removeprefix(HUB).partition("@")
    owner, _, rest = named.partition("/")
    dataset, _, file = rest.partition("/")
    if not (owner and dataset and file):
        raise SpecError(f"{source}: names no file of a data set; write {HUB}OWNER/NAME/FILE")
    found = hub_file(f"{owner}/{dataset}", file, revision or None, option="--gold FILE")
    # In the cache it lies in a folder that is called by the commit.
    return replace(load_gold(found), name=_name(Path(rest)))


def load_gold(path: Path) -> GoldSet:
    """Read gold pairs in one of three forms, told apart by their keys.

    - LLMBar's: a JSON list of `input`, `output_1`, `output_2`, `label` (1 or 2).
    - A comparison by hand: JSON Lines of `instruction`, `input` (may be empty), `left_answer`,
      `right_answer`, `result` (left, right or equal), `id` (optional).
    - The project's own: JSON Lines of `id`, `instruction`, `first`, `second`, `better` (first,
      second or tie), `points` (optional list); `kind` and `why` (optional) are for the reader.

    The public two may have further keys; of the project's own, an unknown one is a mistake.

    Raises:
        SpecError: It cannot be read, or a pair is not as it must be; one line with the place.

    Source: Zeng et al. (2023), arXiv 2310.07641, for LLMBar.
    """
    text = read_text(path, path)
    pairs: list[GoldPair] = []
    seen: set[str] = set()
    shown: dict[tuple[str, frozenset[str]], str] = {}
    for number, (place, row) in enumerate(_rows(text, path), start=1):
        pair = _pair(row, number, place)
        if pair.id in seen:
            raise place.error(f"duplicate id '{pair.id}'; rename one")
        seen.add(pair.id)
        # Twice the same is no more evidence, and would count as if it were.
        first = shown.setdefault(_shown(pair), pair.id)
        if first != pair.id:
            raise place.error(f"the pair '{pair.id}' has the instruction and the answers of "
                              f"'{first}'; leave one of them out")  # fmt: skip
        pairs.append(pair)
    if not pairs:
        raise SpecError("holds no pair; see docs/judge.md for the forms of gold files", path=path)
    return GoldSet(_name(path), hashlib.sha256(text.encode()).hexdigest(), tuple(pairs))


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}" if path.parent.name else path.stem


def _shown(pair: GoldPair) -> tuple[str, frozenset[str]]:
    """Return what a judge is shown of a pair, in whichever order."""
    return _seen(pair.instruction), frozenset((_seen(pair.first), _seen(pair.second)))


def _seen(text: str) -> str:
    """Return what shows of a text, with one form of characters and of line ends."""
    lines = "\n".join(text.splitlines())
    return one_form("".join(char for char in lines if not is_unseen(char))).strip()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a pair stands: a line, or its number in a list."""

    path: Path
    line: int | None
    prefix: str

    def error(self, problem: str) -> SpecError:
        # Keys and values come from the file, which may hold what no terminal shows.
        shown = problem.encode("utf-8", "backslashreplace").decode().replace("\n", "\\n")
        return SpecError(self.prefix + shown, path=self.path, line=self.line)


def _rows(text: str, path: Path) -> list[tuple[_Place, _Row]]:
    """Return each pair's place and keys."""
    text = text.removeprefix("\ufeff")
    repeats: list[_Repeat] = []
    if text.lstrip().startswith("["):
        data = _parse(text, path, None, repeats)
        assert isinstance(data, list)
        entries = [(_Place(path, None, f"pair {at}: "), one) for at, one in enumerate(data, 1)]
    else:
        # Not splitlines: an answer may hold a line separator that JSON leaves as it is.
        entries = [
            (_Place(path, at, ""), _parse(line, path, at, repeats))
            for at, line in enumerate(text.split("\n"), start=1)
            if line.strip()
        ]
    found: list[tuple[_Place, _Row]] = []
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

    row: _Row
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


def _pair(row: _Row, number: int, place: _Place) -> GoldPair:
    if "output_1" in row:
        answers = _answers(row, ("output_1", "output_2", "label"), _LLMBAR, place)
        return GoldPair(str(number), _text(row, "input", place), *answers)
    if "left_answer" in row:
        parts = [_text(row, "instruction", place)]
        if row.get("input"):
            parts.append(_text(row, "input", place))
        answers = _answers(row, ("left_answer", "right_answer", "result"), _SIDES, place)
        name = _text(row, "id", place) if "id" in row else str(number)
        return GoldPair(name, "\n\n".join(parts), *answers)
    if "first" in row:
        _check_keys(row, place)
        return GoldPair(
            _text(row, "id", place),
            _text(row, "instruction", place),
            *_answers(row, ("first", "second", "better"), _OWN, place),
            _points(row, place),
        )
    raise place.error("is not a gold pair: has none of the keys output_1, left_answer, first; see "
                      "docs/judge.md for the forms")  # fmt: skip


def _check_keys(row: _Row, place: _Place) -> None:
    for key in row:
        if key not in _OWN_KEYS:
            fix = did_you_mean(key, _OWN_KEYS,
                               f"remove it, or use one of {', '.join(_OWN_KEYS)}")  # fmt: skip
            raise place.error(f"{key}: unknown key; {fix}")


def _answers(
    row: _Row, keys: tuple[str, str, str], known: Mapping[Json, Better], place: _Place
) -> tuple[str, str, Better]:
    """Return two answers and which is better, by the keys of the three."""
    one, other, label = keys
    first, second = _text(row, one, place), _text(row, other, place)
    better = _better(row, label, known, place)
    if better != "tie" and one_form(first).strip() == one_form(second).strip():
        ties = [str(word) for word, meaning in known.items() if meaning == "tie"]
        fix = f"write {ties[0]}" if ties else "leave the pair out"
        raise place.error(f"{label}: {json.dumps(row[label])}, and {one} and {other} are the same "
                          f"text; fix one, or {fix}")  # fmt: skip
    return first, second, better


def _text(row: _Row, key: str, place: _Place) -> str:
    value = row.get(key)
    if key not in row:
        raise place.error(f"missing key '{key}'; add it")
    if not isinstance(value, str):
        raise place.error(f"{key}: {json.dumps(value, ensure_ascii=False)[:40]} is not text; put "
                          "it in quotes")  # fmt: skip
    if is_blank(value):
        raise place.error(f"{key}: is empty; write it, or leave the pair out")
    _check_whole(value, key, place)
    return value


def _check_whole(text: str, key: str, place: _Place) -> None:
    """Refuse a lone surrogate, which JSON can write and no tokenizer takes."""
    if half := half_character(text):
        raise place.error(f"{key}: holds {half}, half of a character; write the whole one, or "
                          "take it out")  # fmt: skip


def _better(row: _Row, key: str, known: Mapping[Json, Better], place: _Place) -> Better:
    value = row.get(key)
    # True is 1 to a dict.
    if isinstance(value, bool | list | dict | float) or value not in known:
        shown = json.dumps(value, ensure_ascii=False)[:40]
        raise place.error(f"{key}: {shown} is not one of {', '.join(map(str, known))}")
    return known[value]


def _points(row: _Row, place: _Place) -> tuple[str, ...]:
    value = row.get("points", [])
    points = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    if points != value or any(map(is_blank, points)):
        raise place.error("points: is not a list of texts; write a list, or leave it out")
    for point in points:
        _check_whole(point, "points", place)
    return tuple(points)
