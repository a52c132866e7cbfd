"""Reads the answer out of generated text, anchored at both ends."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.prompts.answers import normal_answer
from harness.records import Output, Score


def _bare(text: str) -> str:
    return re.sub(r"^[\W_]+|[\W_]+$", "", text)


def parse_label(text: str, words: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return (label, None), or (None, reason) when the text is not exactly one label word.

    Case, white space, and punctuation or mark-up around the word do not count; any other word
    does. "positive, not negative" is ambiguous, "It was great" holds no label.
    """
    normal = normal_answer(text)
    bare = _bare(normal)
    # A label such as "-1" or "(A)" brings punctuation of its own, so the exact text goes first.
    found = [label for label, word in words.items() if normal == normal_answer(word)] or [
        label for label, word in words.items() if bare and bare == _bare(normal_answer(word))
    ]
    if len(found) == 1:
        return found[0], None
    if not bare:
        return None, "empty answer"
    mentioned = [
        word
        for word in words.values()
        if re.search(rf"(?<!\w){re.escape(normal_answer(word))}(?!\w)", normal)
    ]
    if len(mentioned) > 1:
        return None, "ambiguous: several labels in the answer"
    return None, "more than the label in the answer" if mentioned else "no label in the answer"


def score_match(target: str, words: Mapping[str, str], output: Output) -> Score:
    """Return the verdict on free text."""
    if output.error is not None:
        return Score(None, None, reason=output.error)
    answer, reason = parse_label(output.text, words)
    if answer is None:
        return Score(None, None, reason=reason)
    return Score(float(answer == target), answer)


def score_choice(target: str, words: Mapping[str, str], output: Output) -> Score:
    """Return the verdict on a constrained answer, which is a label word or was cut short."""
    if output.error is not None:
        return Score(None, None, reason=output.error)
    for label, word in words.items():
        if output.text.strip() == word.strip():
            return Score(float(label == target), label)
    return Score(None, None, reason="the constrained answer is not a label")
