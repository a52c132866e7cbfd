"""Paths as a report may show them: nothing of the machine's folders outside of the project."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from harness.records import Note

# A path inside an argument: whole, behind `=` or a short option, or in a source.
_ABSOLUTE = re.compile(r"(?P<before>|[^/]*=|-\w|file:|[^/]*=file:)(?P<path>~?/.*)")


def public_path(path: str, here: Path) -> str:
    """Return an absolute path relative to the folder `here`, or else its last part."""
    full = Path(path).expanduser()
    if not full.is_absolute():
        return path
    return str(full.relative_to(here)) if full.is_relative_to(here) else full.name


def public_argument(argument: str, here: Path) -> str:
    """Return an argument of the command line with its path made public, if it has one."""
    found = _ABSOLUTE.fullmatch(argument)
    if found is None:
        return argument
    path, *node = found["path"].split("::", 1)
    return found["before"] + "::".join([public_path(path, here), *node])


def public_source(source: str, here: Path) -> str:
    """Return a source of samples, and of shots, or of a model with its paths made public."""
    parts = source.split(", shots ")
    return ", shots ".join(public_argument(part, here) for part in parts)


def public_text(text: str, here: Path) -> str:
    """Return a message in which `here` and the user's home folder are not spelled out."""
    return text.replace(f"{here}/", "").replace(f"{Path.home()}/", "~/")


def public_note(note: Note, here: Path) -> Note:
    """Return a note with its paths made public."""
    facts = {name: public_text(fact, here) if isinstance(fact, str) else fact
             for name, fact in note.facts.items()}  # fmt: skip
    return replace(note, about=public_text(note.about, here), facts=facts)
