"""How a report calls figures, selectors and a number of things."""

from __future__ import annotations

from collections.abc import Sequence

from harness.figures import figure_kind
from harness.language import Words
from harness.markdown import escape
from harness.report.format import percent

_NAMED = 5


def figure_name(name: str, t: Words) -> str:
    """Return a figure's name in words, its label or budget included."""
    kind, argument = figure_kind(name)
    shown = percent(float(argument)) if kind.argument == "budget" else escape(argument)
    if kind.title:
        return escape(kind.title)
    return t.say(f"f_{kind.name}", argument=shown)


def selector_name(name: str | None, t: Words) -> str:
    """Return a selector's name in words; one that is registered has its own alone."""
    return t[f"s_{name}"] if f"s_{name}" in t else escape(name or "")


def some(names: Sequence[str], t: Words) -> str:
    """Return the first few names, and the number of the others."""
    named, more = ", ".join(names[:_NAMED]), len(names) - _NAMED
    return f"{named} {t.say('b_more', count=more)}" if more > 0 else named
