"""Paired comparisons between the cells of a run: what is tested, not how it is worded."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from harness.analysis.findings import Comparison, Kind
from harness.analysis.ranking import best_pair, grouped, lead
from harness.figures import COMPARED, FIGURES, ResultsById, pair
from harness.records import Result, Row
from harness.shots import SELECTORS, own_order
from harness.stats import holm

EXACT = tuple(name for name in COMPARED if FIGURES[name].exact)
"""Those of them that are shares of samples."""
_BASES = ("balanced", "random")
_CALIBRATED: Mapping[Kind, str] = {
    "calibration": "calibrated_accuracy",
    "contextual": "contextual_accuracy",
}
_PLACEMENTS = {None: 0, "system": 1, "user": 2, "chat": 3}

Cells = Mapping[tuple[str, str], ResultsById]


def compare(rows: Sequence[Row], results: Sequence[Result]) -> list[Comparison]:
    """Return all comparisons that the rows allow, with p-values adjusted over all of them."""
    cells: dict[tuple[str, str], dict[str, Result]] = {}
    for result in results:
        cells.setdefault((result.evalset, result.cell), {})[result.sample] = result
    found = [
        comparison
        for part in (
            _shots,
            _selectors,
            _orders,
            _thinking,
            _placements,
            _wordings,
            _calibrations,
            _against_trained,
        )
        for comparison in part(rows, cells)
    ]
    known = {(one.first.cell, one.second.cell, one.figure) for one in found if one.kind == "shots"}
    found += _bests(rows, cells, known)
    adjusted = holm([one.difference.p for one in found])
    return [replace(one, adjusted=p) for one, p in zip(found, adjusted, strict=True)]


def _shots(rows: Sequence[Row], cells: Cells) -> Iterable[Comparison]:
    for group in grouped(rows, lambda row: (row.evalset, row.model, row.prompt, row.regime)):
        bare = [row for row in group if row.k == 0]
        for row in group:
            for figure in COMPARED:
                if bare and row.k > 0:
                    yield from _pair("shots", bare[0], row, figure, cells)


def _placements(rows: Sequence[Row], cells: Cells) -> Iterable[Comparison]:
    def draw(row: Row) -> Hashable:
        shots = (row.k, row.selector, row.order, row.seed)
        return row.evalset, row.model, row.prompt, row.regime, shots

    for group in grouped([row for row in rows if row.k > 0], draw):
        ordered = sorted(group, key=lambda row: _PLACEMENTS[row.placement])
        for first, second in combinations(ordered, 2):
            for figure in COMPARED:
                yield from _pair("placement", first, second, figure, cells)


def _selectors(rows: Sequence[Row], cells: Cells) -> Iterable[Comparison]:
    """Compare each selector with `balanced`, else with `random`, in the order of its own."""
    for ways in _ways(rows):
        by_selector: dict[str, list[Row]] = {}
        for (selector, order), draws in ways.items():
            if selector not in by_selector or order == own_order(selector):
                by_selector[selector] = draws
        base = next((name for name in _BASES if name in by_selector), None)
        for selector, draws in by_selector.items():
            if base is not None and selector != base:
                yield from _pooled("selector", by_selector[base], draws, cells)


def _orders(rows: Sequence[Row], cells: Cells) -> Iterable[Comparison]:
    for ways in _ways(rows):
        for (one, first), (other, second) in combinations(ways.items(), 2):
            if one[0] == other[0]:
                yield from _pooled("order", first, second, cells)


def _thinking(rows: Sequence[Row], cells: Cells) -> Iterable[Comparison]:
    """Compare each setting of thinking with `off`, else with the first, all else being equal."""

    def asked(row: Row) -> Hashable:
        shots = (row.k, row.placement, row.selector, row.order, row.seed)
        return row.evalset, row.model, row.prompt, row.scoring, shots, row.train_rows

    for group in grouped(rows, asked):
        base = next((row for row in group if row.thinking == "off"), group[0])
        for row in group:
            for figure in COMPARED:
                if row.thinking != base.thinking:
                    yield from _pair("thinking", base, row, figure, cells)


def _ways(rows: Sequence[Row]) -> list[dict[tuple[str, str], list[Row]]]:
    """Return for each model, prompt, k and placement the draws of each selector and order."""

    def asked(row: Row) -> Hashable:
        return row.evalset, row.model, row.prompt, row.regime, row.k, row.placement

    found: list[dict[tuple[str, str], list[Row]]] = []
    for group in grouped([row for row in rows if row.selector in SELECTORS], asked):
        ways: dict[tuple[str, str], list[Row]] = {}
        for row in group:
            ways.setdefault((row.selector or "", row.order or "shuffled"), []).append(row)
        found.append(ways)
    return found


def _pooled(
    kind: Kind, first: Sequence[Row], second: Sequence[Row], cells: Cells
) -> Iterable[Comparison]:
    """Yield the comparison of each figure, over all draws of both sides."""
    for figure in COMPARED:
        if len(first) == len(second) == 1:
            yield from _between(kind, first, second, figure, cells)
            continue
        pairs = [(a, b) for a in first for b in second if a.seed == b.seed]
        if 1 in (len(first), len(second)):
            pairs = [(a, b) for a in first for b in second]
        singles = [c.difference.value for a, b in pairs for c in _pair(kind, a, b, figure, cells)]
        for one in _between(kind, first, second, figure, cells):
            spread = (min(singles), max(singles)) if len(singles) > 1 else None
            yield replace(one, draws=(len(first), len(second)), spread=spread)


def _wordings(rows: Sequence[Row], cells: Cells) -> Iterable[Comparison]:
    """Compare the best prompt with the one that it is least clearly ahead of.

    It is the best if it beats every other one, so the largest p counts. To have picked it favours
    it over each of the others: by Bonferroni's bound, that p counts once for every one of them.
    """
    for group in grouped(rows, lambda row: (row.evalset, row.model, row.scoring, row.mode)):
        for figure in EXACT:
            having = [row for row in group if figure in row.figures]
            ranked = sorted(having, key=lambda row: (-row.figures[figure].value, row.prompt))
            found = [
                c for row in ranked[1:] for c in _pair("wording", row, ranked[0], figure, cells)
            ]
            if found:
                one = max(found, key=lambda c: c.difference.p)
                d = replace(one.difference, p=min(1.0, len(found) * one.difference.p))
                yield replace(one, difference=d, chosen_of=len(found) + 1)


def _calibrations(rows: Sequence[Row], cells: Cells) -> Iterable[Comparison]:
    for row in rows:
        if row.train_rows or not row.targets:
            continue
        cell, positive = [cells.get((row.evalset, row.cell), {})], next(iter(row.targets))
        for kind, figure in _CALIBRATED.items():
            if figure in row.figures:
                found = pair(cell, cell, figure, positive=positive, before="accuracy")
                if found is not None:
                    yield Comparison(kind, row, row, "accuracy", *found)


def _against_trained(rows: Sequence[Row], cells: Cells) -> Iterable[Comparison]:
    """Compare the best cell of each model with each trained classifier, by each figure.

    To have picked the best of m cells favours the model. So its being ahead counts m times by
    Bonferroni; its being behind needs no such correction.
    """
    prompted = [row for row in rows if not row.train_rows]
    for trained in (row for row in rows if row.train_rows):
        own = [row for row in prompted if row.evalset == trained.evalset]
        for group in grouped(own, lambda row: row.model):
            for figure in COMPARED:
                having = [row for row in group if figure in row.figures]
                if not having:
                    continue
                best = max(having, key=lambda row: row.figures[figure].value)
                for one in _pair("trained", trained, best, figure, cells):
                    yield _counting(one, len(having))


def _counting(one: Comparison, cells: int) -> Comparison:
    d = one.difference
    if d.value > 0:
        d = replace(d, p=min(1.0, cells * d.p))
    return replace(one, difference=d, chosen_of=cells)


def _bests(
    rows: Sequence[Row], cells: Cells, known: set[tuple[str, str, str]]
) -> Iterable[Comparison]:
    """Compare the best few-shot cell of a model with its best zero-shot cell.

    Both are picked by what is then tested: by Bonferroni's bound, p counts once for every pair
    that could have been picked. What is `known`, as cells and figure, is not tested again.
    """
    for group in grouped(rows, lambda row: (row.evalset, row.model)):
        bare, shown = best_pair(group)
        figure = lead(group)
        if bare and shown and (bare.cell, shown.cell, figure) not in known:
            bares = sum(row.k == 0 and not row.train_rows for row in group)
            pairs = bares * sum(row.k > 0 for row in group)
            for one in _pair("best", bare, shown, figure, cells):
                d = replace(one.difference, p=min(1.0, pairs * one.difference.p))
                yield replace(one, difference=d, chosen_of=pairs)


def _pair(kind: Kind, first: Row, second: Row, figure: str, cells: Cells) -> Iterable[Comparison]:
    return _between(kind, [first], [second], figure, cells)


def _between(
    kind: Kind, first: Sequence[Row], second: Sequence[Row], figure: str, cells: Cells
) -> Iterable[Comparison]:
    """Yield the comparison of one figure, or nothing where the cells do not have it."""
    if any(figure not in row.figures for row in (*first, *second)):
        return
    a, b = ([cells.get((row.evalset, row.cell), {}) for row in side] for side in (first, second))
    found = pair(a, b, figure, positive=next(iter(first[0].targets)))
    if found is not None:
        yield Comparison(kind, first[0], second[0], figure, *found)
