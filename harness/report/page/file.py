"""A page of one file: its policy lets it run its own script, and ask for nothing."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from harness.jsontext import json_text
from harness.language import Words
from harness.records import Json
from harness.writing import write_whole

if TYPE_CHECKING:
    from jinja2 import Template


def write_html(path: Path, name: str, data: Json, t: Words, **words: str) -> None:
    """Write a page, whole or not at all.

    What is foreign stands in JSON, and the page's script puts it there as text.

    Args:
        path: The file.
        name: Of its template, script and style.
        data: What its script reads.
        t: Words of its language.
        words: Further ones of the template.

    Raises:
        OSError: It cannot be written.
    """
    folder = files("harness.report.templates")
    script, style = ((folder / f"{name}.{kind}").read_text("utf-8") for kind in ("js", "css"))
    inert = json_text(data, compact=True)
    # Within JSON these stand in strings only, where an escape means the same.
    for char in "<>&":
        inert = inert.replace(char, f"\\u{ord(char):04x}")
    text = _template(name).render(
        t=t, data=inert, script=script, style=style, hashed=_hashed, **words
    )
    write_whole(path, text)


def _hashed(text: str) -> str:
    """Return how a content security policy names an inline script or style."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # What is inserted is ours, or JSON without any markup.
    environment = Environment(
        loader=PackageLoader("harness.report", "templates"),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(f"{name}.html.j2")
