"""What a server's refusal teaches: its own words, as servers have them."""

from __future__ import annotations

import pytest

from harness.engines.openai_dialect import Dialect
from harness.records import Sampling

SCORED = Sampling(score_texts=("1", "2"), schema='{"type":"string","maxLength":9}')
PLAIN = Sampling()


@pytest.mark.parametrize(
    ("told", "learnt"),
    [
        ("max_tokens Unsupported parameter: 'max_tokens' is not supported with this model. Use "
         "'max_completion_tokens' instead.", Dialect(max_tokens=False)),
        ("None logprobs is not supported with this model", Dialect(alternatives=0)),
        ("None 'logprobs' is not allowed", Dialect(alternatives=0)),
        ("None top_logprobs must be less than or equal to 5", Dialect(alternatives=5)),
        ("top_logprobs Invalid value: expected a value <= 8, but got 20 instead.",
         Dialect(alternatives=5)),
        ("None Requested sample logprobs of 20, which is greater than max allowed: 10",
         Dialect(alternatives=5)),
        ('None [{"loc": ["body", "top_logprobs"], "msg": "Input should be less than or equal to '
         '8"}]', Dialect(alternatives=5)),
        ("None In context=(), 'maxLength' is not permitted.", Dialect(bounds=False)),
    ],
)  # fmt: skip
def test_words_of_servers(told, learnt):
    assert Dialect().without(told, SCORED) == learnt
    assert learnt.without(told, SCORED) in (None, Dialect(alternatives=0))


@pytest.mark.parametrize(
    "told",
    [
        "max_tokens max_tokens is too large: 5000. This model supports at most 4096 completion "
        "tokens, whereas you provided 5000.",
        "None 'max_tokens' or 'max_completion_tokens' is too large: 320. This model's maximum "
        "context length is 256 tokens and your request has 450 input tokens (320 > 256 - 450).",
        "None This model's maximum context length is 256 tokens",
        "None the schema is not supported",
    ],
)
def test_a_refusal_of_one_request_teaches_nothing(told):
    assert Dialect().without(told, SCORED) is None


def test_what_was_not_sent_is_not_learnt():
    assert Dialect().without("logprobs is not allowed", PLAIN) is None
    assert Dialect().without("maxLength is not permitted", PLAIN) is None
    assert Dialect(max_tokens=False).without("max_tokens is not supported", PLAIN) is None


def test_what_two_requests_learnt():
    one, other = Dialect(max_tokens=False, alternatives=5), Dialect(bounds=False)
    assert one.also(other) == Dialect(False, 5, False)
    assert Dialect(alternatives=0).also(one).alternatives == 0
