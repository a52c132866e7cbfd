"""What is made of the body of an answer, whatever a server puts into it."""

from __future__ import annotations

import json
import math

import pytest
from endpoints import chat

from harness.engines.openai_answers import NoAnswer, message_of, output
from harness.masking import Mask
from harness.records import Request, Sampling

SCORES = ("7", "8")
REQUEST = Request("k", (), Sampling(score_texts=SCORES), messages=(("user", "Is it?"),))
VERDICT = '{"score":7}'


def read(body):
    return output(REQUEST, json.dumps(body).encode(), Mask())


def body(text=VERDICT, **options):
    return json.loads(json.dumps(chat(text, **options).body))


def choice(**fields):
    made = body()
    made["choices"][0] |= fields
    return made


def message(**fields):
    return choice(message={"role": "assistant", **fields})


def place(**fields):
    """Return log-probabilities of which the token of the score has other fields."""
    made = {"token": "7", "bytes": [55], "logprob": -0.01,
            "top_logprobs": [{"token": "7", "bytes": [55], "logprob": -0.01}]}  # fmt: skip
    start = {"token": '{"score":', "bytes": None, "logprob": 0.0, "top_logprobs": []}
    end = {"token": "}", "bytes": None, "logprob": 0.0}
    return {"content": [start, made | fields, end]}


def test_a_completion():
    found = read(choice(logprobs=place()))
    assert (found.key, found.text, found.finish_reason, found.error) == ("k", VERDICT, "stop", None)
    assert (found.prompt_tokens, found.completion_tokens) == (11, 5)
    assert found.logprobs == pytest.approx((-0.01, -math.inf))


@pytest.mark.parametrize("numbers", [(1, 0), (2, 1), (1, None)])
def test_of_several_choices_the_first_by_number_is_taken(numbers):
    made = body()
    other, first = body("no"), made["choices"][0]
    made["choices"] = [other["choices"][0] | {"index": numbers[0]}, first | {"index": numbers[1]}]
    assert read(made).text == VERDICT
    assert read(choice(index="x")).text == VERDICT


@pytest.mark.parametrize(
    ("told", "served"), [("m-2", "m-2"), ("a\nb", "a b"), (None, ""), (7, ""), ({}, "")]
)
def test_the_name_that_the_server_gives_the_model(told, served):
    assert read(body() | {"model": told}).served_by == served


@pytest.mark.parametrize(
    "told",
    [
        {"error": {"message": "overloaded", "code": 502}, "choices": []},
        {"object": "error", "message": "overloaded", "type": "BadRequestError", "code": 400},
        {"message": "overloaded"},
        {"detail": "overloaded", "choices": None},
    ],
)
def test_an_error_in_place_of_an_answer(told):
    with pytest.raises(NoAnswer, match="an error: overloaded"):
        read(told)


@pytest.mark.parametrize("told", [{"error": 7}, {"object": "error"}])
def test_an_error_that_says_nothing(told):
    with pytest.raises(NoAnswer, match="the answer is an error: it does not say which"):
        read(told)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (body() | {"choices": None}, "without a choice"),
        (message(content=None), "without a text"),
        (message(content=None, reasoning_content="so"), "without a text"),
        (message(content="", refusal="I\ncannot \ud83d"), "the model refused: 'I cannot'"),
        (choice(finish_reason="content_filter"), "ended the completion: content_filter"),
        (choice(finish_reason=None), "ended the completion: None"),
    ],
)
def test_what_is_no_completion_has_its_tokens_counted(made, reason):
    found = read(made)
    assert reason in found.failure.text
    assert (found.prompt_tokens, found.completion_tokens) == (11, 5)


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        "x",
        {"tokens": ["7"], "token_logprobs": [-0.1]},
        {"content": None},
        {"content": [{"token": "7"}]},
        place(logprob=None),
        place(bytes=[300]),
        place(bytes="7"),
        place(top_logprobs=None),
        place(top_logprobs=[{"token": "7", "bytes": None, "logprob": 1e9}]),
        place(top_logprobs=[{"token": "7", "bytes": None, "logprob": math.nan}]),
        place(top_logprobs=[{"token": "7", "bytes": None, "logprob": -math.inf}]),
    ],
)
def test_a_completion_is_good_without_log_probabilities(logprobs):
    found = read(choice(logprobs=logprobs))
    assert (found.text, found.error, found.logprobs) == (VERDICT, None, ())


