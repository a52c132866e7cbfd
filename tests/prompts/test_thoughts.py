"""Thoughts cut off texts."""

from __future__ import annotations

import pytest

from harness.prompts.thoughts import KNOWN, Marks, split_served, split_thought
from harness.records import Thought

MARKS = Marks("<think>\n", "\n</think>\n\n")


def test_marks_are_told_without_white_space():
    assert (MARKS.begin, MARKS.end) == ("<think>", "</think>")
    assert len({one.begin for one in KNOWN}) == len(KNOWN)


@pytest.mark.parametrize(
    ("text", "opened", "thought", "answer"),
    [
        ("<think>\nhm\n</think>\n\nyes", False, Thought("hm"), "yes"),
        ("\n <think>hm</think> yes", False, Thought("hm"), "yes"),
        ("<think>\n\n</think>\n\nyes", False, Thought(""), "yes"),
        ("yes", False, None, "yes"),
        (" yes <think>no</think>", False, None, " yes <think>no</think>"),
        ("<think>hm, ye", False, Thought("hm, ye", end="open"), ""),
        ("hm\n</think>\n\nyes", True, Thought("hm"), "yes"),
        ("<think>hm</think>yes", True, Thought("hm"), "yes"),
        ("hm, ye", True, Thought("hm, ye", end="open"), ""),
        ("a</think>b</think>c", True, Thought("a"), "b</think>c"),
        ("no </think> here", False, None, "no </think> here"),
        ("", True, Thought("", end="open"), ""),
    ],
)
def test_a_thought_is_what_stands_before_an_answer(text, opened, thought, answer):
    assert split_thought(text, [MARKS], opened=opened) == (thought, answer)


@pytest.mark.parametrize("marks", KNOWN, ids=lambda marks: marks.begin)
def test_marks_of_all_known_families_are_cut_off_what_a_server_wrote(marks):
    text = f"{marks.opening}so {marks.begin[:2]} it is{marks.closing}yes"
    assert split_served(text) == (Thought(f"so {marks.begin[:2]} it is"), "yes")


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("hm\n</think>\n\nyes", Thought("hm"), "yes"),
        ("yes", None, "yes"),
        ("Write <think> and </think> around it.", None, "Write <think> and </think> around it."),
    ],
)
def test_a_server_may_leave_the_beginning_to_its_template(text, thought, answer):
    assert split_served(text) == (thought, answer)
