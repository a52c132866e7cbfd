"""JSON Schemas with bounded strings as xgrammar's own grammars, which vLLM takes as well.

Read from a JSON Schema, a string with `minLength` or `maxLength` has no escapes in xgrammar 0.2.8:
it breaks off before its first quotation mark, line break or backslash, and takes raw control
characters, which are not JSON.

A bound is spelled as a chain of rules, one for each number of characters that may still follow. As
a repetition with bounds the same strings cost thousands of times as much at each token
(findings/xgrammar_bounded_repetition_scans_the_vocabulary.sh).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache

from harness.records import Json

# Spellings of one character; the same ones that llguidance takes, so that both engines are alike.
_PLAIN, _ESCAPED = r'[^"\\\x00-\x1f\x7f]', r'"\\" escape'
_ESCAPE = r'escape ::= ["\\bfnrt] | "u00" [01] [0-9a-f] | "u007f"'
_ANY = "any"
_MOST_NUMBERS = 1000
_MOST_CHARACTERS = 1000
_BOUNDS = ("minLength", "maxLength")
_OBJECT = {"type", "properties", "required", "additionalProperties"}


@cache
def spelled_grammar(schema: str) -> str | None:
    """Return a grammar of compact JSON that fits a schema, or None if the schema bounds no string.

    Args:
        schema: Text of a closed object, all of whose properties are required, in their order;
            each is a string, bounded or not, one of an enumeration, or a whole number of a small
            range.

    Raises:
        ValueError: It bounds strings and is of another form, which vLLM could not keep to.
    """
    whole: Json = json.loads(schema)
    if not _bounded(whole):
        return None
    if not isinstance(whole, dict) or whole.keys() != _OBJECT or whole["type"] != "object":
        raise ValueError(_refusal("is not a closed object"))
    properties = whole["properties"]
    if not isinstance(properties, dict) or whole["additionalProperties"] is not False:
        raise ValueError(_refusal("is not a closed object"))
    if whole["required"] != list(properties):
        raise ValueError(_refusal("does not require all its keys in their order"))
    parts: list[str] = []
    for number, (name, kind) in enumerate(properties.items()):
        before = "," if number else "{"
        parts += [_literal(f"{before}{_compact(name)}:"), _value(name, kind)]
    root = f"root ::= {' '.join(parts)} {_literal('}')}"
    bounds = (_bounds(*item) for item in properties.items())
    longest = max((most - least for least, most in bounds if most is not None), default=0)
    chain = (_rule(_most(number), _most(number - 1)) for number in range(1, longest + 1))
    return "\n".join([root, *chain, _rule(_ANY, _ANY), _ESCAPE, ""])


def _rule(name: str, after: str) -> str:
    """Return a rule that takes nothing, or one character and then what another rule takes."""
    after = f" {after}" if after else ""
    return f'{name} ::= {_PLAIN}{after} | {_ESCAPED}{after} | ""'


def _bounded(part: Json) -> bool:
    if isinstance(part, list):
        return any(map(_bounded, part))
    if not isinstance(part, dict):
        return False
    # A property of such a name is described by a mapping.
    here = any(isinstance(part.get(name), int) for name in _BOUNDS)
    return here or any(map(_bounded, part.values()))


def _value(name: str, kind: Json) -> str:
    if not isinstance(kind, dict):
        raise ValueError(_refusal(f"says nothing of '{name}'"))
    among = kind.get("enum") if kind.keys() <= {"type", "enum"} else _whole_numbers(kind)
    if isinstance(among, list) and among:
        return f"({' | '.join(_literal(_compact(one)) for one in among)})"
    if kind.get("type") == "string" and kind.keys() <= {"type", *_BOUNDS}:
        return " ".join([_literal(chr(34)), *_characters(name, kind), _literal(chr(34))])
    raise ValueError(
        _refusal(f"asks for another kind of '{name}' than a string, an enum or a small range")
    )


def _whole_numbers(kind: Mapping[str, Json]) -> list[Json] | None:
    """Return the values of a small range of whole numbers, None of anything else."""
    low, high = kind.get("minimum"), kind.get("maximum")
    if kind.keys() != {"type", "minimum", "maximum"} or kind["type"] != "integer":
        return None
    if not isinstance(low, int) or not isinstance(high, int) or high - low >= _MOST_NUMBERS:
        return None
    return list(range(low, high + 1))


def _characters(name: str, kind: Json) -> list[str]:
    """Return what a string's bounds let stand between its quotation marks."""
    least, most = _bounds(name, kind)
    after = _ANY if most is None else _most(most - least)
    return [f"({_PLAIN} | {_ESCAPED})"] * least + [after] * bool(after)


def _bounds(name: str, kind: Json) -> tuple[int, int | None]:
    """Return the least and the greatest length of a string in characters."""
    found = kind if isinstance(kind, dict) else {}
    least, most = found.get("minLength", 0), found.get("maxLength")
    if not isinstance(least, int) or not isinstance(most, int | None):
        raise ValueError(_refusal(f"bounds '{name}' by what is not a number"))
    if not 0 <= least <= (_MOST_CHARACTERS if most is None else most) <= _MOST_CHARACTERS:
        raise ValueError(
            _refusal(f"bounds '{name}' by other numbers than 0 to {_MOST_CHARACTERS}, in order")
        )
    return least, most


def _most(number: int) -> str:
    return f"most_{number}" if number else ""


def _compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _literal(text: str) -> str:
    """Return a text as a terminal of the grammar, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


def _refusal(problem: str) -> str:
    return f"vLLM keeps to no such bounds of strings: the schema {problem}"
