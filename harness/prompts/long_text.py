"""A text that is longer than samples are, which templates must not cut."""

from __future__ import annotations

import re

# A text of 66,000 characters, more than samples have: words by twelve in a line, lines by five
# in a paragraph. They are all different and of digits, which no filter for white space, mark-up or
# case touches, so that only what is cut or shown twice is missed or met again.
_LONG_WORD = re.compile(r"0155\d{5}")
_LONG_WORDS = [f"0155{number:05}" for number in range(6_000)]
LONG_TEXT = "".join(
    word + ("\n\n" if number % 60 == 0 else "\n" if number % 12 == 0 else ". ")
    for number, word in enumerate(_LONG_WORDS, 1)
).strip()


def shows_long(text: str, *, once: bool) -> bool:
    """Return whether a text holds all of `LONG_TEXT`, in whatever form, and perhaps once only."""
    # Mostly it stands there as it is, which is found much faster than its words.
    if once:
        return text.count(LONG_TEXT) == 1 or _LONG_WORD.findall(text) == _LONG_WORDS
    return LONG_TEXT in text or set(_LONG_WORD.findall(text)) == set(_LONG_WORDS)
