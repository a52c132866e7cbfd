"""A registered figure as an entry of the table: what it returns is checked before it is shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TypeVar

import numpy as np

from harness.contracts import Sheet
from harness.errors import RegistryError
from harness.figures.measures import aligned, mean, paired_means
from harness.figures.scores import ResultsById
from harness.records import Figure
from harness.registry import Compare, RegisteredFigure, Values
from harness.stats import Difference, Floats
from harness.stats.arrays import Bools

_T = TypeVar("_T")
_COUNTS = ("n", "lost", "won")


def measured(name: str, entry: RegisteredFigure, sheet: Sheet) -> Figure | None:
    """Return a figure of the samples that count for it, None where they do not define it.

    Raises:
        RegistryError: It failed, or is no figure in its range.
    """
    own = sheet.only(_counting(entry, sheet))
    if not len(own.targets):
        return None
    if entry.values is not None:
        scaled = _scaled(name, entry, entry.values, own)
        found = mean(scaled, own.clusters)
        value, low, high = (_back(one, entry) for one in (found.value, found.low, found.high))
        return Figure(value, low, high, found.n)
    if entry.measure is None:
        return None
    measure = entry.measure
    figure = _called(name, lambda: measure(own))
    if figure is None:
        return None
    if not isinstance(figure, Figure):
        raise _wrong(name, f"returned {_told(figure)}, not a Figure or None")
    _check_numbers(name, figure, ("value", "low", "high"))
    if not figure.low <= figure.value <= figure.high:
        raise _wrong(name, f"its value {figure.value:g} is not within its interval "
                     f"[{figure.low:g}, {figure.high:g}]")  # fmt: skip
    if not (entry.lowest <= figure.low and figure.high <= entry.highest):
        raise _wrong(name, f"[{figure.low:g}, {figure.high:g}] leaves its range from "
                     f"{entry.lowest:g} to {entry.highest:g}")  # fmt: skip
    if type(figure.n) is not int or not 0 < figure.n <= len(own.targets):
        raise _wrong(name, f"n is {_told(figure.n)}, of {len(own.targets)} samples")
    return figure


def compared(
    name: str,
    entry: RegisteredFigure,
    first: ResultsById,
    second: ResultsById,
    labels: Sequence[str],
) -> tuple[Difference, int] | None:
    """Return second minus first on the samples that count on both sides, and how many do not.

    Raises:
        RegistryError: The comparison failed, or is none of two figures in their range.
    """
    a, b, left_out = aligned(first, second, labels, lambda sheet: _counting(entry, sheet))
    one_cluster = b.clusters is not None and len(set(b.clusters)) < 2
    if len(b.targets) < 2 or one_cluster:
        return None
    if entry.values is not None:
        old, new = (_scaled(name, entry, entry.values, side) for side in (a, b))
        found = paired_means(old, new, b.clusters)
        span = entry.highest - entry.lowest
        return replace(
            found,
            first=_back(found.first, entry),
            second=_back(found.second, entry),
            low=found.low * span,
            high=found.high * span,
        ), left_out
    if entry.compare is None:
        return None
    difference = _called(name, _bind(entry.compare, a, b))
    if difference is None:
        return None
    _check_difference(name, entry, difference, len(b.targets))
    return difference, left_out


def _bind(compare: Compare, a: Sheet, b: Sheet) -> Callable[[], Difference | None]:
    return lambda: compare(a, b)


def _check_difference(name: str, entry: RegisteredFigure, found: Difference, n: int) -> None:
    if not isinstance(found, Difference):
        raise _wrong(name, f"its comparison returned {_told(found)}, not a Difference or None")
    numbers = [field.name for field in fields(Difference) if field.name not in _COUNTS]
    _check_numbers(name, found, numbers)
    if not found.low <= found.value <= found.high:
        raise _wrong(name, f"its difference {found.value:g} is not within its interval "
                     f"[{found.low:g}, {found.high:g}]")  # fmt: skip
    if not 0 <= found.p <= 1:
        raise _wrong(name, f"the p-value of its comparison is {found.p:g}")
    sides = found.first, found.second
    if not all(entry.lowest <= one <= entry.highest for one in sides):
        raise _wrong(name, f"a side of its comparison leaves its range from {entry.lowest:g} to "
                     f"{entry.highest:g}")  # fmt: skip
    counts = [getattr(found, one) for one in _COUNTS]
    if any(type(one) is not int or one < 0 for one in counts) or found.n != n:
        raise _wrong(name, f"its comparison counts n={_told(found.n)}, of {n} samples in both")


def _counting(entry: RegisteredFigure, sheet: Sheet) -> Bools:
    return sheet.rated if entry.need == "logprobs" else sheet.answered


def _scaled(name: str, entry: RegisteredFigure, values: Values, sheet: Sheet) -> Floats:
    """Return the values in [0, 1]."""
    found = _values(name, entry, values, sheet)
    return np.asarray((found - entry.lowest) / (entry.highest - entry.lowest), dtype=np.float64)


def _back(value: float, entry: RegisteredFigure) -> float:
    # Both ends exactly, whatever rounding does between them.
    return (1 - value) * entry.lowest + value * entry.highest


def _values(name: str, entry: RegisteredFigure, values: Values, sheet: Sheet) -> Floats:
    given = _called(name, lambda: values(sheet))
    n = len(sheet.targets)
    try:
        found = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise _wrong(name, f"returned {_told(given)}, not {n} numbers") from None
    if found.shape != (n,):
        shape = "x".join(map(str, found.shape)) or "one"
        raise _wrong(name, f"returned {shape} values for {n} samples; one each is wanted")
    if not np.isfinite(found).all():
        raise _wrong(name, "returned a value that is not finite")
    if found.min() < entry.lowest or found.max() > entry.highest:
        raise _wrong(name, f"its values from {found.min():g} to {found.max():g} leave its range "
                     f"from {entry.lowest:g} to {entry.highest:g}")  # fmt: skip
    return found


def _check_numbers(name: str, found: Figure | Difference, fields_: Sequence[str]) -> None:
    for one in fields_:
        value = getattr(found, one)
        if isinstance(value, bool) or not isinstance(value, float | int | np.floating):
            raise _wrong(name, f"its {one} is {_told(value)}, not a number")
        if not math.isfinite(value):
            raise _wrong(name, f"its {one} is {value}, not a finite number")


def _called(name: str, call: Callable[[], _T]) -> _T:
    try:
        return call()
    except Exception as error:
        raise _wrong(name, f"{type(error).__name__}: {error}") from error


def _told(value: object) -> str:
    return f"{type(value).__name__} {value!r:.60}"


def _wrong(name: str, problem: str) -> RegistryError:
    return RegistryError(f"figure '{name}': {problem}")
