"""Paths as a report may show them: nothing of the machine's folders outside of the project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

from harness.reasons import Reason, changed
from harness.records import SHOTS

_Kept = TypeVar("_Kept")
# Fields that hold what data and models say.
_SAID = frozenset(
    "text completion thought question points sample target answer calibrated contextual cluster "
    "before now".split()
)
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
    parts = source.split(SHOTS)
    return SHOTS.join(public_argument(part, here) for part in parts)


def public_text(text: str, *here: Path) -> str:
    """Return a message in which neither folders of `here` nor the user's home are spelled out.

    What lies in the former is told relative to them, what lies in the latter behind `~`.
    """
    if "/" not in text:
        return text
    for folder in sorted({str(one) for one in here}, key=len, reverse=True):
        text = _within(folder).sub(lambda found: "" if found["more"] else ".", text)
    for home in {str(Path.home()), str(Path.home().resolve())}:
        text = _within(home).sub(lambda found: f"~{found['more'] or ''}", text)
    return text


@cache
def _within(folder: str) -> re.Pattern[str]:
    """Return what finds a folder where it begins a path; nothing for the root of all."""
    if folder == "/":
        return re.compile("(?!)(?P<more>)")
    end = r"(?P<more>/)|(?![\w-]|\.\w)"
    return re.compile(rf"(?<![\w.]){re.escape(folder)}(?:{end})")


def public(value: _Kept, *here: Path) -> _Kept:
    """Return a record in which every message, name and source is made public, see `public_text`.

    What data and models say is left as it is.

    Args:
        value: A frozen dataclass, or sequences and mappings of such.
        here: Folders of the project.
    """
    return cast(_Kept, _public(value, here))


def _public(value: object, here: tuple[Path, ...]) -> object:
    if isinstance(value, str):
        return public_text(value, *here)
    if isinstance(value, tuple):
        return tuple(_public(one, here) for one in value)
    if isinstance(value, Mapping) and any(isinstance(key, Reason) for key in value):
        return changed(value, lambda reason: cast(Reason, _public(reason, here)))
    if isinstance(value, Mapping):
        return {key: _public(one, here) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        told = {one.name: getattr(value, one.name) for one in fields(value)}
        shown = {k: _public(v, here) for k, v in told.items() if k not in _SAID}
        other = {name: one for name, one in shown.items() if one != told[name]}
        return replace(value, **other) if other else value
    return value
