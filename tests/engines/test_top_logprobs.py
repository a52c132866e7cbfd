"""Log-probabilities of a JSON object's last value, from the most probable tokens."""

from __future__ import annotations

import math
import time

import pytest

from harness.engines.top_logprobs import Position, value_logprobs

SCORES = tuple(str(number) for number in range(1, 11))


def positions(*tokens):
    """Positions from tokens, or from tokens with the probabilities of alternatives."""
    pairs = [(one, {}) if isinstance(one, str) else one for one in tokens]
    return [
        Position(token.encode(), {t.encode(): math.log(p) for t, p in top.items()})
        for token, top in pairs
    ]


def probabilities(tokens, texts=SCORES, completion=None):
    """Return the texts' probabilities that are not 0, or None without any figure."""
    at = positions(*tokens)
    whole = b"".join(position.token for position in at).decode()
    found = value_logprobs(whole if completion is None else completion, at, texts)
    if not found:
        return None
    assert len(found) == len(texts)
    return {
        text: pytest.approx(math.exp(value))
        for text, value in zip(texts, found, strict=True)
        if value > -math.inf
    }


END = ("}", {"}": 1.0})


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        # Single tokens; what is not a score does not count.
        (
            ['{"score":', ("7", {"7": 0.5, "8": 0.3, " ": 0.005, "\n": 0.195}), END],
            {"7": 0.5, "8": 0.3},
        ),
        # A token for ten.
        (['{"score":', ("10", {"10": 0.6, "9": 0.4}), END], {"10": 0.6, "9": 0.4}),
        # Ten in two tokens, written out; 1 and 10 share the first by the second.
        (
            ['{"score":', ("1", {"1": 0.8, "9": 0.2}), ("0", {"0": 0.75, "}": 0.25}), END],
            {"10": 0.6, "1": 0.2, "9": 0.2},
        ),
        # The same where one was written.
        (
            ['{"score":', ("1", {"1": 0.8, "9": 0.2}), ("}", {"0": 0.75, "}": 0.25})],
            {"10": 0.6, "1": 0.2, "9": 0.2},
        ),
        # What a schema does not let by takes no part of it.
        (
            ['{"score":', ("1", {"1": 0.8, "<": 0.2}), ("}", {"0": 0.3, "}": 0.3, "<end>": 0.4})],
            {"10": 0.4, "1": 0.4},
        ),
        # The space and the value in one token, and the brace in it too.
        (['{"score":', (" 7}", {" 7}": 0.5, " 8}": 0.25, "9}": 0.25})], {"7": 0.5, "8": 0.25}),
        (
            ['{"score":', ("1}", {"1}": 0.5, "10": 0.25, "2": 0.2, "x": 0.05})],
            {"1": 0.5, "10": 0.25, "2": 0.2},
        ),
        # The value begins in the middle of a token.
        (['{"score', ('":7', {'":7': 0.5, '":3': 0.25, '":x': 0.25}), END], {"7": 0.5, "3": 0.25}),
        # A rare 1 that was not taken is left out.
        (['{"score":', ("7", {"7": 0.9, "1": 0.005, " ": 0.095}), END], {"7": 0.9}),
        # Scores that are not told can have no more than the least that is, eight times.
        (['{"score":', ("7", {"7": 0.7, "8": 0.2, "\n": 0.001}), END], {"7": 0.7, "8": 0.2}),
        # Values before the last one are others.
        (['{"a":"7","n":3,"score":', ("7", {"7": 1.0}), END], {"7": 1.0}),
        (['{"reason":"} 5","score":', ("7", {"7": 1.0}), END], {"7": 1.0}),
    ],
)
def test_scores(tokens, expected):
    assert probabilities(tokens) == expected


