"""How the answers of an eval set are read, as users write it."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.contracts import Asks
from harness.records import SCORINGS, Json
from harness.registry import current
from harness.spec.base import OneOf, Strict, complain
from harness.spec.readspec import ReadSpec


class ScoringSpec(Strict):
    """How an answer is read.

    Attributes:
        method: `logprobs` of the label words, free text that is parsed (`generate`), or
            constrained to the label words (`choice`); or the name of a registered scorer.
        max_tokens: Longest free answer in tokens; None takes 16.
        until: Texts that end a free answer, in place of the end of its line in plain text.
        read: How a free answer must equal a label's word; None reads it leniently.
        contextual: Ask each prompt with texts without content too, and calibrate by them.
    """

    method: Annotated[str, OneOf(lambda: (*SCORINGS, *current().scorers))] = "logprobs"
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    until: list[Annotated[str, Field(min_length=1)]] = Field(default=[])
    read: ReadSpec | None = None
    contextual: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Json) -> Json:
        return {"method": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        given = {"max_tokens": self.max_tokens, "until": self.until or None, "read": self.read}
        for key, value in given.items():
            if value is not None and self.asks != "generate":
                raise complain(f"'{key}' belongs to method generate only")
        if self.read is not None and self.method != "generate":
            raise complain(f"'read' goes with method generate, not with the scorer {self.method}")
        if self.contextual and self.method != "logprobs":
            raise complain("'contextual' belongs to method logprobs only")
        return self

    @property
    def asks(self) -> Asks:
        """What the model is asked, for a registered scorer too."""
        if (registered := current().scorers.get(self.method)) is not None:
            return registered.asks
        return "generate" if self.method == "generate" else (
            "choice" if self.method == "choice" else "logprobs")  # fmt: skip
