"""The sources of sentences, for tests of their wording."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_ONE = re.compile(
    r"{% (?:macro (?P<macro>\w+)\([\w, ]*\)|set (?P<block>\w+)) -?%}\n?(?P<body>.*?)\n?"
    r"{%-? end(?:macro|set) %}|{% set (?P<word>\w+) = \"(?P<text>.*?)\" %}",
    re.DOTALL,
)


@cache
def sentences(lang: str) -> dict[str, str]:
    """Return the source of each word and sentence of a language, by name."""
    source = (files("harness.language") / f"{lang}.j2").read_text(encoding="utf-8")
    return {
        one["macro"] or one["block"] or one["word"]: one["body"] or one["text"] or ""
        for one in _ONE.finditer(source)
    }


def prose(source: str) -> str:
    """Return a sentence without what stands for facts."""
    return re.sub(r"{{.*?}}|{%.*?%}", "", source)
