"""The phrases of the report, in English and Russian."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

from harness.figures import figure_kind
from harness.markdown import escape
from harness.report.format import percent

Lang = Literal["en", "ru"]

_NAMED = 5


@cache
def texts(lang: Lang) -> Mapping[str, str]:
    """Return the phrases of one language by name; in them, `str.format` fields."""
    source = files("harness.report") / "templates" / f"phrases.{lang}.yaml"
    phrases = yaml.safe_load(source.read_text(encoding="utf-8"))
    return {str(name): str(phrase) for name, phrase in phrases.items()}


def figure_name(name: str, t: Mapping[str, str]) -> str:
    """Return a figure's name in words, its label or budget included."""
    kind, argument = figure_kind(name)
    shown = percent(float(argument)) if kind.argument == "budget" else escape(argument)
    if kind.title:
        return escape(kind.title)
    return t[f"f_{kind.name}"].format(argument=shown)


def selector_name(name: str | None, t: Mapping[str, str]) -> str:
    """Return a selector's name in words; one that is registered has its own alone."""
    return t.get(f"s_{name}") or escape(name or "")


def some(names: Sequence[str], t: Mapping[str, str]) -> str:
    """Return the first few names, and the number of the others."""
    named, more = ", ".join(names[:_NAMED]), len(names) - _NAMED
    return f"{named} {t['b_more'].format(count=more)}" if more > 0 else named


def counted(number: int, name: str, t: Mapping[str, str]) -> str:
    """Return a number with its noun; the phrase `name` is `singular|plural`."""
    one, many = t[name].split("|")
    return (one if re.fullmatch(t["singular"], str(number)) else many).format(count=number)
