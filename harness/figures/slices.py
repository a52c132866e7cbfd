"""The slices of a cell's samples, and its figures on some of its samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.characters import one_line
from harness.contracts import Sheet
from harness.figures.measures import area, mean, proportion
from harness.figures.scores import by_sample, log_odds, right_answers
from harness.figures.table import figure_kind
from harness.markdown import cut
from harness.reasons import Reason, count
from harness.records import Contrast, Figure, Result, Row
from harness.stats import clopper_pearson_interval, cluster_proportion_interval
from harness.stats.slices import ALPHA, widening

PartKind = Literal["value", "nothing", "other"]
_ACCURACIES = ("accuracy", "calibrated_accuracy", "contextual_accuracy")
LENGTH = "length"
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Part:
    """One slice of a cell.

    Attributes:
        column: What it is sliced by: a column of the data, or `length`.
        value: Of its samples; "" for those that have none, and for `other`.
        kind: `nothing` has no value in the column; `other` holds the values of too few samples.
        values: How many values it holds.
        places: Its samples' places among the cell's results.
    """

    column: str
    value: str
    kind: PartKind
    values: int
    places: tuple[int, ...]

    def of(self, results: Sequence[Result]) -> list[Result]:
        """Return its samples' results."""
        return [results[place] for place in self.places]


def spoken(column: str, value: str, kind: PartKind) -> str:
    """Return how a gate's line names a slice, such as `topic=sport`, a long value cut."""
    if kind == "other":
        return f"other values of {column}"
    return f"{column}={cut(one_line(value), _LONGEST)}" if value else f"no {column}"


def parts_of(
    results: Sequence[Result], columns: Mapping[str, int], *, only: str | None = None
) -> list[Part]:
    """Return the slices of a cell, see `parts_among`."""
    return parts_among([one.slices for one in results], columns, only=only)


def parts_among(
    values: Sequence[Mapping[str, str]], columns: Mapping[str, int], *, only: str | None = None
) -> list[Part]:
    """Return the slices of samples: by column, the greatest first, the shortest span first.

    Args:
        values: Of each sample, its value in each column.
        columns: What it is sliced by, each with the least number of samples of a value that is a
            slice of its own; the others are one slice together.
        only: The only column that counts, None for all.
    """
    found: list[Part] = []
    for column, least in columns.items():
        if only is not None and column != only:
            continue
        places: dict[str, list[int]] = {}
        for place, one in enumerate(values):
            places.setdefault(one.get(column, ""), []).append(place)
        small = [value for value, own in places.items() if len(own) < least]
        # One small value would only lose its name.
        pooled = small if len(small) > 1 else []
        alone = [value for value in places if value not in pooled]
        for value in sorted(alone, key=lambda one: _order(column, one, len(places[one]))):
            kind: PartKind = "value" if value else "nothing"
            found.append(Part(column, value, kind, 1, tuple(places[value])))
        if pooled:
            rest = sorted(place for value in pooled for place in places[value])
            found.append(Part(column, "", "other", len(pooled), tuple(rest)))
    return found


def tested_figure(row: Row) -> str:
    """Return the figure by which a cell's slices are tested: the strongest share of samples."""
    return "calibrated_accuracy" if "calibrated_accuracy" in row.figures else "accuracy"


def _order(column: str, value: str, size: int) -> tuple[int, int, str]:
    start = value.partition("-")[0].rstrip("+")
    if column == LENGTH and start.isdecimal():
        return 0, int(start), value
    return (0 if value else 1), -size, value


def part_named(results: Sequence[Result], column: str, value: str) -> Part:
    """Return the slice of one value, however few samples it has; none where there are none."""
    places = [i for i, one in enumerate(results) if one.slices.get(column) == value]
    return Part(column, value, "value" if value else "nothing", 1, tuple(places))


