"""Sorted names of samples, and what several cells share of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt

from harness.stats.arrays import Whole

# As objects: an array of numpy's own strings drops a NUL at the end of one.
Names = npt.NDArray[np.object_]
_N = TypeVar("_N", Names, Whole)


class NameSets:
    """Sorted names of samples as arrays, of which many cells have the same: compared once each."""

    def __init__(self) -> None:
        """Begin without any."""
        self._arrays: dict[tuple[str, ...], Names] = {}
        # By identity, with the arrays themselves, so that no other array can take their place.
        self._found: dict[tuple[str, int, int], tuple[Names, Names, Names | Whole]] = {}

    def of(self, names: Iterable[str]) -> Names:
        """Return the names sorted, the same array for the same names."""
        key = tuple(sorted(names))
        if key not in self._arrays:
            self._arrays[key] = np.array(key, dtype=np.object_)
        return self._arrays[key]

    def both(self, first: Names, second: Names) -> Names:
        """Return the names that stand in both."""
        return self._once("both", first, second, _both)

    def either(self, first: Names, second: Names) -> Names:
        """Return the names that stand in one of them or in both."""
        return self._once("either", first, second, _either)

    def places(self, whole: Names, part: Names) -> Whole:
        """Return where the names of a part stand in the whole."""
        return self._once("places", whole, part, np.searchsorted)

    def _once(self, what: str, first: Names, second: Names, make: Callable[..., _N]) -> _N:
        key = what, id(first), id(second)
        if key not in self._found:
            self._found[key] = first, second, make(first, second)
        return cast(_N, self._found[key][2])


def _either(first: Names, second: Names) -> Names:
    return first if first is second or np.array_equal(first, second) else np.union1d(first, second)


def _both(first: Names, second: Names) -> Names:
    same = first is second or np.array_equal(first, second)
    return first if same else np.intersect1d(first, second)
