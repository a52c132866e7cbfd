"""Which cells of a run each question holds against each other; nothing is computed here."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from harness.analysis.cell_findings import Kind
from harness.analysis.ranking import grouped
from harness.records import Row
from harness.shots import SELECTORS, own_order

_BASES = ("balanced", "random")
_PLACEMENTS = {None: 0, "system": 1, "user": 2, "chat": 3}


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two sides of a question.

    Attributes:
        first: The draws of the first side, one at least.
        second: Likewise, of the side that is judged.
        one_of: What only one of all pairings with the same is reported of; None where each is.
    """

    kind: Kind
    first: tuple[Row, ...]
    second: tuple[Row, ...]
    one_of: Hashable = None

    @property
    def evalset(self) -> str:
        """The set of both sides."""
        return self.second[0].evalset

    @property
    def model(self) -> str:
        """The model that is judged."""
        return self.second[0].model


def level(kind: Kind, first: Row, second: Row) -> Hashable:
    """Return what a question asks of beside a model, such as two placements; None for nothing.

    Pairings of one kind, level and model are one question.
    """
    levels: dict[Kind, Hashable] = {
        "placement": (first.placement, second.placement),
        "selector": second.selector,
        "order": (second.selector, first.order or "shuffled", second.order or "shuffled"),
        "thinking": (first.thinking, second.thinking),
        "wording": frozenset((first.prompt, second.prompt)),
        "model": first.model,
        "trained": first.cell,
    }
    return levels.get(kind)


def pairings(rows: Sequence[Row]) -> list[Pairing]:
    """Return all pairings that the rows allow."""
    parts = (_shots, _selectors, _orders, _thinking, _placements, _wordings, _calibrations,
             _models, _trained, _bests)  # fmt: skip
    return [one for part in parts for one in part(rows)]


def _shots(rows: Sequence[Row]) -> Iterable[Pairing]:
    for group in grouped(rows, lambda row: (row.evalset, row.model, row.prompt, row.regime)):
        bare = [row for row in group if row.k == 0]
        for row in group:
            if bare and row.k > 0:
                yield Pairing("shots", (bare[0],), (row,))


def _selectors(rows: Sequence[Row]) -> Iterable[Pairing]:
    """Pair each selector with `balanced`, else with `random`, in the order of its own."""
    for ways in _ways(rows):
        by_selector: dict[str, list[Row]] = {}
        for (selector, order), draws in ways.items():
            if selector not in by_selector or order == own_order(selector):
                by_selector[selector] = draws
        base = next((name for name in _BASES if name in by_selector), None)
        for selector, draws in by_selector.items():
            if base is not None and selector != base:
                yield Pairing("selector", tuple(by_selector[base]), tuple(draws))


def _orders(rows: Sequence[Row]) -> Iterable[Pairing]:
    for ways in _ways(rows):
        for (one, first), (other, second) in combinations(ways.items(), 2):
            if one[0] == other[0]:
                yield Pairing("order", tuple(first), tuple(second))


def _thinking(rows: Sequence[Row]) -> Iterable[Pairing]:
    """Pair each setting of thinking with `off`, else with the first, all else being equal."""

    def asked(row: Row) -> Hashable:
        return row.evalset, row.model, row.prompt, row.scoring, _shown(row), row.train_rows

    for group in grouped(rows, asked):
        base = next((row for row in group if row.thinking == "off"), group[0])
        for row in group:
            if row.thinking != base.thinking:
                yield Pairing("thinking", (base,), (row,))


def _placements(rows: Sequence[Row]) -> Iterable[Pairing]:
    def draw(row: Row) -> Hashable:
        shots = (row.k, row.selector, row.order, row.seed)
        return row.evalset, row.model, row.prompt, row.regime, shots

    for group in grouped([row for row in rows if row.k > 0], draw):
        ordered = sorted(group, key=lambda row: _PLACEMENTS[row.placement])
        for first, second in combinations(ordered, 2):
            yield Pairing("placement", (first,), (second,))


def _wordings(rows: Sequence[Row]) -> Iterable[Pairing]:
    """Pair all prompts of a mode; only the best and its nearest rival are reported."""
    prompted = [row for row in rows if not row.classifier]
    for group in grouped(prompted, lambda row: (row.evalset, row.model, row.scoring, row.mode)):
        mode = (group[0].evalset, group[0].model, group[0].scoring, group[0].mode)
        for first, second in combinations(group, 2):
            yield Pairing("wording", (first,), (second,), mode)


def _calibrations(rows: Sequence[Row]) -> Iterable[Pairing]:
    for row in rows:
        if not row.train_rows and row.targets:
            yield Pairing("calibration", (row,), (row,))
            yield Pairing("contextual", (row,), (row,))


def _models(rows: Sequence[Row]) -> Iterable[Pairing]:
    """Pair the models that were asked the same, base and adapter among them."""

    def asked(row: Row) -> Hashable:
        return row.evalset, row.prompt, row.regime, _shown(row)

    for group in grouped([row for row in rows if not row.classifier], asked):
        for first, second in combinations(group, 2):
            if first.model != second.model:
                yield Pairing("model", (first,), (second,))


def _trained(rows: Sequence[Row]) -> Iterable[Pairing]:
    """Pair each classifier with all cells of each model, of which the best is reported."""
    prompted = [row for row in rows if not row.classifier]
    for rival in (row for row in rows if row.classifier):
        for row in prompted:
            if row.evalset == rival.evalset:
                pick = (rival.evalset, rival.cell, row.model)
                yield Pairing("trained", (rival,), (row,), pick)


def _bests(rows: Sequence[Row]) -> Iterable[Pairing]:
    """Pair all zero-shot with all few-shot cells of a model; the best of both are reported."""
    for group in grouped(rows, lambda row: (row.evalset, row.model)):
        for bare in (row for row in group if row.k == 0 and not row.classifier):
            for shown in (row for row in group if row.k > 0):
                pick = (shown.evalset, shown.model)
                yield Pairing("best", (bare,), (shown,), pick)


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


def _shown(row: Row) -> Hashable:
    return row.k, row.placement, row.selector, row.order, row.seed
