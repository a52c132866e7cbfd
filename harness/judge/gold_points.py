"""Answers of which people have said which points they meet: what verdicts on points rest on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SpecError
from harness.judge.gold import gold_name, seen_text
from harness.judge.gold_rows import Place, Row, check_keys, gold_rows, text_of
from harness.records import Json, PointVerdict
from harness.spec.yamlfile import read_text

_KEYS = ("id", "instruction", "answer", "points", "kind", "why")
_POINT_KEYS = ("point", "met")
_MARKS: tuple[tuple[Json, PointVerdict], ...] = (
    (True, "met"),
    (False, "not met"),
    ("partly", "partly"),
)


@dataclass(frozen=True, slots=True)
class MarkedAnswer:
    """An answer, and what people say of each point: whether the answer meets it.

    Attributes:
        id: Unique in its file.
        marks: Points with people's verdicts, at least one.
    """

    id: str
    instruction: str
    answer: str
    marks: tuple[tuple[str, PointVerdict], ...]

    @property
    def points(self) -> list[str]:
        """The points, in their order."""
        return [point for point, _ in self.marks]


@dataclass(frozen=True, slots=True)
class PointGold:
    """A file of marked answers.

    Attributes:
        name: As that of a gold set.
        digest: SHA-256 of the file, in hex.
    """

    name: str
    digest: str
    answers: tuple[MarkedAnswer, ...]


def load_point_gold(path: Path) -> PointGold:
    """Read marked answers, JSON Lines of `id`, `instruction`, `answer` and `points`.

    Each of the points is `{"point": TEXT, "met": true | false | "partly"}`; `kind` and `why` are
    for the reader.

    Raises:
        SpecError: It cannot be read, or an answer is not as it must be; one line with the place.
    """
    text = read_text(path, path)
    answers: list[MarkedAnswer] = []
    seen: dict[tuple[str, str], str] = {}
    for place, row in gold_rows(text, path):
        one = _answer(row, place)
        if one.id in (known.id for known in answers):
            raise place.error(f"duplicate id '{one.id}'; rename one")
        shown = seen_text(one.instruction), seen_text(one.answer)
        # Twice the same is no more evidence, and would count as if it were.
        first = seen.setdefault(shown, one.id)
        if first != one.id:
            raise place.error(f"'{one.id}' has the instruction and the answer of '{first}'; put "
                              "their points together")  # fmt: skip
        answers.append(one)
    if not answers:
        raise SpecError("holds no answer; see docs/judge.md for its form", path=path)
    return PointGold(gold_name(path), hashlib.sha256(text.encode()).hexdigest(), tuple(answers))


def _answer(row: Row, place: Place) -> MarkedAnswer:
    check_keys(row, _KEYS, place)
    name, instruction, answer = (text_of(row, key, place) for key in _KEYS[:3])
    given = row.get("points")
    if not isinstance(given, list) or not given:
        raise place.error('points: is not a list of points; write [{"point": TEXT, "met": true}]')
    marks = tuple(_mark(one, place) for one in given)
    for index, (point, _) in enumerate(marks):
        if seen_text(point) in (seen_text(earlier) for earlier, _ in marks[:index]):
            raise place.error(f"points: duplicate point '{point}'; remove or rename one")
    return MarkedAnswer(name, instruction, answer, marks)


def _mark(given: Json, place: Place) -> tuple[str, PointVerdict]:
    if not isinstance(given, dict):
        raise place.error('points: holds what is not {"point": TEXT, "met": true}; write it so')
    check_keys(given, _POINT_KEYS, place)
    point = text_of(given, "point", place)
    if "met" not in given:
        raise place.error("missing key 'met'; add it")
    for mark, verdict in _MARKS:
        # 1 equals True to Python, and is no mark.
        if type(mark) is type(given["met"]) and mark == given["met"]:
            return point, verdict
    shown = json.dumps(given["met"], ensure_ascii=False)[:40]
    raise place.error(f'met: {shown} is not one of true, false, "partly"')
