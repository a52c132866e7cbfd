"""The registry of the moment, in which names are looked up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from harness.registry.registry import Registry

_CURRENT: ContextVar[Registry | None] = ContextVar("registry", default=None)


def current() -> Registry:
    """Return the registry in which names are looked up here; an empty one outside of a session."""
    return _CURRENT.get() or Registry()


@contextmanager
def using(registry: Registry) -> Iterator[Registry]:
    """Look names up in a registry."""
    before = _CURRENT.get()
    _CURRENT.set(registry)
    try:
        yield registry
    finally:
        _CURRENT.set(before)
