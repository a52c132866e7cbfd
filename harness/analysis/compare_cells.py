"""Paired comparisons between the cells of a run: what is shown, not how it is worded."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.analysis.cell_findings import ALPHA, Comparison, Family
from harness.analysis.tested import Cells, Test, stacked
from harness.figures.pairs import pair_scores
from harness.records import Contrast, Gate
from harness.stats import Difference
from harness.stats.max_t import max_t

_Contrasts = Mapping[tuple[str, str, str, str], Contrast]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a family says of one of its tests.

    Attributes:
        critical: Standard errors that an interval reaches to either side.
        size: Tests of the family.
    """

    test: Test
    p: float
    critical: float
    error: float
    size: int


def compare(tests: Sequence[Test], cells: Cells, gates: Sequence[Gate] = ()) -> list[Comparison]:
    """Return the comparisons that a report names, each with its family's p-value and interval.

    A question by the set's primary figure is one family over all models and sets of the run, a
    question by the other figures another; with `family: report`, all questions are one. Of tests
    of which only one is reported, all count. What a gate has declared beforehand needs no
    correction: it has the gate's p-value and interval, and is not in a family.

    Args:
        tests: Of `harness.analysis.tested.all_tests`.
        cells: The results that they are of.
        gates: Those that were judged.
    """
    declared = _judged_by(gates)
    free = [one for one in tests if one.pairing.one_of or not _declared(one, declared)]
    outcomes = {id(one.test): one for one in _outcomes(free)}
    every = [outcomes.get(id(one)) or _Outcome(one, 1.0, 0.0, 0.0, 1) for one in tests]
    found = (
        _comparison(one, chosen_of, cells, _declared(one.test, declared))
        for one, chosen_of in _reported(every)
    )
    return [one for one in found if one is not None]


def _judged_by(gates: Sequence[Gate]) -> _Contrasts:
    """Return what gates have judged of two cells, each also the other way round."""
    found = {
        (one.evalset, one.against, one.cell, one.figure): one.contrast
        for one in gates
        if one.contrast is not None and one.slice is None and one.against != "baseline"
    }
    turned = {
        (evalset, second, first, figure): replace(
            one,
            first=one.second,
            second=one.first,
            low=-one.high,
            high=-one.low,
            lost=one.won,
            won=one.lost,
        )
        for (evalset, first, second, figure), one in found.items()
    }
    return turned | found


def _outcomes(tests: Sequence[Test]) -> list[_Outcome]:
    if not tests:
        return []
    columns = [(one.pairing.evalset, one.column.units, one.column.values) for one in tests]
    families = [one.family for one in tests]
    judged = max_t([one.column.value for one in tests], stacked(columns), families=families)
    by_family = dict(zip(dict.fromkeys(families), judged, strict=True))
    places: dict[Hashable, int] = {}
    found = []
    for one in tests:
        own, at = by_family[one.family], places.get(one.family, 0)
        places[one.family] = at + 1
        size = len(own.p)
        found.append(_Outcome(one, float(own.p[at]), own.critical, float(own.errors[at]), size))
    return found


def _reported(outcomes: Sequence[_Outcome]) -> list[tuple[_Outcome, int]]:
    """Return those that are named, with the number of tests that each was chosen from.

    Of tests of which one is reported, it is that of the best cell, or of the best on both sides.
    """
    groups: dict[Hashable, list[_Outcome]] = {}
    for one in outcomes:
        pairing = one.test.pairing
        key = (pairing.kind, pairing.one_of) if pairing.one_of else id(one)
        groups.setdefault((key, one.test.figure), []).append(one)

    def height(one: _Outcome) -> tuple[float, float]:
        figure, pairing = one.test.figure, one.test.pairing
        return pairing.second[0].figures[figure].value, pairing.first[0].figures[figure].value

    chosen = [(max(own, key=height), len(own)) for own in groups.values()]
    return [(one, max(count, one.test.candidates)) for one, count in chosen]


def _comparison(
    outcome: _Outcome, chosen_of: int, cells: Cells, declared: Contrast | None
) -> Comparison | None:
    test, pairing = outcome.test, outcome.test.pairing
    positive = next(iter(pairing.first[0].targets), "")
    sides = cells.scores(pairing.first), cells.scores(pairing.second)
    paired = pair_scores(*sides, test.figure, positive=positive, before=test.before)
    if paired is None:
        return None
    difference, left_out = paired
    p, low, high = _simultaneous(outcome, difference)
    family: Family = "primary" if test.primary else "secondary"
    if declared is not None:
        p, low, high, chosen_of, family = declared.p, declared.low, declared.high, 1, "gate"
    return Comparison(
        kind=pairing.kind,
        first=pairing.first[0],
        second=pairing.second[0],
        figure="accuracy" if test.before == "accuracy" else test.figure,
        difference=difference,
        left_out=left_out,
        low=low,
        high=high,
        adjusted=p,
        chosen_of=chosen_of,
        draws=(len(pairing.first), len(pairing.second)),
        spread=_spread(test, cells),
        primary=test.primary,
        family=family,
        tests=outcome.size,
    )


def _simultaneous(outcome: _Outcome, difference: Difference) -> tuple[float, float, float]:
    """Return p and the interval, which leaves out 0 where p is below 0.05, and only there.

    It is never narrower than the comparison's own: with few pairs that differ, their squares know
    less of the spread than an interval that is made for counts.
    """
    value, half = difference.value, outcome.critical * outcome.error
    low, high, p = value - half, value + half, outcome.p
    if outcome.error == 0:
        # No unit is known to move it; the interval of the pair knows what that leaves open.
        p, low, high = min(1.0, outcome.size * difference.p), difference.low, difference.high
    shown = p < ALPHA and value != 0
    if not (shown and value > 0):
        low = min(low, difference.low)
    if not (shown and value < 0):
        high = max(high, difference.high)
    if not shown:
        low, high = min(low, 0.0), max(high, 0.0)
    return p, max(-1.0, low), min(1.0, high)


def _spread(test: Test, cells: Cells) -> tuple[float, float] | None:
    """Return the least and the greatest difference of single draws, None of one pair."""
    first, second = test.pairing.first, test.pairing.second
    if len(first) == len(second) == 1:
        return None
    pairs = [(a, b) for a in first for b in second if a.seed == b.seed]
    if 1 in (len(first), len(second)):
        pairs = [(a, b) for a in first for b in second]
    single = [cells.column([a], [b], test.figure, test.before) for a, b in pairs]
    values = [one.value for one in single if one is not None]
    return (min(values), max(values)) if len(values) > 1 else None


def _declared(test: Test, declared: _Contrasts) -> Contrast | None:
    """Return what a gate has judged of the same two cells, second minus first; None without one."""
    first, second = test.pairing.first, test.pairing.second
    if len(first) > 1 or len(second) > 1:
        return None
    return declared.get((test.pairing.evalset, first[0].cell, second[0].cell, test.figure))
