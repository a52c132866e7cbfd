"""Reads the answer out of generated text, anchored at both ends."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from harness.prompts.answers import normal_answer
from harness.reasons import Reason
from harness.records import Output, Score

# Signs that make another word or number of the one that they touch: +1, C++, 4%, not-signs.
_SIGNS = "+=\u00b1\u00ac\u00d7\u00f7\u2248\u2260\u2264\u2265$\u00a2\u00a3\u00a5\u20ac\u20bd"
# Powers, roots, fractions, sums and the like, which make another number of a number.
_OPERATORS = (
    "^/\u2044\u2202\u2206\u220f\u2211\u2213\u2215\u2216\u221a\u221b\u221c"
    "\u221e\u222b\u223c\u2261\u226a\u226b"
)
_BEFORE, _BEFORE_NUMBER = f"{_SIGNS}!", f"{_SIGNS}{_OPERATORS}!-\u2212\u2013~<>"
_BEHIND, _BEHIND_NUMBER = f"{_SIGNS}-\u2212#", f"{_SIGNS}{_OPERATORS}-\u2212#%\u2030\u00b0<>"
# A minus apart from its number, which may be the dash of a list as well.
_MINUS_APART = re.compile(r"[-\u2212\u2013]\s+(?=\d)")
# Where a number has a small digit above or below its line, which NFKC makes one of its own.
_SMALL_DIGIT = re.compile(r"(?<=\d)(?=[\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089])")
_DENIALS = "\u00ac\u2260"
# Crosses, thumbs down, empty boxes and what is struck through: the word beside them is not meant.
_REJECTED = re.compile(
    r"(?<!~)~{1,2}(?!~)|\[ ?\]"
    "|[\u2610\u2612\u2613\u2715-\u2718\u26d4\u274c\u274e\U0001f44e\U0001f6ab]"
)


def _bare(text: str) -> str:
    """Return an answer without punctuation and mark-up around it, "" where that is all it is.

    What belongs to a word stays: combining marks at its last letter, and signs that touch it on
    one side.
    """
    shown = [place for place, char in enumerate(text) if char.isalnum()]
    if not shown:
        return ""
    first, last = shown[0], shown[-1] + 1
    while unicodedata.category(text[last : last + 1] or " ").startswith("M"):
        last += 1
    word, before, behind = text[first:last], text[:first], text[last:]
    if before and behind and (before[-1] + behind[0] == "<>" or before[-1] == behind[0]):
        return word
    number = word[0].isdigit()
    front = before.rstrip(_BEFORE_NUMBER if number else _BEFORE)
    # These turn a word round wherever they stand before it.
    front = re.split(f"[{_DENIALS}]", front, maxsplit=1)[0]
    # A fraction without its 0, and no dots that are left of a sentence.
    front = front[:-1] if number and re.search(r"(?<!\.)\.$", front) else front
    rest = behind.lstrip(_BEHIND_NUMBER if number else _BEHIND)
    return before[len(front) :] + word + behind[: len(behind) - len(rest)]


def _signs(text: str, words: Mapping[str, str]) -> str:
    """Return what an answer without letters and digits shows besides punctuation and mark-up.

    Punctuation of which labels are made, as the minus beside a plus, is no punctuation there.
    """
    own = {char for word in words.values() if not _bare(word) for char in normal_answer(word)
           if unicodedata.category(char)[0] in "SP"}  # fmt: skip
    return "".join(
        char
        for char in text
        if char in own or (unicodedata.category(char).startswith("S") and char != "`")
    )


def parse_label(text: str, words: Mapping[str, str]) -> tuple[str | None, Reason | None]:
    """Return (label, None), or (None, reason) when the text is not exactly one label word.

    Case, white space, and punctuation or mark-up around the word do not count; any other word
    does, and so does a sign that touches it. "positive, not negative" is ambiguous, "It was great"
    and, of the labels 1 and 0, "-1" hold no label.
    """
    normal = normal_answer(_SMALL_DIGIT.sub("^", text))
    bare = _bare(normal)
    found = _labels(normal, words)
    if found and _rejected(normal, words[found[0]]):
        return None, Reason("more_than_label")
    if not (found or bare):
        return _label_of_signs(_signs(normal, words), words)
    if len(found) == 1:
        joined = _MINUS_APART.sub("-", normal)
        if joined != normal and _labels(joined, words) not in ([], found):
            return None, Reason("ambiguous_answer")
        return found[0], None
    mentioned = [
        word
        for word in words.values()
        if re.search(rf"(?<!\w){re.escape(normal_answer(word))}(?!\w)", normal)
    ]
    if len(mentioned) > 1:
        return None, Reason("ambiguous_answer")
    return None, Reason("more_than_label" if mentioned else "no_label")


def _label_of_signs(shown: str, words: Mapping[str, str]) -> tuple[str | None, Reason | None]:
    """Return what `parse_label` does for the signs that an answer without a word shows."""
    own = {label: _signs(normal_answer(word), words) for label, word in words.items()
           if not _bare(word)}  # fmt: skip
    mentioned = [label for label, signs in own.items() if signs and signs in shown]
    same = [label for label in mentioned if own[label] == shown]
    if len(same) == 1:
        return same[0], None
    if len(mentioned) > 1:
        return None, Reason("ambiguous_answer")
    return None, Reason("more_than_label" if mentioned else "empty_answer")


def _rejected(normal: str, word: str) -> bool:
    """Return whether an answer marks the word that it gives as the wrong one."""
    return bool(_REJECTED.search(normal.replace(normal_answer(word), " ", 1)))


def _labels(normal: str, words: Mapping[str, str]) -> list[str]:
    """Return the labels whose word an answer in its normal form is."""
    bare = _bare(normal)
    # A label such as "-1" or "(A)" brings punctuation of its own, so the exact text goes first.
    return [label for label, word in words.items() if normal == normal_answer(word)] or [
        label for label, word in words.items() if bare and bare == _bare(normal_answer(word))
    ]


def score_match(target: str, words: Mapping[str, str], output: Output) -> Score:
    """Return the verdict on free text."""
    if output.failure is not None:
        return Score(None, None, reason=output.failure)
    answer, reason = parse_label(output.text, words)
    if answer is None:
        return Score(None, None, reason=reason)
    # What would have followed could be another word, or the rest of this one.
    if output.finish_reason == "length":
        return Score(None, None, reason=Reason("answer_cut"))
    return Score(float(answer == target), answer)


def score_choice(target: str, words: Mapping[str, str], output: Output) -> Score:
    """Return the verdict on a constrained answer, which is a label word or was cut short."""
    if output.failure is not None:
        return Score(None, None, reason=output.failure)
    text = output.text.strip()
    for label, word in words.items():
        if text == word.strip():
            longer = any(len(other.strip()) > len(text) and other.strip().startswith(text)
                         for other in words.values())  # fmt: skip
            if longer and output.finish_reason == "length":
                return Score(None, None, reason=Reason("cut_behind_label", {"word": text}))
            return Score(float(label == target), label)
    return Score(None, None, reason=Reason("not_a_label"))
