"""A reason: its kind, its facts and what caused it. Equal reasons are counted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.language import words
from harness.reasons.kinds import KINDS

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core.core_schema import CoreSchema

Fact = int | float | str | tuple[str, ...]
"""A number, a text as it was given, or kinds without facts, of which any may hold."""
_MASK = "…"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there is no verdict, or why it is a bad one.

    Its JSON has the English text beside kind and facts, for readers; only a text is read as a
    reason of kind `other`, and so is a kind that this version does not know.

    Attributes:
        kind: One of `harness.reasons.kinds.KINDS`.
        facts: What its phrase fills in by name, as it was given: who shows a text makes it inert.
        causes: Reasons that it hands on; none for most kinds.

    Raises:
        ValueError: There is no such kind, or it has other facts.
    """

    kind: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    causes: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        """Check the facts against those of the kind."""
        known = KINDS.get(self.kind)
        if known is None:
            raise ValueError(f"there is no reason of kind '{self.kind}'")
        if self.facts.keys() != known.names or bool(self.causes) != known.caused:
            raise ValueError(f"a reason of kind '{self.kind}' has the facts {sorted(known.names)}")

    def __hash__(self) -> int:
        """Equal reasons are counted together."""
        return hash((self.kind, frozenset(self.facts.items()), self.causes))

    @property
    def text(self) -> str:
        """In English, as terminal, log and pytest's own reports have it."""
        return say(self, "en")

    def redacted(self) -> Reason:
        """Return it without texts of samples, models, judges, servers and extensions."""
        texts = KINDS[self.kind].texts
        facts = {name: _MASK if name in texts else fact for name, fact in self.facts.items()}
        return Reason(self.kind, facts, tuple(one.redacted() for one in self.causes))

    def to_json(self) -> dict[str, object]:
        """Return what JSON holds of it."""
        found: dict[str, object] = {"kind": self.kind, "facts": dict(self.facts)}
        if self.causes:
            found["causes"] = [one.to_json() for one in self.causes]
        return found | {"text": self.text}

    @classmethod
    def from_json(cls, value: object) -> Reason:
        """Return what `to_json` wrote; a text, or what this version cannot say, as `other`.

        Raises:
            ValueError: It is neither.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str) and value:
            return cls("other", {"said": value})
        if not isinstance(value, dict):
            raise ValueError("a reason is a text, or an object with kind, facts and text")
        try:
            causes = tuple(map(cls.from_json, value.get("causes", ())))
            facts = {name: tuple(fact) if isinstance(fact, list) else fact
                     for name, fact in value["facts"].items()}  # fmt: skip
            found = cls(str(value["kind"]), facts, causes)
            # Its facts must be such as the phrase can be filled with, and can be counted.
            if not found.text or not hash(found):
                raise ValueError("a reason that says nothing")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if not isinstance(value.get("text"), str):
                raise ValueError("a reason without kind, facts and text") from error
            return cls("other", {"said": value["text"]})
        return found

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[object], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Read and write it by the two methods above."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            cls.from_json,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.to_json),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, object]:
        """See `json_schema`."""
        return cls.json_schema()

    @staticmethod
    def json_schema() -> dict[str, object]:
        """Describe what `to_json` writes."""
        return {
            "title": "Reason",
            "type": "object",
            "properties": {
                "kind": {"enum": list(KINDS)},
                "facts": {
                    "type": "object",
                    "additionalProperties": {"type": ["integer", "number", "string", "array"]},
                },
                "causes": {"type": "array", "items": {"type": "object"}},
                "text": {"type": "string"},
            },
            "required": ["kind", "facts", "text"],
        }


def say(reason: Reason, lang: str) -> str:
    """Return a reason as part of a sentence; its facts stand in it as they are.

    Args:
        reason: Of any kind.
        lang: `en` or `ru`.
    """
    t = words(lang)
    facts = {name: t["why_or"].join(t[f"why_{kind}"] for kind in fact)
             if isinstance(fact, tuple) else fact
             for name, fact in reason.facts.items()}  # fmt: skip
    cause = "; ".join(say(one, lang) for one in reason.causes)
    return t.say(f"why_{reason.kind}", **facts, cause=cause)


def several(reasons: Sequence[Reason]) -> Reason | None:
    """Return all reasons as one, None of none."""
    if len(reasons) < 2:
        return reasons[0] if reasons else None
    return Reason("several", causes=tuple(reasons))
