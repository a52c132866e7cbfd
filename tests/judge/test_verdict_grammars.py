"""A verdict's schema means the same to both grammars: llguidance's and, under vLLM, xgrammar's."""

from __future__ import annotations

import pytest

from harness.engines import engine_installed
from harness.engines.schemas import Schemas
from harness.engines.vllm_schemas import spelled_grammar
from harness.judge.points import PointsAsked
from harness.judge.verdict import ABSOLUTE_SCHEMA, PAIRWISE_SCHEMA

REASONS = {
    "plain": "It is right.",
    "quotes": r"It says \"yes\" twice.",
    "line breaks": r"One.\nTwo.\r\nThree.",
    "backslash": r"C:\\path",
    "tab": r"a\tb",
    "rare escapes": r"\b\f",
    "Cyrillic": "Ответ «верен», ёмкий.",
    "emoji": "fine 😀",
    "a control character": r"a\u0000b",
    "as long as may be": "x" * 240,
    "as long as may be, in Cyrillic": "ж" * 240,
    "as long as may be, in emoji": "😀" * 240,
    "as long as may be, in quotes": r"\"" * 240,
}
"""Spelled as in JSON; an escape is one character."""

MISSHAPEN = {
    "an empty reason": '{"reason":"",@}',
    "a reason too long": '{"reason":"' + "x" * 241 + '",@}',
    "a reason too long in quotes": '{"reason":"' + r"\"" * 241 + '",@}',
    "a raw control character": '{"reason":"a\x01b",@}',
    "a raw delete": '{"reason":"a\x7fb",@}',
    "a slash behind a backslash": r'{"reason":"a\/b",@}',
    "a letter as an escape": r'{"reason":"a\u0436b",@}',
    "an emoji as escapes": r'{"reason":"a\ud83d\ude00b",@}',
    "a raw line break": '{"reason":"a\nb",@}',
    "a raw tab": '{"reason":"a\tb",@}',
    "an open quote": '{"reason":"a"b",@}',
    "an unknown escape": r'{"reason":"a\qb",@}',
    "half an escape": r'{"reason":"a\u12",@}',
    "another order": '{@,"reason":"a"}',
    "no reason": "{@}",
    "no verdict": '{"reason":"a"}',
    "a further key": '{"reason":"a",@,"more":1}',
    "a reason twice": '{"reason":"a","reason":"b",@}',
    "no text": '{"reason":7,@}',
    "white space": '{"reason": "a", @}',
    "white space before": ' {"reason":"a",@}',
    "text behind": '{"reason":"a",@}x',
    "cut": '{"reason":"a',
}
SCHEMAS = {
    "absolute": (ABSOLUTE_SCHEMA, [f'"score":{n}' for n in (1, 7, 10)],
                 ['"score":0', '"score":11', '"score":07', '"score":7.0', '"score":"7"',
                  '"score":null', '"verdict":7']),
    "pairwise": (PAIRWISE_SCHEMA, [f'"verdict":"{one}"' for one in ("A", "B", "tie")],
                 ['"verdict":"a"', '"verdict":"C"', '"verdict":""', '"verdict":1',
                  '"score":"A"']),
}  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer(tiny_folder):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_folder)


@pytest.fixture(scope="module")
def llguidance(tokenizer):
    """Return whether llguidance takes a text as a whole, as the transformers engine asks it."""
    schemas = Schemas(tokenizer, vocab=len(tokenizer), eos_ids={tokenizer.eos_token_id})

    def takes(schema, text):
        matcher, complete = schemas.matcher(schema), False
        for token in tokenizer.encode(text, add_special_tokens=False):
            if complete or not matcher.allowed(len(tokenizer))[token]:
                return False
            complete = matcher.take(token)
        return complete

    return takes


@pytest.fixture(scope="module")
def xgrammar(tokenizer):
    """Return whether xgrammar takes a text as a whole, by what the vLLM engine gives it."""
    if not engine_installed("vllm"):
        pytest.skip("vLLM, which brings xgrammar, is not installed")
    import xgrammar as grammars

    info = grammars.TokenizerInfo.from_huggingface(tokenizer, vocab_size=len(tokenizer))
    compiler = grammars.GrammarCompiler(info)

    def takes(schema, text):
        grammar = spelled_grammar(schema)
        assert grammar is not None
        made = compiler.compile_grammar(grammar)
        matcher = grammars.GrammarMatcher(made, terminate_without_stop_token=True)
        return matcher.accept_string(text) and matcher.is_terminated()

    return takes


@pytest.mark.parametrize("grammar", ["llguidance", "xgrammar"])
@pytest.mark.parametrize("kind", SCHEMAS)
class TestBothGrammars:
    @pytest.fixture
    def takes(self, grammar, request):
        return request.getfixturevalue(grammar)

    @pytest.mark.parametrize("reason", REASONS)
    def test_take_every_reason_with_every_verdict(self, takes, kind, reason):
        schema, verdicts, _ = SCHEMAS[kind]
        for verdict in verdicts:
            assert takes(schema, f'{{"reason":"{REASONS[reason]}",{verdict}}}'), verdict

    @pytest.mark.parametrize("shape", MISSHAPEN)
    def test_refuse_every_other_shape(self, takes, kind, shape):
        schema, verdicts, _ = SCHEMAS[kind]
        assert not takes(schema, MISSHAPEN[shape].replace("@", verdicts[0]))

    def test_refuse_every_other_verdict(self, takes, kind):
        schema, _, others = SCHEMAS[kind]
        taken = [one for one in others if takes(schema, f'{{"reason":"a",{one}}}')]
        assert taken == []


ONE = PointsAsked(1, partly=False, answer="").schema
TWO = PointsAsked(2, partly=True, answer="").schema
_MET = '"quote_1":"a","verdict_1":"met"'


@pytest.mark.parametrize("grammar", ["llguidance", "xgrammar"])
@pytest.mark.parametrize(
    ("schema", "text", "fits"),
    [
        (ONE, "{" + _MET + "}", True),
        (ONE, '{"quote_1":"","verdict_1":"not met"}', True),
        (ONE, '{"quote_1":"' + "ж" * 120 + '","verdict_1":"met"}', True),
        (ONE, r'{"quote_1":"\"a\"\nb","verdict_1":"met"}', True),
        (ONE, '{"quote_1":"' + "x" * 121 + '","verdict_1":"met"}', False),
        (ONE, '{"quote_1":"a","verdict_1":"partly"}', False),
        (ONE, '{"verdict_1":"met","quote_1":"a"}', False),
        (ONE, '{"verdict_1":"met"}', False),
        (TWO, "{" + _MET + ',"quote_2":"","verdict_2":"partly"}', True),
        (TWO, "{" + _MET + "}", False),
        (TWO, "{" + _MET + ',"quote_2":"","verdict_2":"maybe"}', False),
        (TWO, "{" + _MET + "," + _MET + "}", False),
    ],
)
def test_verdicts_on_points_mean_the_same_to_both(request, grammar, schema, text, fits):
    assert request.getfixturevalue(grammar)(schema, text) == fits
