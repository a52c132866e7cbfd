"""Values of a label column -> the labels of an eval set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from harness.characters import one_form, spelled
from harness.errors import SpecError
from harness.spec.dataspec import LabelRule

# How many values an error shows.
_SHOWN = 3
_CLASSES = 8
Rule = str | int | list[str | int] | LabelRule


class LabelMap:
    """Finds the label of a value, each distinct value once."""

    def __init__(self, labels: Mapping[str, Rule]) -> None:
        self._labels = labels
        self._found: dict[str, str | None] = {}

    def find(self, value: str) -> str | None:
        """Return the label that a value means, or None.

        Text matches exactly, white space around it and Unicode's forms of one text aside; an
        integer matches any spelling of its number, and a rule every number within its bounds.

        Raises:
            SpecError: It means two labels.
        """
        if value not in self._found:
            hits = [label for label, rule in self._labels.items() if _matches(rule, value.strip())]
            if len(hits) > 1:
                raise SpecError(f"labels: '{value}' means both {' and '.join(hits)}; make their "
                                "values or bounds exclude each other")  # fmt: skip
            self._found[value] = hits[0] if hits else None
        return self._found[value]


class ClassLabels:
    """Finds the label of a number of a class, by the number or by the class's name.

    What the labels say of a number goes before its name. Where names are numbers too, and others
    than their own, the one reading or the other holds for the whole column.

    Args:
        labels: What means a label.
        classes: Names by number.
    """

    def __init__(self, labels: Mapping[str, Rule], classes: Mapping[str, str]) -> None:
        self._map, self._classes = LabelMap(labels), classes
        self._numbers, self._names = True, True
        if not any(_number(name) not in (math.nan, _number(own)) for own, name in classes.items()):
            return
        numbers = [self._map.find(number) is not None for number in classes]
        names = [self._map.find(name) is not None for name in classes.values()]
        if not any(numbers) or not any(names):
            return
        text = all(isinstance(one, str) for rule in labels.values()
                   for one in (rule if isinstance(rule, list) else [rule]))  # fmt: skip
        self._names = all(names) if all(names) != all(numbers) else text
        self._numbers = not self._names
        if self._numbers and not (all(numbers) and not all(names)):
            raise SpecError("its classes have numbers as names, and others than their own "
                            f"({some_classes(classes)}), so that a number under 'labels' may mean "
                            "either; write the names, in quotes")  # fmt: skip

    def find(self, value: str) -> str | None:
        """Return the label that a value means, or None.

        Raises:
            SpecError: It means two labels.
        """
        name = self._classes.get(value)
        label = self._map.find(value) if self._numbers or name is None else None
        return self._map.find(name) if label is None and name is not None and self._names else label


def some_classes(classes: Mapping[str, str]) -> str:
    """Return the first classes of a column as an error shows them: `classes: 0 bad, 1 good`."""
    named = [f"{number} {name}" for number, name in classes.items()]
    more = ", ..." if len(named) > len(named[:_CLASSES]) else ""
    return f"classes: {', '.join(named[:_CLASSES])}{more}"


def some_of(values: Iterable[str]) -> str:
    """Return the first different values as an error shows them, and how many more there are."""
    found = list(dict.fromkeys(spelled(value.strip()) for value in values))
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(f"'{value}'" for value in found[:_SHOWN]) + more


def _matches(rule: Rule, value: str) -> bool:
    if isinstance(rule, LabelRule):
        number = _number(value)
        return not math.isnan(number) and (
            (rule.at_least is None or number >= rule.at_least)
            and (rule.at_most is None or number <= rule.at_most)
        )
    if isinstance(rule, list):
        return any(_matches(entry, value) for entry in rule)
    if isinstance(rule, str):
        return one_form(value) == one_form(rule.strip())
    try:
        # Not by float, to which numbers of twenty digits are alike. Python's own `1_0` is not a
        # number in data.
        return "_" not in value and Decimal(value) == rule
    except InvalidOperation:
        return False


def _number(value: str) -> float:
    try:
        return math.nan if "_" in value else float(value)
    except ValueError:
        return math.nan
