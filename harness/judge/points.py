"""Verdicts on the points of an answer: how they are asked for, read and put together; pure."""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.characters import one_form
from harness.errors import SpecError
from harness.judge.dialect_replies import read_point
from harness.judge.verdict import NoVerdict, verdict_object, without_halves
from harness.prompts.dialects import Dialect
from harness.prompts.fence import Fenced
from harness.prompts.rubric import Rubric, point_messages
from harness.reasons import Reason
from harness.records import POINT_VALUES, Json, Message, Output, PointRuling, PointVerdict
from harness.spec.judgeset import Per

QUOTE_CHARS = 120
POINT_TOKENS = 288
"""Room for one point: a quote of the longest, at two tokens a character, and its verdict."""

PointRulings = Mapping[str, tuple[PointRuling, ...]]
"""One judge's rulings on points by id of the case, in the order of its points."""


@dataclass(frozen=True, slots=True)
class PointsAsked:
    """What a case asks of points.

    Attributes:
        n: Points, at least one.
        partly: Whether one may be met in part.
        answer: What the judge is shown of the answer, in which quotes are looked for.
        dialect: Of the rubric; None where the verdicts are a JSON object.
    """

    n: int
    partly: bool
    answer: str
    dialect: Dialect | None = None

    @property
    def verdicts(self) -> tuple[PointVerdict, ...]:
        """The verdicts that are taken."""
        return tuple(one for one in POINT_VALUES if one != "partly" or self.partly)

    @property
    def schema(self) -> str:
        """The JSON Schema of the reply: a quote and a verdict for each point, by number.

        It is flat, as every engine can hold a judge to such an object.
        """
        properties: dict[str, Json] = {}
        for number in range(1, self.n + 1):
            properties[f"quote_{number}"] = {"type": "string", "maxLength": QUOTE_CHARS}
            properties[f"verdict_{number}"] = {"type": "string", "enum": list(self.verdicts)}
        return json.dumps(
            {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            }
        )


@dataclass(frozen=True, slots=True)
class PointCase:
    """One request about points; see `harness.judge.bench.Case`."""

    id: str
    messages: tuple[Message, ...]
    asked: PointsAsked


def check_per(rubric: Rubric, per: Per) -> None:
    """Refuse to ask about several points at once in a dialect, which has one verdict a reply.

    Raises:
        SpecError: One line.
    """
    if rubric.dialect is not None and per == "answer":
        raise SpecError(f"{rubric.path}: a reply in the dialect {rubric.dialect.name} has one "
                        "verdict, so points are asked one by one; write per: point")  # fmt: skip


def point_cases(
    name: str,
    *,
    rubric: Rubric,
    per: Per,
    question: str,
    answer: Fenced,
    points: Sequence[str],
    controls: re.Pattern[str] | None,
    before: str = "",
) -> list[PointCase]:
    """Return what a judge is asked about the points of one answer: one request each, or one.

    Args:
        name: Unique among the answers; ids of the cases begin with it.
        rubric: One for points.
        per: Whether a request asks about one point, or about all.
        question: What was asked.
        answer: What was answered.
        points: At least one.
        controls: Finds what the judge's tokenizer would not read as text.
        before: As for `point_messages`.
    """
    groups = [[point] for point in points] if per == "point" else [list(points)]
    return [
        PointCase(
            _id(name, place),
            tuple(
                point_messages(
                    rubric,
                    question=question,
                    points=group,
                    answer=answer,
                    before=before,
                    controls=controls,
                )
            ),
            PointsAsked(len(group), rubric.partly, answer.body, rubric.dialect),
        )
        for place, group in enumerate(groups)
    ]


def point_rulings(name: str, rulings: PointRulings) -> tuple[PointRuling, ...]:
    """Return the rulings on all points of an answer; empty where it was not asked about.

    Args:
        name: As `point_cases` was given it.
        rulings: By id of the case.
    """
    found: list[PointRuling] = []
    while _id(name, place := len(found)) in rulings:
        found += rulings[_id(name, place)]
    return tuple(found)


def _id(name: str, place: int) -> str:
    """Return the id of the request whose first point is the one at a place."""
    return f"points {name} {place}"


def read_points(output: Output, asked: PointsAsked) -> tuple[PointRuling, ...]:
    """Return the ruling on each point of a case.

    Anything but one JSON object with exactly the keys that were asked for, texts as quotes and
    verdicts that are taken, has no verdict on any of its points, and says why. In a dialect there
    is one point, and its verdict stands behind a mark.
    """
    if asked.dialect is not None:
        return (read_point(output, asked.dialect, partly=asked.partly),)
    try:
        found = verdict_object(output)
        names = [f"{key}_{number}" for number in range(1, asked.n + 1)
                 for key in ("quote", "verdict")]  # fmt: skip
        for name in names:
            if name not in found:
                raise NoVerdict(Reason("verdict_lacks", {"key": name}))
        if len(found) > len(names):
            raise NoVerdict(Reason("verdict_of_more"))
        shown = _plain(asked.answer)
        return tuple(
            _ruling(found[f"quote_{number}"], found[f"verdict_{number}"], asked, shown)
            for number in range(1, asked.n + 1)
        )
    except NoVerdict as error:
        return (PointRuling(problem=error.reason),) * asked.n


def _ruling(quote: Json, verdict: Json, asked: PointsAsked, shown: str) -> PointRuling:
    if not isinstance(quote, str):
        raise NoVerdict(Reason("quote_not_text"))
    for known in asked.verdicts:
        if verdict == known:
            wanted = _plain(quote)
            found = bool(wanted) and wanted in shown
            return PointRuling(known, without_halves(quote.strip()), found)
    raise NoVerdict(Reason("verdict_not_of_point"))


def _plain(text: str) -> str:
    """Return a text in one form of characters, case and space, without what the fence puts in."""
    return " ".join(one_form(text).casefold().replace("\\", "").split())


def weighted_share(values: Sequence[float | None], weights: Sequence[float]) -> float | None:
    """Return what an answer earned of all that it could earn, 0 to 1; None if a value lacks.

    The weights of points that are met, less those of what counts against the answer, over all
    weights above 0. An answer that loses more than it earns has 0.

    Args:
        values: Of the points, 0 (not met) to 1 (met), None without a verdict.
        weights: Of the points, at least one above 0; empty where all count alike.
    """
    weights = weights or [1.0] * len(values)
    whole = [value for value in values if value is not None]
    if not whole or len(whole) < len(values):
        return None
    most = math.fsum(weight for weight in weights if weight > 0)
    earned = math.fsum(map(math.prod, zip(whole, weights, strict=True)))
    return min(1.0, max(0.0, earned / most))


def mean_share(
    points: Mapping[str, Sequence[PointRuling]], weights: Sequence[float]
) -> float | None:
    """Return the mean of all judges' shares of an answer; None where one has none.

    Args:
        points: By judge, its rulings on the points.
        weights: Of the points.
    """
    shares = [weighted_share([one.value for one in own], weights) for own in points.values()]
    whole = [share for share in shares if share is not None]
    return statistics.fmean(whole) if whole and len(whole) == len(shares) else None
