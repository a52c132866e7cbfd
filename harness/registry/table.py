"""A table of what is built in, and of what is registered where it is looked into."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import TypeVar

_T = TypeVar("_T")


class Table(Mapping[str, _T]):
    """Entries by name: the built-in ones, then those that are registered at the moment.

    Args:
        built_in: Entries of the harness itself.
        registered: Returns the others.
    """

    def __init__(
        self, built_in: Mapping[str, _T], registered: Callable[[], Mapping[str, _T]]
    ) -> None:
        self.built_in = dict(built_in)
        self._registered = registered

    def __getitem__(self, name: str) -> _T:
        if name in self.built_in:
            return self.built_in[name]
        return self._registered()[name]

    def __iter__(self) -> Iterator[str]:
        return chain(self.built_in, self._registered())

    def __len__(self) -> int:
        return len(self.built_in) + len(self._registered())
