"""Keys are never repeated: a text that holds one is written with `<key>` in its place."""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TextIO
from urllib.parse import unquote, urlsplit

# A shorter one is a stand-in, such as `none` or `EMPTY`, that answers may hold as a word.
SHORTEST_KEY = 8
_SHOWN = "<key>"
_LOGIN = re.compile(r"(?<=://)[^\s/?#'\"<>]{1,2000}@")
_QUERY = re.compile(r"(://[^\s?'\"<>]{1,2000}\?)[^\s'\"<>]+")


def bare_addresses(text: str) -> str:
    """Return a text whose addresses have neither a name and password nor a query in them."""
    return _QUERY.sub(r"\1…", _LOGIN.sub("", text)) if "://" in text else text


def logins(addresses: Iterable[str]) -> Iterator[str]:
    """Yield what is secret of the logins in addresses, as it is written and as it is sent."""
    for address in addresses:
        # What is no address is not asked.
        with suppress(ValueError):
            whole = address if "://" in address else f"//{address}"
            secret = secret_of(urlsplit(whole).netloc.rpartition("@")[0])
            yield from {secret, unquote(secret)}


def secret_of(login: str) -> str:
    """Return the password of `name:password`; where that is none, the name is a key."""
    name, _, password = login.partition(":")
    stand_in = len(password) < SHORTEST_KEY or password == "x-oauth-basic"
    return name if stand_in and len(name) >= SHORTEST_KEY else password


def sent_unasked() -> Iterator[str]:
    """Yield what clients send because the environment says so.

    That is the login of a proxy, and the headers that openai takes from OPENAI_CUSTOM_HEADERS.
    """
    yield from logins(value for name, value in os.environ.items()
                      if name.lower().endswith("_proxy"))  # fmt: skip
    for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").splitlines():
        yield from line.partition(":")[2].split()


class Mask:
    """Writes `<key>` for every key, however a server spells it back.

    Known are its own letters in either case, each as it is, percent-encoded or escaped as in JSON,
    also twice; hexadecimal digits, and base64 of a text that holds it anywhere.

    Args:
        keys: What is not to be repeated; what has less than eight characters is no key.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        spelled = {form for key in keys if len(key) >= SHORTEST_KEY for form in _spellings(key)}
        longest_first = sorted(spelled, key=lambda form: (-len(form), form))
        self._any = re.compile("|".join(longest_first), re.IGNORECASE)
        self._empty = not spelled

    def __bool__(self) -> bool:
        """Whether there is any key."""
        return not self._empty

    def text(self, text: str) -> str:
        """Return a text without the keys."""
        return text if self._empty else self._any.sub(_SHOWN, text)

    def row(self, row: Sequence[object]) -> Sequence[object]:
        """Return a row of what JSON can hold, with no key in any text of it."""
        return row if self._empty else [self._value(one) for one in row]

    def _value(self, value: object) -> object:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {name: self._value(one) for name, one in value.items()}
        return self.row(value) if isinstance(value, list | tuple) else value


class MaskedStream(io.TextIOBase):
    """A text stream that writes whole lines to another one, without keys."""

    def __init__(self, inner: TextIO, mask: Mask) -> None:
        self._inner, self._mask, self._line = inner, mask, ""

    def write(self, text: str) -> int:
        """Write the lines that are whole, and keep the rest until it is or `flush` is called."""
        whole, end, self._line = (self._line + text).rpartition("\n")
        if end:
            self._inner.write(self._mask.text(whole + end))
        return len(text)

    def flush(self) -> None:
        """Write all that there is."""
        rest, self._line = self._line, ""
        self._inner.write(self._mask.text(rest))
        self._inner.flush()

    def fileno(self) -> int:
        """Return the other stream's descriptor."""
        return self._inner.fileno()

    def writable(self) -> bool:
        """Return that it is."""
        return True


def _spellings(key: str) -> Iterator[str]:
    """Yield patterns of a key."""
    raw = key.encode()
    yield "".join(map(_letter, key))
    yield raw.hex()
    for before in range(3):
        # What depends on what stands before and behind the key is left out.
        coded = base64.b64encode(bytes(before) + raw).rstrip(b"=")
        bits = 8 * (before + len(raw))
        part = coded[-(-8 * before // 6) : bits // 6].decode()
        yield from map(re.escape, (part, part.replace("+", "-").replace("/", "_")))


def _letter(letter: str) -> str:
    """Return a pattern of a letter of a key, however it is escaped."""
    own = re.escape(letter)
    # A row of them without an end would be read again from each of its places.
    own = own if letter.isalnum() else rf"\\{{0,3}}{own}"
    return rf"(?:{own}|\\{{1,3}}u{ord(letter):04x}|%(?:25)?{ord(letter):02x})"