@pytest.mark.parametrize(
    "tokens",
    [
        # A 1 that was not taken may be 1 or 10.
        ['{"score":', ("7", {"7": 0.7, "1": 0.3}), END],
        # A space that was not taken may be any of them.
        ['{"score":', (" 7", {" 7": 0.7, " ": 0.3}), END],
        # So it is where the scores have little probability, and the 1 has much of it.
        ['{"score":', ("7", {"7": 0.02, "1": 0.009, "\n": 0.971}), END],
        # Scores that are not told could be as probable as those that are.
        ['{"score":', ("7", {"7": 0.03, " ": 0.9, "  ": 0.02}), END],
        ['{"score":', ("7", {"7": 0.5, "8": 0.3, "6": 0.1}), END],
        # Behind the 1 that was taken nothing is known.
        ['{"score":', ("1", {"1": 0.8, "9": 0.2}), ("}", {})],
        # Behind it the 0 is not told, and may be as probable as what is left.
        ['{"score":', ("1", {"1": 0.8, "9": 0.2}), ("}", {"}": 0.55, "}\n": 0.3})],
        # None of the scores is among the most probable.
        ['{"score":', ("77", {"77": 1.0}), END],
        # No alternatives are told at all.
        ['{"score":', "7", "}"],
        # No object, no JSON, nothing.
        ["7"],
        ['{"score":', ("7", {"7": 1.0})],
        [""],
        [],
    ],
)
def test_no_figure_where_the_tokens_do_not_tell(tokens):
    assert probabilities(tokens) is None


def test_tokens_of_another_text_tell_nothing():
    tokens = ['{"score":', ("7", {"7": 1.0}), END]
    assert probabilities(tokens, completion='{"score":8}') is None
    assert probabilities([], completion='{"score":8}') is None


def test_tokens_before_and_after_the_completion():
    tokens = ["<think>7}</think>", '{"score":', ("7", {"7": 1.0}), END, "<end>"]
    assert probabilities(tokens, completion='{"score":7}') == {"7": 1.0}


def test_characters_of_several_bytes_stand_before_the_value():
    at = [
        Position('{"причина":"'.encode(), {}),
        Position("и".encode()[:1], {}),
        Position("и".encode()[1:] + b'","score":', {}),
        Position(b"7", {b"7": math.log(0.5), b" ": math.log(0.5)}),
        Position(b"}", {}),
    ]
    found = value_logprobs('{"причина":"и","score":7}', at, SCORES)
    assert found[6] == pytest.approx(math.log(0.5))
    # Servers tell halves of a character as what stands for an unknown one.
    at[1:3] = [Position("\ufffd".encode(), {}), Position('\ufffd","score":'.encode(), {})]
    assert value_logprobs('{"причина":"и","score":7}', at, SCORES) == found


def test_a_reason_that_looks_like_a_score():
    reason = r'{"reason":"\"score\":3} \"score\":4","score":'
    assert probabilities([reason, ("7", {"7": 1.0}), END]) == {"7": 1.0}


def test_words_with_their_quotes():
    tokens = ['{"verdict":', ('"A', {'"A': 0.5, '"B': 0.3, '"tie': 0.2}), ('"}', {'"}': 1.0})]
    texts = ('"A"', '"B"', '"tie"')
    assert probabilities(tokens, texts) == {'"A"': 0.5, '"B"': 0.3, '"tie"': 0.2}
    tokens = ['{"verdict":"', ("A", {"A": 1.0}), '"}']
    assert probabilities(tokens, ("A", "B")) is None


@pytest.mark.parametrize("piece", [r"\"", r"\\", "a", "{", ":", " ", ","])
def test_a_long_reason_takes_no_longer_than_its_length(piece):
    reason = '{"reason":"' + piece * 500_000 + '","score":'
    started = time.process_time()
    assert probabilities([reason, ("7", {"7": 1.0}), END]) == {"7": 1.0}
    assert probabilities([f'{{"{"a" * 999}":', ("7", {"7": 1.0}), END]) is None
    assert probabilities([reason, f'"{piece * 500_000}"', END]) is None
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "completion", ["{}", "[]", '{"score":[7]}', '{"score":{"a":7}}', '{"score":7}}', "[" * 200_000]
)
def test_what_ends_in_no_value(completion):
    assert value_logprobs(completion, positions(("7", {"7": 1.0})), SCORES) == ()