def narrowed(row: Row, results: Sequence[Result], names: Sequence[str]) -> Row:
    """Return a cell's row as it is on some of its samples.

    Args:
        row: The cell.
        results: Of these samples.
        names: The figures that are wanted; one that these samples do not define is left out.
    """
    scored = [one for one in results if one.correct is not None]
    unscored = [one.reason or Reason("no_reason") for one in results if one.correct is None]
    labels, asked = tuple(row.targets), Counter(one.target for one in results)
    given = Counter(one.answer for one in scored)
    figures = {name: figure_on(results, name, labels) for name in names}
    return replace(
        row,
        n=len(scored),
        unscored=len(results) - len(scored),
        reasons=count(unscored),
        figures={name: one for name, one in figures.items() if one is not None},
        shares={label: given[label] / len(scored) for label in labels} if scored else {},
        targets={label: asked[label] / len(results) if results else 0.0 for label in labels},
        clusters=None if row.clusters is None else len({one.cluster for one in scored}),
    )


def figure_on(results: Sequence[Result], name: str, labels: Sequence[str]) -> Figure | None:
    """Return a figure of some of a cell's samples, None where they do not define it."""
    kind, argument = figure_kind(name)
    if kind.measure is not None:
        return kind.measure(Sheet.of(results, labels), argument)
    if name in _ACCURACIES:
        right = right_answers(by_sample(results), name)
        own = [one for one in results if one.sample in right]
        found = [right[one.sample] for one in own]
        return proportion(found, _groups(own)) if own else None
    if name == "auc" and len(labels) == 2:
        odds = log_odds(by_sample(results))
        own = [one for one in results if one.sample in odds]
        values = np.array([odds[one.sample] for one in own], dtype=np.float64)
        return area(values, [one.target == labels[0] for one in own], _groups(own))
    if name == "label_mass":
        own = [one for one in results if one.logprobs]
        sums = [min(1.0, float(np.exp(list(one.logprobs.values())).sum())) for one in own]
        return mean(np.array(sums), _groups(own)) if own else None
    return None


def simultaneous(
    figure: Figure, name: str, results: Sequence[Result], row: Row, tests: int
) -> Figure:
    """Return a slice's figure with an interval that holds along with those of all other slices.

    By Bonferroni's correction: exact for shares of samples, otherwise each half of the 95% interval
    is widened, see `harness.stats.slices.widening`.

    Args:
        figure: Of the slice, with its 95% interval.
        name: Its name.
        results: Of the slice.
        row: Its cell.
        tests: How many slices' intervals are to hold at once.
    """
    kind, _ = figure_kind(name)
    level = 1 - ALPHA / tests
    if name in _ACCURACIES:
        right = right_answers(by_sample(results), name)
        own = [one for one in results if one.sample in right]
        values, groups = [right[one.sample] for one in own], _groups(own)
        if groups is None:
            low, high = clopper_pearson_interval(sum(values), len(values), level=level)
        elif len(set(groups)) < 2:
            low, high = 0.0, 1.0
        else:
            low, high = cluster_proportion_interval(values, groups, level=level)
        return replace(figure, low=low, high=high)
    low, high = _wider(figure.value, figure.low, figure.high, tests, units_of(results, row))
    return replace(figure, low=max(kind.lowest, low), high=min(kind.highest, high))


def simultaneous_difference(found: Contrast, tests: int, units: int) -> Contrast:
    """Return a slice's difference with an interval that holds along with those of all others."""
    span = figure_kind(found.figure)[0].span
    low, high = _wider(found.value, found.low, found.high, tests, units)
    return replace(found, low=max(-span, low), high=min(span, high))


def units_of(results: Sequence[Result], row: Row) -> int:
    """Return how many independent units some of a cell's samples are: themselves, or clusters."""
    return len(results) if row.clusters is None else len({one.cluster for one in results})


def _wider(value: float, low: float, high: float, tests: int, units: int) -> tuple[float, float]:
    factor = widening(tests, units)
    return value - factor * (value - low), value + factor * (high - value)


def _groups(results: Sequence[Result]) -> list[str] | None:
    groups = [one.cluster for one in results]
    return groups if any(groups) else None
