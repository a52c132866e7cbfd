"""The tests of a run: each pairing by each figure, taken apart into what its units add."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.pairings import Pairing, pairings
from harness.analysis.ranking import best_pair, grouped, primaries
from harness.figures import COMPARED
from harness.figures.columns import Column, column
from harness.figures.name_sets import Names, NameSets
from harness.figures.scores import CellScores
from harness.records import Result, Row
from harness.stats import Floats
from harness.stats.arrays import Whole

CALIBRATED = {"calibration": "calibrated_accuracy", "contextual": "contextual_accuracy"}


@dataclass(frozen=True, slots=True)
class Test:
    """One figure of one pairing.

    Attributes:
        figure: That of the second side; `before` is that of the first.
        primary: Whether the set's verdicts go by this figure.
        candidates: Prompts of which the second side's is the best, 1 where it was not chosen.
    """

    pairing: Pairing
    figure: str
    before: str
    primary: bool
    column: Column
    candidates: int = 1

    @property
    def family(self) -> Hashable:
        """What is tested together: a question by the primary figure, or by all others."""
        strict = self.pairing.second[0].family == "report"
        return ("report" if strict else self.pairing.kind), self.primary

    @property
    def statistic(self) -> float:
        """The difference in standard errors; 0 where no unit adds anything."""
        error = float(np.sqrt((self.column.values**2).sum()))
        return self.column.value / error if error > 0 else 0.0


class Cells:
    """The cells' results, for all tests of a run."""

    def __init__(self, results: Sequence[Result]) -> None:
        """Sort the results by cell."""
        found: dict[tuple[str, str], dict[str, Result]] = {}
        for result in results:
            found.setdefault((result.evalset, result.cell), {})[result.sample] = result
        self._results = found
        self._scores: dict[tuple[str, str], CellScores] = {}
        self._name_sets = NameSets()

    def scores(self, rows: Sequence[Row]) -> list[CellScores]:
        """Return the scores of each row."""
        for row in rows:
            key = row.evalset, row.cell
            if key not in self._scores:
                self._scores[key] = CellScores(self._results.get(key, {}), self._name_sets)
        return [self._scores[row.evalset, row.cell] for row in rows]

    def column(
        self, first: Sequence[Row], second: Sequence[Row], figure: str, before: str = ""
    ) -> Column | None:
        """Return how two sides differ, None where the cells lack the figure or share no sample."""
        having = [(row, before or figure) for row in first] + [(row, figure) for row in second]
        if any(name not in row.figures for row, name in having):
            return None
        sides = self.scores(first), self.scores(second)
        return column(*sides, figure, positive=next(iter(first[0].targets), ""), before=before)


def all_tests(rows: Sequence[Row], cells: Cells) -> list[Test]:
    """Return all tests that enter a family.

    Those of the wordings are already no more than one a mode and figure: the best wording against
    the rival that it is least clearly ahead of. That one's p needs no correction for having been
    chosen, since it is the largest.

    Source: Gutmann and Maymin (1987), Ann. Stat. 15:456, for the best of several.
    """
    primary_by_set, paired = primaries(rows), pairings(rows)
    known = _best_known(rows, paired, primary_by_set)
    found: list[Test] = []
    rivals: dict[Hashable, list[Test]] = {}
    for pairing in paired:
        primary = primary_by_set[pairing.evalset]
        if pairing.kind == "best" and pairing.one_of in known:
            continue
        for test in _tested(pairing, primary, cells):
            if pairing.kind == "wording":
                rivals.setdefault((pairing.one_of, test.figure), []).append(test)
            else:
                found.append(test)
    return found + [test for own in rivals.values() for test in _nearest_rival(own)]


def _tested(pairing: Pairing, primary: str, cells: Cells) -> Iterable[Test]:
    if pairing.kind in CALIBRATED:
        figure, before = CALIBRATED[pairing.kind], "accuracy"
        own = cells.column(pairing.first, pairing.second, figure, before)
        if own is not None:
            yield Test(pairing, figure, before, True, own)
        return
    names = dict.fromkeys((primary, *(() if pairing.kind == "best" else COMPARED)))
    for figure in names:
        own = cells.column(pairing.first, pairing.second, figure)
        if own is not None:
            yield Test(pairing, figure, figure, figure == primary, own)


def _best_known(
    rows: Sequence[Row], paired: Sequence[Pairing], primary_by_set: Mapping[str, str]
) -> set[Hashable]:
    """Return the sets and models whose two best cells another question compares already."""
    shots = {
        (one.evalset, one.first[0].cell, one.second[0].cell)
        for one in paired
        if one.kind == "shots"
    }
    known: set[Hashable] = set()
    for own in grouped(rows, lambda row: (row.evalset, row.model)):
        evalset = own[0].evalset
        bare, shown = best_pair(own, primary_by_set[evalset])
        if not (bare and shown) or (evalset, bare.cell, shown.cell) in shots:
            known.add((evalset, own[0].model))
    return known


def _nearest_rival(tests: Sequence[Test]) -> Iterable[Test]:
    """Yield the best prompt of a mode against the one that it is least clearly ahead of."""
    figure = tests[0].figure
    cells = [row for one in tests for row in (one.pairing.first[0], one.pairing.second[0])]
    best = min(cells, key=lambda row: (-row.figures[figure].value, row.prompt))
    against = [_ahead(one, best) for one in tests
               if best in (one.pairing.first[0], one.pairing.second[0])]  # fmt: skip
    nearest = min(against, key=lambda one: one.statistic)
    yield replace(nearest, candidates=len(against) + 1)


def _ahead(test: Test, best: Row) -> Test:
    """Return a test with the best cell as its second side."""
    pairing, own = test.pairing, test.column
    if pairing.second[0] == best:
        return test
    turned = replace(pairing, first=pairing.second, second=pairing.first)
    column = Column(-own.value, own.units, -own.values, -own.influence)
    return replace(test, pairing=turned, column=column)


def stacked(columns: Sequence[tuple[str, Names, Floats]]) -> Floats:
    """Return what all units add to several differences, of shape [units, differences].

    Args:
        columns: For each difference its eval set, its units, and what each of them adds.
    """
    places: dict[tuple[str, str], int] = {}
    known: list[tuple[str, Names, Whole]] = []
    rows: list[Whole] = []
    for evalset, units, _ in columns:
        own = next((at for name, other, at in known
                    if name == evalset and np.array_equal(other, units)), None)  # fmt: skip
        if own is None:
            keys = [(evalset, unit) for unit in units.tolist()]
            own = np.array([places.setdefault(key, len(places)) for key in keys], dtype=np.int64)
            known.append((evalset, units, own))
        rows.append(own)
    table = np.zeros((len(places), len(columns)))
    for at, ((_, _, values), own) in enumerate(zip(columns, rows, strict=True)):
        table[own, at] = values
    return table
