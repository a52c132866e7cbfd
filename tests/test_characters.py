from __future__ import annotations

import pytest

from harness.characters import half_character, is_blank, one_form, one_line, spelled, without_halves


@pytest.mark.parametrize("text", [
    "", " \n\t", "\u00a0", "\u200b", "\ufeff\u200b \u2060", "\u00ad", "\u3164", "\u2800",
    "\x00\x07", "\ufe0f\u200d",
])  # fmt: skip
def test_what_shows_nothing(text):
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", ".", "\u200ba", "\u0301", "\U0001f600", "\ufffd"])
def test_what_shows_something(text):
    assert not is_blank(text)


def test_half_characters():
    assert half_character("a\ud83d\ude00") == "\\ud83d"
    assert half_character("a\udc00") == "\\udc00"
    assert half_character("a\U0001f600\u0301") is None
    assert without_halves("a\ud83d, b\udc00") == "a\ufffd, b\ufffd"
    assert without_halves("plain") == "plain"


def test_forms_and_spelling():
    assert one_form("e\u0301") == "\u00e9"
    assert spelled("a b\u200b\u00a0\ud83d\u00e9") == "a b\\u200b\\xa0\\ud83d\u00e9"


def test_a_message_is_one_line_with_all_that_hides_written_out():
    assert one_line("a\r\n\tb  c\u00a0d é") == "a b  c\u00a0d é"
    assert one_line("a\x1b[2J\u202eb\ud83d\u3164") == r"a\x1b[2J\u202eb\ud83d\u3164"
