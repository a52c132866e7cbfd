"""What is not repeated: keys, and what addresses hold beside a host and a path."""

from __future__ import annotations

import base64
import io
from urllib.parse import quote

import pytest

from harness.errors import EngineError
from harness.masking import Mask, MaskedStream, bare_addresses

KEY = "sk-SECRET/0123+456789"


@pytest.mark.parametrize(
    "spelled",
    [
        KEY,
        KEY.lower(),
        quote(KEY, safe=""),
        quote(KEY),
        quote(quote(KEY, safe=""), safe=""),
        KEY.encode().hex(),
        KEY.encode().hex().upper(),
        KEY.replace("/", r"\/"),
        KEY.replace("/", r"\\/").replace("+", r"\\u002B"),
        "".join(f"\\u{ord(letter):04x}" for letter in KEY),
    ],
)
def test_a_key_in_any_spelling(spelled):
    assert Mask([KEY, "none"]).text(f"none of {spelled}.") == "none of <key>."


@pytest.mark.parametrize("before", ["", "B", "Be", "Bearer "])
@pytest.mark.parametrize("code", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_key_inside_of_base64(before, code):
    coded = code(f"{before}{KEY}!".encode()).decode()
    masked = Mask([KEY]).text(coded)
    assert "<key>" in masked
    assert len(masked) - len("<key>") <= len(before) * 2 + 6


@pytest.mark.parametrize("keys", [[], [""], ["none"], ["EMPTY"]])
def test_what_is_no_key_stays(keys):
    mask = Mask(keys)
    row = ["none EMPTY", (1, 2), {"said": "none"}]
    assert not mask
    assert mask.text("none EMPTY") == "none EMPTY"
    assert mask.row(row) is row


def test_every_text_of_a_row():
    row = Mask([KEY]).row(["k", (1, 0.5), {"said": KEY, "n": 3}, [KEY, None], True])
    assert row == ["k", [1, 0.5], {"said": "<key>", "n": 3}, ["<key>", None], True]


def test_lines_are_masked_whole_however_they_are_written():
    inner = io.StringIO()
    stream = MaskedStream(inner, Mask([KEY]))
    print("a", KEY[:5], end="", file=stream)
    print(KEY[5:], file=stream)
    stream.write(KEY[:9])
    assert inner.getvalue() == f"a {KEY}\n".replace(KEY, "<key>")
    stream.write(KEY[9:])
    stream.flush()
    assert inner.getvalue().count("<key>") == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:pw@host:8/v1 fails", "http://host:8/v1 fails"),
        ("'socks5://me@host' and http://b@c/d", "'socks5://host' and http://c/d"),
        ("see https://host/v1?key=k&a=b, or not", "see https://host/v1?… or not"),
        ("mail me@host? https://host/a@b", "mail me@host? https://host/a@b"),
    ],
)
def test_addresses_in_messages(text, shown):
    assert bare_addresses(text) == shown
    assert str(EngineError(text)) == shown
