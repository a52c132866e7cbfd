"""How wide texts are, and how they are made to fit."""

from __future__ import annotations

import re
from functools import cache

_BREAKS = re.compile(r"[\s\-_./:·]")


def fit(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """Return a text that takes at most `width` inches, if need be without its middle.

    Names that belong together mostly begin alike, and differ at their end.
    """
    if text_width(text, size, bold) <= width:
        return text
    kept = len(text)
    while kept > 0:
        kept -= 1
        head = text[: kept - kept // 2].rstrip()
        tail = text[len(text) - kept // 2 :].lstrip()
        if text_width(f"{head}…{tail}", size, bold) <= width:
            return f"{head}…{tail}"
    return "…"


def wrap(text: str, width: float, size: float, *, bold: bool = False) -> list[str]:
    """Return a text in lines of at most `width` inches, at least one character in each.

    They end at spaces, or behind the marks within a name where that is wider.
    """
    lines: list[str] = []
    while text_width(text, size, bold) > width and len(text) > 1:
        most = max(
            (end for end in range(1, len(text))
             if text_width(text[:end].rstrip(), size, bold) <= width),
            default=1,
        )  # fmt: skip
        ends = [place.end() for place in _BREAKS.finditer(text, 0, most)]
        spaces = [end for end in ends if text[end - 1].isspace()]
        end = (spaces or ends or [most])[-1]
        lines.append(text[:end].rstrip())
        text = text[end:]
    return [*lines, text]


@cache
def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return a text's width in inches, in matplotlib's own font."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(family="DejaVu Sans", size=size, weight="bold" if bold else "normal")
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return float(width) / 72
