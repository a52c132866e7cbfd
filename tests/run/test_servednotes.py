"""What is told of answers from an endpoint."""

from __future__ import annotations

import pytest

from harness.records import Note, Output
from harness.run.replies import Said
from harness.run.servednotes import tell_of_servers


def said(text="so", *, prompt=9, completion=3, error=None):
    return Said(Output("k", text, prompt_tokens=prompt, completion_tokens=completion, error=error))


def told_of(replies, *, asked="big"):
    told = []
    tell_of_servers(told.append, "m", asked, replies)
    return told


@pytest.mark.parametrize("untold", [said(prompt=0, completion=0), said(prompt=0),
                                    said(completion=0)])  # fmt: skip
def test_answers_without_a_count_of_tokens_are_told(untold):
    assert told_of([said(), untold]) == [Note("uncounted", "m", {"count": 1, "total": 2})]
    assert told_of([said(), untold], asked="") == []


def test_what_took_no_tokens_is_not():
    assert told_of([said(), said("", completion=0), said(prompt=0, error="gone")]) == []
