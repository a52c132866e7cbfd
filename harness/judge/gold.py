"""Pairs of answers of which people have said the better: what a judge is measured on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from harness.characters import is_blank, is_unseen, one_form
from harness.errors import SpecError
from harness.judge.gold_rows import Place, Row, check_keys, check_whole, gold_rows, text_of
from harness.records import Json
from harness.sources.hub import hub_file
from harness.spec.yamlfile import read_text

Better = Literal["first", "second", "tie"]

_LLMBAR: Mapping[Json, Better] = {1: "first", 2: "second"}
_SIDES: Mapping[Json, Better] = {"left": "first", "right": "second", "equal": "tie"}
_OWN: Mapping[Json, Better] = {"first": "first", "second": "second", "tie": "tie"}
_OWN_KEYS = ("id", "instruction", "first", "second", "better", "points", "kind", "why")
HUB = "hub:"
GOLD_LANG = "ru"
"""Language of the gold that ships, which is measured on where no other is named."""


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
        source: Where it was read: a path, or a file of the hub.
    """

    name: str
    digest: str
    pairs: tuple[GoldPair, ...]
    source: str = ""


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
    return replace(load_gold(found), name=gold_name(Path(rest)), source=source)


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
    for number, (place, row) in enumerate(gold_rows(text, path), start=1):
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
    digest = hashlib.sha256(text.encode()).hexdigest()
    return GoldSet(gold_name(path), digest, tuple(pairs), source=str(path))


def gold_name(path: Path) -> str:
    """Return the name of a gold file: its own without the ending, after that of its folder."""
    return f"{path.parent.name}/{path.stem}" if path.parent.name else path.stem


def _shown(pair: GoldPair) -> tuple[str, frozenset[str]]:
    """Return what a judge is shown of a pair, in whichever order."""
    return seen_text(pair.instruction), frozenset(map(seen_text, (pair.first, pair.second)))


def seen_text(text: str) -> str:
    """Return what shows of a text, with one form of characters and of line ends."""
    lines = "\n".join(text.splitlines())
    return one_form("".join(char for char in lines if not is_unseen(char))).strip()


def _pair(row: Row, number: int, place: Place) -> GoldPair:
    if "output_1" in row:
        answers = _answers(row, ("output_1", "output_2", "label"), _LLMBAR, place)
        return GoldPair(str(number), text_of(row, "input", place), *answers)
    if "left_answer" in row:
        parts = [text_of(row, "instruction", place)]
        if row.get("input"):
            parts.append(text_of(row, "input", place))
        answers = _answers(row, ("left_answer", "right_answer", "result"), _SIDES, place)
        name = text_of(row, "id", place) if "id" in row else str(number)
        return GoldPair(name, "\n\n".join(parts), *answers)
    if "first" in row:
        check_keys(row, _OWN_KEYS, place)
        return GoldPair(
            text_of(row, "id", place),
            text_of(row, "instruction", place),
            *_answers(row, ("first", "second", "better"), _OWN, place),
            _points(row, place),
        )
    raise place.error("is not a gold pair: has none of the keys output_1, left_answer, first; see "
                      "docs/judge.md for the forms")  # fmt: skip


def _answers(
    row: Row, keys: tuple[str, str, str], known: Mapping[Json, Better], place: Place
) -> tuple[str, str, Better]:
    """Return two answers and which is better, by the keys of the three."""
    one, other, label = keys
    first, second = text_of(row, one, place), text_of(row, other, place)
    better = _better(row, label, known, place)
    if better != "tie" and seen_text(first) == seen_text(second):
        ties = [str(word) for word, meaning in known.items() if meaning == "tie"]
        fix = f"write {ties[0]}" if ties else "leave the pair out"
        raise place.error(f"{label}: {json.dumps(row[label])}, and {one} and {other} are the same "
                          f"text; fix one, or {fix}")  # fmt: skip
    return first, second, better


def _better(row: Row, key: str, known: Mapping[Json, Better], place: Place) -> Better:
    value = row.get(key)
    # True is 1 to a dict.
    if isinstance(value, bool | list | dict | float) or value not in known:
        shown = json.dumps(value, ensure_ascii=False)[:40]
        raise place.error(f"{key}: {shown} is not one of {', '.join(map(str, known))}")
    return known[value]


def _points(row: Row, place: Place) -> tuple[str, ...]:
    value = row.get("points", [])
    points = [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
    if points != value or any(map(is_blank, points)):
        raise place.error("points: is not a list of texts; write a list, or leave it out")
    for point in points:
        check_whole(point, "points", place)
    return tuple(points)
