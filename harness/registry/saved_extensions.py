"""The extensions of a run that was saved: enough to write it up where they are not registered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from harness.contracts import Draw, Sheet
from harness.errors import RegistryError
from harness.records import Extension
from harness.registry.entries import RegisteredFigure, RegisteredSelector
from harness.registry.registry import Registry


def remembered(extensions: Iterable[Extension]) -> Registry:
    """Return a registry that knows what a run's extensions are, and cannot compute them."""
    found = Registry()
    for one in extensions:
        found.known[one.kind, one.name] = one
        if one.kind == "figure":
            found.figures[one.name] = _figure(one)
        elif one.kind == "selector":
            found.selectors[one.name] = _selector(one)
    return found


def _figure(one: Extension) -> RegisteredFigure:
    def measure(sheet: Sheet) -> NoReturn:
        raise _absent(one)

    return RegisteredFigure(
        one.need, one.title, one.smaller, one.lowest, one.highest, measure=measure
    )


def _selector(one: Extension) -> RegisteredSelector:
    def choose(draw: Draw) -> NoReturn:
        raise _absent(one)

    return RegisteredSelector(choose, per_sample=False)


def _absent(one: Extension) -> RegistryError:
    return RegistryError(f"{one.kind} '{one.name}' of {one.source} is not registered here")
