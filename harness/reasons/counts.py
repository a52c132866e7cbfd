"""How often reasons were given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated

from harness.reasons.reason import Reason

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core.core_schema import CoreSchema


class _AsList:
    """Counts in JSON: a list of reasons with their numbers; counts by text are read as well."""

    def __get_pydantic_core_schema__(
        self, source: type[object], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            _read, serialization=core_schema.plain_serializer_function_ser_schema(_written)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, object]:
        properties = {"reason": Reason.json_schema(), "n": {"type": "integer"}}
        one = {"type": "object", "properties": properties, "required": ["reason", "n"]}
        return {"type": "array", "items": one}


Counts = Annotated[Mapping[Reason, int], _AsList()]
"""Reasons with the number of samples, answers or verdicts that each of them explains."""


def count(reasons: Iterable[Reason]) -> Counts:
    """Return how often each reason was given, the commonest first, then by their texts."""
    found = Counter(reasons)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0].text)))


def changed(counts: Counts, change: Callable[[Reason], Reason]) -> Counts:
    """Return the counts of changed reasons, of which several may have become one."""
    found: Counter[Reason] = Counter()
    for reason, n in counts.items():
        found[change(reason)] += n
    return dict(found)


def _written(counts: Counts) -> list[dict[str, object]]:
    return [{"reason": reason.to_json(), "n": n} for reason, n in counts.items()]


def _read(value: object) -> Counts:
    pairs: list[tuple[object, object]] = []
    if isinstance(value, Mapping):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = [(one["reason"], one["n"]) for one in value if isinstance(one, dict)
                 and one.keys() >= {"reason", "n"}]  # fmt: skip
    numbers = [n for _, n in pairs if isinstance(n, int)]
    if not isinstance(value, Mapping | list) or not len(value) == len(pairs) == len(numbers):
        raise ValueError("counts of reasons are a list of objects with reason and n")
    found: Counter[Reason] = Counter()
    for (reason, _), n in zip(pairs, numbers, strict=True):
        found[Reason.from_json(reason)] += n
    return dict(found)
