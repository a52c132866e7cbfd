"""Plots that were drawn before: the same numbers give the same files."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.sources.cache import code_digest

_FILE = re.compile(r"[a-z0-9-]+\.(svg|png)")


class Memory(Protocol):
    """Keeps bytes by the digest of what they were made of, such as the store of outputs."""

    def recall(self, key: str) -> bytes | None:
        """Return what was kept, None for nothing."""
        ...

    def remember(self, key: str, body: bytes) -> None:
        """Keep something."""
        ...


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plot's file by name, its alt text, its numbers in tables, and what it holds."""

    file: str
    alt: str
    numbers: str
    content: bytes


def drawn_key(*of: object) -> str:
    """Return a digest of all that plots are drawn of, this package and its library included.

    Args:
        of: Records and what else it depends on, whose `repr` shows all of it.
    """
    text = repr((code_digest("matplotlib", "numpy"), of))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def remember(memory: Memory, key: str, drawn: Sequence[Drawn]) -> None:
    """Keep what was drawn."""
    rows = [
        [one.file, one.alt, one.numbers, base64.b64encode(one.content).decode()] for one in drawn
    ]
    memory.remember(key, zlib.compress(json.dumps(rows).encode(), 6))


def recall(memory: Memory, key: str) -> list[Drawn] | None:
    """Return what was drawn of the same before; None where nothing is known, or it is damaged."""
    packed = memory.recall(key)
    if packed is None:
        return None
    try:
        found = [
            Drawn(str(file), str(alt), str(numbers), base64.b64decode(content, validate=True))
            for file, alt, numbers, content in json.loads(zlib.decompress(packed))
        ]
    except (zlib.error, ValueError, TypeError):
        return None
    return found if all(_FILE.fullmatch(one.file) for one in found) else None
