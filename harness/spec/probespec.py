"""A probe of a judge set as users write it: what is asked, and what a good answer covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from harness.characters import one_form
from harness.records import Json, Message
from harness.spec.base import Name, Strict, Word, complain
from harness.spec.editor_forms import OrText

HEAVIEST = 100
"""The greatest weight of a point, for or against."""


def check_unique(names: Sequence[str], what: str) -> None:
    """Complain of a name that stands twice, whatever its form of characters."""
    forms = list(map(one_form, names))
    for index, name in enumerate(names):
        if forms[index] in forms[:index]:
            raise complain(f"duplicate {what} '{name}'; remove or rename one")


def _from_text(model: type[Strict], data: Json, key: str) -> Json:
    """Return the mapping that a text alone stands for, as the value of a key."""
    if isinstance(data, dict) and len(data) == 1 and not data.keys() & model.model_fields:
        raise complain("': ' makes a mapping of it, text is wanted; put it in quotes")
    return data if isinstance(data, dict) else {key: data}


class PointSpec(Strict):
    """One thing that an answer is checked for; a text alone has the weight 1.

    Attributes:
        weight: How much it counts among the points of its probe; below 0 where meeting it counts
            against the answer.
    """

    point: Word
    weight: Annotated[float, Field(ge=-HEAVIEST, le=HEAVIEST)] = 1.0

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Json) -> Json:
        return _from_text(cls, data, "point")

    @field_validator("weight")
    @classmethod
    def _some(cls, weight: float) -> float:
        if weight == 0:
            raise complain("is 0, and the point would count for nothing; leave the point out, or "
                           "write another weight")  # fmt: skip
        return weight


class TurnSpec(Strict):
    """What a user says in a dialogue, and what was answered; a text alone leaves that to the model.

    Attributes:
        assistant: The answer, None for the model's own.
    """

    user: Word
    assistant: Word | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Json) -> Json:
        return _from_text(cls, data, "user")


class ProbeSpec(Strict):
    """One question, or a dialogue that ends with one.

    Attributes:
        kind: What it asks for, such as `letter` or `arithmetic`.
        question: What is asked, None of a dialogue.
        turns: A dialogue, at least two turns; the answer to the last is judged.
        points: What a good answer covers, for the judge; those of a weight below 0 are what it
            should not say.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["question"]}, {"required": ["turns"]}]}
    )

    usual = ("question",)

    id: Name
    kind: Word
    question: Word | None = None
    turns: list[Annotated[TurnSpec, OrText()]] = Field(
        default=[], json_schema_extra={"minItems": 2}
    )
    points: list[Annotated[PointSpec, OrText()]]

    @field_validator("turns")
    @classmethod
    def _open(cls, turns: list[TurnSpec]) -> list[TurnSpec]:
        if len(turns) < 2:
            raise complain("one turn is no dialogue; write question in its place")
        if turns[-1].assistant is not None:
            raise complain("the last turn has an answer, which is what models are asked for; leave "
                           "it out, or add what the user says next")  # fmt: skip
        return turns

    @field_validator("points")
    @classmethod
    def _some(cls, points: list[PointSpec]) -> list[PointSpec]:
        if not points:
            raise complain("is empty; write at least one point that a good answer covers")
        check_unique([one.point for one in points], "point")
        if all(one.weight < 0 for one in points):
            raise complain("all count against the answer, so that none could earn anything; write "
                           "a point that a good answer covers")  # fmt: skip
        return points

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.question is None) != bool(self.turns):
            raise complain("needs either question or turns (a dialogue); write one of them")
        return self

    @property
    def asked(self) -> str:
        """The question, or the last of a dialogue."""
        return self.question or self.turns[-1].user

    @property
    def before(self) -> tuple[Message, ...]:
        """What a dialogue has before its last question; answers of the model's own are blank."""
        return tuple(
            message
            for turn in self.turns[:-1]
            for message in (
                Message(role="user", content=turn.user),
                Message(role="assistant", content=turn.assistant or ""),
            )
        )

    @property
    def blanks(self) -> int:
        """How many answers of the model's own a dialogue has before the last."""
        return sum(not one["content"] for one in self.before)

    @property
    def texts(self) -> list[str]:
        """All that it says to a model, in order."""
        return [*(one["content"] for one in self.before if one["content"]), self.asked]

    @property
    def wanted(self) -> list[str]:
        """What a good answer covers: the points that do not count against it."""
        return [one.point for one in self.points if one.weight > 0]
