"""Schemas with bounded strings as grammars; what the grammars take: tests/judge."""

from __future__ import annotations

import json

import pytest

from harness.engines.vllm_schemas import spelled_grammar

BOUNDED = {"type": "string", "maxLength": 9}


def schema(properties, **changes):
    whole = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return json.dumps({**whole, **changes})


def test_a_grammar_spells_keys_values_and_bounds():
    found = spelled_grammar(
        schema(
            {
                "reason": {"type": "string", "minLength": 1, "maxLength": 240},
                "a": {"type": "string"},
                'q"': {"type": "string", "enum": ["да", 'n"']},
                "n": {"type": "integer", "enum": [1, 10]},
                "m": {"type": "integer", "minimum": -1, "maximum": 1},
            }
        )
    )
    assert found is not None
    root, *rules = found.splitlines()
    one = r'([^"\\\x00-\x1f\x7f] | "\\" escape)'
    assert root == (
        rf'root ::= "{{\"reason\":" "\"" {one} most_239 "\"" ",\"a\":" "\"" any "\"" '
        r'",\"q\\\"\":" ("\"да\"" | "\"n\\\"\"") ",\"n\":" ("1" | "10") '
        r'",\"m\":" ("-1" | "0" | "1") "}"'
    )
    assert rules[0] == r'most_1 ::= [^"\\\x00-\x1f\x7f] | "\\" escape | ""'
    assert rules[238].startswith("most_239 ::= ")
    assert rules[238].count("most_238") == 2


@pytest.mark.parametrize(
    "unbounded",
    [
        schema({"a": {"type": "string"}, "b": {"type": "array"}}),
        schema({"maxLength": {"type": "string"}, "minLength": {"type": "integer"}}),
        '{"type": "integer"}',
    ],
)
def test_a_schema_without_bounds_is_left_to_xgrammar(unbounded):
    assert spelled_grammar(unbounded) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (json.dumps(BOUNDED), "is not a closed object"),
        (schema({"a": BOUNDED}, additionalProperties=True), "is not a closed object"),
        (schema({"a": BOUNDED, "b": BOUNDED}, required=["a"]), "does not require all its keys"),
        (schema({"a": BOUNDED, "b": BOUNDED}, required=["b", "a"]), "keys in their order"),
        (schema({"a": {"type": "array", "items": BOUNDED}}), "another kind of 'a'"),
        (schema({"a": {**BOUNDED, "pattern": "x"}}), "another kind of 'a'"),
        (schema({"a": {**BOUNDED, "maxLength": 1001}}), "bounds 'a' by other numbers than 0 to"),
        (schema({"a": {**BOUNDED, "minLength": 10}}), "bounds 'a' by other numbers than 0 to"),
        (schema({"a": BOUNDED, "b": {"type": "integer"}}), "another kind of 'b'"),
        (
            schema({"a": BOUNDED, "b": {"type": "integer", "minimum": 1, "maximum": 9999}}),
            "another kind of 'b'",
        ),
    ],
)
def test_bounds_that_vllm_would_not_keep_to_are_refused(text, problem):
    with pytest.raises(ValueError, match=problem) as caught:
        spelled_grammar(text)
    assert str(caught.value).startswith("vLLM keeps to no such bounds of strings: the schema ")
