#!/usr/bin/env bash
# xgrammar 0.2.8 and llguidance 1.7.6, both behind vLLM's structured outputs, seen 2026-11-28.
# Guess: one JSON Schema allows one set of texts, whichever library holds a model to it.
# Real: a string with minLength or maxLength takes no escape in xgrammar (no quotation mark, line
# break or backslash), and does in llguidance; without additionalProperties an object is closed in
# xgrammar and open in llguidance.
# Why it matters: a judge whose reason has a length bound cannot quote the answer that it judges.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
  torch==2.13.0 xgrammar==0.2.8 llguidance==1.7.6 numpy==2.3.5
"$work/venv/bin/python" - <<'PY'
import json

import llguidance
import xgrammar

# One token a byte, and one that ends.
vocabulary = [bytes([value]) for value in range(256)] + [b"<end>"]
info = xgrammar.TokenizerInfo(vocabulary, stop_token_ids=[256])
compiler = xgrammar.GrammarCompiler(info)


def by_xgrammar(schema: str, text: str) -> bool:
    compiled = compiler.compile_json_schema(schema, any_whitespace=False, separators=(",", ":"))
    matcher = xgrammar.GrammarMatcher(compiled)
    return all(matcher.accept_token(value) for value in text.encode()) and matcher.accept_token(256)


class Bytes:
    eos_token_id, bos_token_id = 256, None
    tokens, special_token_ids = vocabulary, [256]

    def __call__(self, text):
        return list(text if isinstance(text, bytes) else text.encode())


tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(Bytes()))


def by_llguidance(schema: str, text: str) -> bool:
    grammar = llguidance.LLMatcher.grammar_from_json_schema(
        schema,
        overrides={"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"},
    )
    matcher = llguidance.LLMatcher(tokenizer, grammar)
    return matcher.consume_tokens(list(text.encode())) and matcher.is_accepting()


def a(kind: dict, **more) -> str:
    return json.dumps({"type": "object", "properties": {"a": kind}, "required": ["a"], **more})


free, bound = {"type": "string"}, {"type": "string", "maxLength": 40}
quoted = json.dumps({"a": 'says "no"'}, separators=(",", ":"))
further = '{"a":"x","b":1}'
found = {}
for name, schema, text in [
    ("quotation mark, free", a(free, additionalProperties=False), quoted),
    ("quotation mark, bounded", a(bound, additionalProperties=False), quoted),
    ("further key, not named in the schema", a(free), further),
]:
    found[name] = (by_xgrammar(schema, text), by_llguidance(schema, text))
    print(f"{name}: xgrammar {found[name][0]}, llguidance {found[name][1]}")
assert list(found.values()) == [(True, True), (False, True), (False, True)], found
PY
