"""A reason: its kind, its facts and what caused it. Equal reasons are counted together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.reasons.kinds import KINDS
from harness.reasons.words import phrases

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core.core_schema import CoreSchema

Fact = int | float | str
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
        if isinstance(value, str):
            return cls("other", {"said": value})
        if not isinstance(value, dict):
            raise ValueError("a reason is a text, or an object with kind, facts and text")
        try:
            causes = tuple(map(cls.from_json, value.get("causes", ())))
            found = cls(str(value["kind"]), dict(value["facts"]), causes)
            # Its facts must be such as the phrase can be filled with, and can be counted.
            if not found.text or not hash(found):
                raise ValueError("a reason that says nothing")
        except (KeyError, TypeError, ValueError) as error:
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
        """Describe what `to_json` writes."""
        return {
            "title": "Reason",
            "type": "object",
            "properties": {
                "kind": {"enum": list(KINDS)},
                "facts": {
                    "type": "object",
                    "additionalProperties": {"type": ["integer", "number", "string"]},
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
    cause = "; ".join(say(one, lang) for one in reason.causes)
    return phrases(lang)[reason.kind].format(**reason.facts, cause=cause)


@dataclass(frozen=True, slots=True)
class Counted:
    """A reason, and how often it was given."""

    reason: Reason
    n: int


def count(reasons: Iterable[Reason]) -> tuple[Counted, ...]:
    """Return how often each reason was given, the commonest first, then by their texts."""
    return _sorted(Counter(reasons))


def redact_counts(counted: Iterable[Counted]) -> tuple[Counted, ...]:
    """Return the counts of redacted reasons, of which several may be one."""
    found: Counter[Reason] = Counter()
    for one in counted:
        found[one.reason.redacted()] += one.n
    return _sorted(found)


def several(reasons: Sequence[Reason]) -> Reason | None:
    """Return all reasons as one, None of none."""
    if len(reasons) < 2:
        return reasons[0] if reasons else None
    return Reason("several", causes=tuple(reasons))


def _sorted(found: Mapping[Reason, int]) -> tuple[Counted, ...]:
    pairs = sorted(found.items(), key=lambda item: (-item[1], item[0].text))
    return tuple(Counted(reason, n) for reason, n in pairs)
