"""JSON in files: letters as they are, what hides or commands spelled out, nothing too deep."""

from __future__ import annotations

import json
import re
from typing import Any

from harness.characters import NEVER

# Beside the control characters that JSON itself has spelled: others, formats that turn or hide
# text, halves of characters, and what is never a character. They stand in strings only, where an
# escape means the same; two halves of one character that follow each other read back as that one.
_HIDING = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0001\U000e0020-\U000e007f\ud800-\udfff"
    f"{NEVER}]"
)


def json_text(value: object, *, indent: int | None = None, compact: bool = False) -> str:
    """Return a value as JSON that no terminal obeys and that reads back as the same value.

    Args:
        value: What `json` can write, without infinities and NaN.
        indent: Spaces a level; None writes one line.
        compact: Without a space behind commas and colons.

    Raises:
        ValueError: There is an infinity or a NaN.
    """
    separators = (",", ":") if compact else None
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators
    )
    return text if text.isprintable() else _HIDING.sub(_spelled, text)


def json_value(text: str | bytes) -> Any:  # noqa: ANN401 - as json.loads has it
    """Return what a JSON text holds, which others may have written.

    Raises:
        ValueError: It is not JSON, or is nested deeper than can be read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("is nested too deep") from error


def _spelled(found: re.Match[str]) -> str:
    return json.dumps(found.group())[1:-1]
