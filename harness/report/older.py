"""Runs that an earlier version saved: what it spelled otherwise, as it is read now.

It kept reasons as text, which `Reason` reads as of kind `other`. Here is what is more than that: an
empty text where there is no reason, and counts by text.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.records import Json

_Change = Callable[[Json], Json]


def _reason(value: Json) -> Json:
    return None if value == "" else value


def _within(changes: dict[str, _Change]) -> _Change:
    """Return what changes fields of a record, as far as it has them."""

    def change(value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        changed = {key: one(value[key]) for key, one in changes.items() if key in value}
        return {**value, **changed}

    return change


def _each(change: _Change) -> _Change:
    """Return what changes every record of a list."""
    return lambda value: [change(one) for one in value] if isinstance(value, list) else value


_VOID = _within({"void": _reason})
_JUDGE = _within({"void": _reason, "check": _within({"problem": _reason})})


def upgraded(head: Json) -> Json:
    """Return what `run.json` holds in the form of this version; what is damaged stays so."""
    judged = _within({"judges": _each(_JUDGE), "standings": _each(_VOID)})
    baselines = _each(_within({"refused": _reason}))
    return _within({"judged": judged, "baselines": baselines})(head)