@pytest.mark.parametrize("spelling", [None, [55]])
def test_tokens_that_are_spelled_alike_count_together(spelling):
    """As `7` and the byte that falls back to it; the server tells both as "7"."""
    one = {"token": "7", "bytes": spelling}
    top = [one | {"logprob": math.log(p)} for p in (0.5, 0.2, 0.2)]
    top += [{"token": "8", "bytes": None, "logprob": math.log(0.3)}]
    found = read(choice(logprobs=place(top_logprobs=top)))
    # What is told twice counts once.
    assert [math.exp(value) for value in found.logprobs] == pytest.approx([0.7, 0.3])
    nothing = read(choice(logprobs=place(top_logprobs=[*top, one | {"logprob": -9999.0}])))
    assert nothing.logprobs == pytest.approx(found.logprobs)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (None, (0, 0, 0)),
        ({}, (0, 0, 0)),
        ("many", (0, 0, 0)),
        ({"prompt_tokens": None, "completion_tokens": 3}, (0, 0, 3)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}, (9, 0, 3)),
        # A thought is counted in the total alone.
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 40}, (9, 0, 31)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 0}, (9, 0, 3)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": "x"}, (9, 0, 3)),
        ({"prompt_tokens": 9, "prompt_tokens_details": None}, (9, 0, 0)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": None}}, (9, 0, 0)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 8}}, (9, 8, 0)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": "x"}}, (9, 0, 0)),
    ],
)
def test_tokens_are_counted_where_a_server_counts_them(usage, counted):
    found = read(body() | {"usage": usage})
    assert found.error is None
    assert (found.prompt_tokens, found.cached_tokens, found.completion_tokens) == counted


def test_half_a_character_is_replaced():
    assert read(body("a\ud83d b")).text == "a? b"


def test_a_cut_completion_without_a_text_is_empty():
    found = read(choice(message={"content": None, "reasoning": "so"}, finish_reason="length"))
    assert (found.text, found.finish_reason, found.error) == ("", "length", None)


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ({"message": "a"}, "a"),
        ({"error": {"message": "a"}}, "a"),
        ({"error": "a"}, "a"),
        ({"detail": "a"}, "a"),
        ({"message": "", "detail": "a"}, "a"),
        ({"detail": [{"msg": "a"}]}, '[{"msg": "a"}]'),
        ("a", "a"),
        ("\n<!doctype html>", ""),
        ({"code": 3}, ""),
        (None, ""),
    ],
)
def test_what_an_error_says(told, text):
    assert message_of(told) == text


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_what_a_model_thought_is_kept_apart(name):
    found = read(body("It is.", thought="Is it?", thought_as=name, thought_tokens=3))
    assert (found.text, found.thought, found.thought_tokens) == ("It is.", "Is it?", 3)
    assert (found.completion_tokens, found.error) == (5, None)


def test_a_thought_that_took_all_tokens_leaves_no_text():
    found = read(body(None, finish_reason="length", thought="Is it? " * 9))
    assert (found.text, found.finish_reason, found.error) == ("", "length", None)
    assert found.thought.startswith("Is it? Is it?")


@pytest.mark.parametrize("odd", [7, ["Is it?"], {"text": "Is it?"}])
def test_an_odd_thought_is_as_none(odd):
    found = read(message(content="It is.", reasoning_content=odd))
    assert (found.text, found.thought, found.error) == ("It is.", "", None)


TEXTS = [{"type": "text", "text": "It "}, {"type": "reference", "reference_ids": [1]}, "is."]


@pytest.mark.parametrize(
    ("parts", "thought"),
    [
        (TEXTS, ""),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "Is it?"}]}, *TEXTS],
         "Is it?"),
        ([{"type": "thinking", "thinking": "Is "}, {"type": "thinking", "thinking": "it?"}, *TEXTS],
         "Is it?"),
        ([{"type": "reasoning", "text": "Is it?"}, *TEXTS], "Is it?"),
    ],
)  # fmt: skip
def test_content_in_parts_is_text_and_thought(parts, thought):
    found = read(message(content=parts))
    assert (found.text, found.thought, found.error) == ("It is.", thought, None)


def test_content_of_a_thought_alone_has_no_text():
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Is it?"}]}]
    cut = read(choice(message={"content": parts}, finish_reason="length"))
    assert (cut.text, cut.thought, cut.finish_reason) == ("", "Is it?", "length")
    assert "without a text" in read(message(content=parts)).failure.text
    refused = read(message(content=[{"type": "refusal", "refusal": "No."}]))
    assert refused.failure.text == "the model refused: 'No.'"


def test_scores_are_read_behind_a_thought_in_the_text():
    thought = {"token": "<think>7?</think>", "bytes": None, "logprob": 0.0, "top_logprobs": []}
    placed = place()
    placed["content"].insert(0, thought)
    answer = choice(logprobs=placed)
    answer["choices"][0]["message"]["content"] = f"<think>7?</think>\n{VERDICT}"
    found = read(answer)
    # The text stays as it came; who reads it takes the thought off.
    assert found.text == f"<think>7?</think>\n{VERDICT}"
    assert found.logprobs == pytest.approx((-0.01, -math.inf))
