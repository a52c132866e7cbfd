"""What a model said, and why it said nothing."""

from __future__ import annotations

import pytest
from reasoned import told

from harness.reasons import Reason
from harness.records import Output, Thinking, Thought
from harness.run.replies import said, unfinished

FIX = Reason("raise_answer_tokens")


def served(**fields):
    return said(Output("k", **fields), None, room=64, fix=FIX)


def test_a_thought_that_a_server_keeps_apart():
    found = served(text="Paris.", thought=" Is it Lyon? ", thought_tokens=5, completion_tokens=9)
    assert found.thought == Thought("Is it Lyon?", 5, "closed")
    assert (found.output.text, found.output.error, found.output.length) == ("Paris.", None, 9)


def test_a_thought_in_the_text():
    found = served(text="<think>Is it Lyon?</think>\n\nParis.")
    assert (found.output.text, found.thought) == ("Paris.", Thought("Is it Lyon?"))


def test_an_answer_without_a_thought():
    found = served(text="Paris.")
    assert (found.output.text, found.thought) == ("Paris.", None)


@pytest.mark.parametrize(
    ("fields", "why", "thought"),
    [
        ({"thought": "hm"}, "went into its reasoning", Thought("hm", end="open")),
        ({"thought": "hm", "text": " \n"}, "went into its reasoning", Thought("hm", end="open")),
        ({"thought_tokens": 64}, "went into its reasoning", Thought("", end="open")),
        ({"text": "<think>hm"}, "went into its reasoning", Thought("hm", end="open")),
        ({"text": "<think>hm</think>"}, "went into its reasoning", Thought("hm", end="open")),
        ({}, "brought no answer", None),
    ],
)
def test_a_budget_that_is_spent_before_the_answer(fields, why, thought):
    found = served(finish_reason="length", completion_tokens=64, **fields)
    assert told(found.output.error) == f"the budget of 64 tokens {why}; raise answers.max_tokens"
    assert (found.thought, found.output.text, found.output.length) == (thought, "", 64)


def test_an_answer_that_is_cut_behind_its_thought_is_an_answer():
    found = served(text="Par", thought="hm", finish_reason="length")
    assert (found.output.text, found.output.error) == ("Par", None)
    assert found.output.finish_reason == "length"


def test_an_empty_answer_is_one():
    found = served(text="", thought="hm")
    assert (found.output.text, found.output.error, found.thought.end) == ("", None, "closed")


def test_a_thought_that_a_model_ended_within():
    found = served(text="<think>hm")
    assert told(found.output.error) == "the model ended its turn within its thought"
    assert found.thought == Thought("hm", end="open")


def test_an_error_stays_one():
    assert served(error="broken", finish_reason="error").output.failure == Reason(
        "engine", {"said": "broken"}
    )


def test_why_a_thought_has_no_end_and_what_gives_it_one():
    cut, ended = Output("k", finish_reason="length"), Output("k", finish_reason="stop")
    assert unfinished(cut, Thinking(64), room=64).text == (
        "the thought was not closed within 64 tokens; raise thinking: {limit: 64}, or give a budget"
    )
    # However much that is for a sample: one reason is counted for all of them.
    assert unfinished(cut, Thinking(64), room=9).text == (
        "the thought was not closed within what the model's window leaves; raise max_model_len, or "
        "give a budget"
    )
    for room in (9, 64):
        assert unfinished(ended, Thinking(64), room=room).text == (
            "the model ended its turn within its thought"
        )
