"""The key `thinking` of a model and of a mode: whether the model thinks before it answers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from harness.records import THOUGHT_TOKENS, Thinking
from harness.spec.base import Strict, as_list, complain


class ThoughtSpec(Strict):
    """How long a model may think.

    Attributes:
        budget: Tokens after which a thought is closed for the model and its answer asked for.
        limit: Tokens after which a thought that is not closed leaves its sample unscored.
    """

    budget: Annotated[int, Field(ge=1)] | None = None
    limit: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.budget is None) == (self.limit is None):
            raise complain("needs exactly one of budget and limit, in tokens")
        return self


def _kind(value: object) -> str:
    return "mapping" if isinstance(value, dict | ThoughtSpec) else "word"


ThinkingSpec = Annotated[
    Annotated[Literal["off", "on"], Tag("word")] | Annotated[ThoughtSpec, Tag("mapping")],
    Discriminator(_kind),
]
"""`off`, `on`, `{budget: N}` or `{limit: N}`; `on` is a limit of `THOUGHT_TOKENS`."""


ThinkingAxis = Annotated[
    list[ThinkingSpec],
    BeforeValidator(as_list, json_schema_input_type=ThinkingSpec | list[ThinkingSpec]),
]


def setting(spec: Literal["off", "on"] | ThoughtSpec | None) -> Thinking | None:
    """Return what a key says, None where it is not there."""
    if spec is None:
        return None
    if not isinstance(spec, ThoughtSpec):
        return Thinking(THOUGHT_TOKENS if spec == "on" else 0)
    return Thinking(spec.budget or spec.limit or 0, budgeted=spec.budget is not None)


def setting_name(spec: Literal["off", "on"] | ThoughtSpec | None) -> str:
    """Return what a key says as `Thinking.name` does, "" where it is not there."""
    found = setting(spec)
    return found.name if found else ""
