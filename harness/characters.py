"""What a text is made of: characters that show, whole characters, one form of each."""

from __future__ import annotations

import re
import unicodedata

NEVER = "\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(17)
)
"""Code points that Unicode says are never characters, within the brackets of a pattern."""
# Invisible, yet of categories that hold visible characters: fillers, variation selectors, and what
# Unicode keeps for more of the kind.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\ufff0-\ufff8\U00016fe4\U0001d159\U000e0000-\U000e0fff"
    f"{NEVER}]"
)
# The unseen ones of two bytes, white space aside: of these alone a pattern is searched fast.
_DROPPED = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f"
    "\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff]"
)
_BEYOND = re.compile("[\U00010000-\U0010ffff]")
_BREAKS = re.compile(" *[\t-\r\x1c-\x1f\x85\u2028\u2029][ \t-\r\x1c-\x1f\x85\u2028\u2029]*")
_HALF = re.compile("[\ud800-\udfff]")


def is_unseen(char: str) -> bool:
    """Return whether nobody sees a character: formats, controls and fillers, but no line breaks."""
    category = unicodedata.category(char)
    return category == "Cf" or (category == "Cc" and char not in "\n\t") or bool(
        _UNSEEN.match(char))  # fmt: skip


def without_unseen(text: str) -> str:
    """Return a text without the characters that `is_unseen` names; white space stays."""
    plain = _DROPPED.sub("", text)
    return _BEYOND.sub(lambda found: "" if is_unseen(found[0]) else found[0], plain)


def is_blank(text: str) -> bool:
    """Return whether a text shows nothing: it has no character but white space and unseen ones."""
    return all(char.isspace() or is_unseen(char) for char in text)


def half_character(text: str) -> str | None:
    r"""Return the first half of a surrogate pair that stands alone, spelled `\ud83d`, or None.

    JSON, YAML and Jinja2 can write one; no tokenizer takes it and no file can hold it.
    """
    # Encoding is many times faster than looking for one, and mostly there is none.
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return spelled(text[error.start])
    return None


def without_halves(text: str) -> str:
    """Return a text with U+FFFD in place of each half character."""
    return _HALF.sub("\ufffd", text) if half_character(text) else text


def one_form(text: str) -> str:
    """Return a text in Unicode's composed form (NFC), in which equal texts are equal."""
    return unicodedata.normalize("NFC", text)


def column_name(text: str) -> str:
    """Return the name of a column as it is compared: in one form, without white space around."""
    return one_form(text).strip()


def spelled(text: str) -> str:
    r"""Return a text with its unseen and half characters written out, as in `a\u200b`."""
    return "".join(
        char.encode("unicode_escape").decode() if _hides(char) else char for char in text
    )


def one_line(text: str) -> str:
    r"""Return a message on one line, with what a terminal obeys or nobody sees written out.

    Line breaks and tabs become a space; a command of a terminal is shown as `\x1b[2J`.
    """
    if text.isascii() and text.isprintable():
        return text
    line = _BREAKS.sub(" ", text)
    return "".join(
        char.encode("unicode_escape").decode() if is_unseen(char) or _HALF.match(char) else char
        for char in line
    )


def _hides(char: str) -> bool:
    return is_unseen(char) or bool(_HALF.match(char)) or (char.isspace() and char != " ")
