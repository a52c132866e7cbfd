"""Masks of JSON Schemas over real and tiny tokenizers."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from harness.engines.schemas import Schemas

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "reason": {"type": "string"},
            "score": {"type": "integer", "minimum": 1, "maximum": 10},
        },
        "required": ["reason", "score"],
        "additionalProperties": False,
    }
)


def of(folder):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    vocab = len(tokenizer) + 5
    return tokenizer, Schemas(tokenizer, vocab=vocab, eos_ids={tokenizer.eos_token_id}), vocab


def walk(matcher, tokenizer, vocab, text):
    """Take the tokens of a text one by one; return whether each was allowed, up to a refusal."""
    seen = []
    for token in tokenizer.encode(text, add_special_tokens=False):
        seen.append(bool(matcher.allowed(vocab)[token]))
        if not seen[-1]:
            break
        matcher.take(token)
    return seen


@pytest.fixture(scope="module")
def tiny(tiny_folder):
    return of(tiny_folder)


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ('{"reason":"a \\"b\\" и","score":10}', True),
        ('{"reason":"","score":1}', True),
        ('{"reason":"", "score":1}', False),
        ('{"reason": "","score":1}', False),
        ('{ "reason":"","score":1}', False),
        ('{"score":1,"reason":""}', False),
        ('{"reason":"","score":11}', False),
        ('{"reason":"","score":0}', False),
        ('{"reason":"","score":1.5}', False),
        ('{"reason":"","score":1,"more":2}', False),
    ],
)
def test_compact_json_that_fits_is_all_that_is_allowed(tiny, text, fits):
    tokenizer, schemas, vocab = tiny
    assert all(walk(schemas.matcher(SCHEMA), tokenizer, vocab, text)) is fits


def test_the_json_is_complete_with_its_last_brace(tiny):
    tokenizer, schemas, vocab = tiny
    matcher = schemas.matcher(SCHEMA)
    assert all(walk(matcher, tokenizer, vocab, '{"reason":"x","score":1'))
    (brace,) = tokenizer.encode("}")
    assert not matcher.allowed(vocab)[tokenizer.eos_token_id]
    assert matcher.take(brace) is True


def test_special_tokens_are_no_text_of_a_string(tiny):
    tokenizer, schemas, vocab = tiny
    matcher = schemas.matcher(SCHEMA)
    walk(matcher, tokenizer, vocab, '{"reason":"x')
    allowed = matcher.allowed(vocab)
    assert not allowed[tokenizer.all_special_ids].any()
    assert not allowed[len(tokenizer) :].any()
    assert len(allowed) == vocab


def test_matchers_of_one_schema_are_apart(tiny):
    tokenizer, schemas, vocab = tiny
    first, second = schemas.matcher(SCHEMA), schemas.matcher(SCHEMA)
    walk(first, tokenizer, vocab, '{"reason":"x')
    assert all(walk(second, tokenizer, vocab, '{"reason":"y","score":2}'))
    assert all(walk(first, tokenizer, vocab, '","score":2}'))


def test_a_token_out_of_place_is_refused(tiny):
    tokenizer, schemas, _ = tiny
    with pytest.raises(ValueError, match="grammar"):
        schemas.matcher(SCHEMA).take(tokenizer.encode("x")[0])


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("{", "EOF while parsing"),
        ("[]", "Expecting object"),
        ('{"type": "nonsense"}', "Invalid type: nonsense"),
        ('{"type": "integer", "minimum": 3, "maximum": 1}', ""),
        ('{"type": "string", "pattern": "(?=a)b"}', "regex parse error"),
    ],
)
def test_what_is_no_schema_is_told_in_one_line(tiny, schema, reason):
    with pytest.raises(ValueError, match="the schema cannot be used: ") as caught:
        tiny[1].matcher(schema)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_tokens_of_the_byte_level_behind_another_decoder(tiny_folder, tmp_path):
    """As in a tokenizer made from a GGUF file."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)
    tokenizer.save_pretrained(tmp_path)
    path = tmp_path / "tokenizer.json"
    parts = json.loads(path.read_text())
    spaces = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    steps = [{"type": "ByteFallback"}, {"type": "Fuse"}, spaces, parts["decoder"]]
    path.write_text(json.dumps(parts | {"decoder": {"type": "Sequence", "decoders": steps}}))
    tokenizer, schemas, vocab = of(tmp_path)
    # Misread, each space and each byte of the letter would be a character of its own.
    short = SCHEMA.replace('"string"', '"string", "maxLength": 5')
    assert all(walk(schemas.matcher(short), tokenizer, vocab, '{"reason":"a и b","score":7}'))


def test_a_slow_tokenizer_is_refused():
    schemas = Schemas(SimpleNamespace(), vocab=5, eos_ids={0})
    with pytest.raises(ValueError, match="needs a fast tokenizer"):
        schemas.matcher(SCHEMA)


@pytest.mark.slow
def test_the_embedded_model_writes_json(smollm2):
    from harness.engines import open_engine
    from harness.records import EngineConfig, Request, Sampling

    tokenizer, _, _ = of(smollm2)
    prompt = tokenizer.encode("<|im_start|>user\nIs tea good?<|im_end|>\n<|im_start|>assistant\n")
    engine = open_engine(EngineConfig("transformers", str(smollm2), "float32", "cpu", 512))
    sampling = Sampling(
        max_tokens=120, schema=SCHEMA.replace('"string"', '"string","maxLength":60')
    )
    (output,) = engine.generate([Request("k", tuple(prompt), sampling)])
    engine.close()
    assert output.finish_reason == "stop"
    found = json.loads(output.text)
    assert output.text == json.dumps(found, separators=(",", ":"), ensure_ascii=False)
    assert " " in found["reason"]
    assert 1 <= found["score"] <= 10
