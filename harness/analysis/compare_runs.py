"""Two runs, A and B, cell by cell: by the tests that a report makes between cells of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.analysis.cell_findings import Comparison
from harness.analysis.compare_cells import compare
from harness.analysis.compare_judged import (
    ComparedModels,
    compare_judged,
    models_of,
    point_texts,
)
from harness.analysis.flips import flips
from harness.analysis.match_runs import Matched, marked, match_rows
from harness.analysis.pairings import Pairing
from harness.analysis.questions import unmoved
from harness.analysis.ranking import primaries
from harness.analysis.run_differences import Sides, differences, refusal
from harness.analysis.run_findings import (
    CellPair,
    Effect,
    PooledPairs,
    RefusedPair,
    RunComparison,
)
from harness.analysis.tested import Cells, Test, stacked
from harness.records import Result, Row, Run
from harness.registry import remembered, using
from harness.run.provenance import extension_changes
from harness.stats.pooled import averaged, differ, pooled

_Pair = tuple[Row, Row]


def compare_runs(
    a: Run, b: Run, *, renamed: Mapping[str, str] | None = None, against: str = ""
) -> RunComparison:
    """Return what run B differs from run A in, by each set's primary figure; judged models too.

    The cells of both runs are tested as a report tests two models that were asked the same: all
    pairs are one family, and pooled they are one test an eval set.

    Args:
        a: The run that is compared with.
        b: The run that is judged.
        renamed: See `match_rows`.
        against: Likewise.

    Raises:
        HarnessError: A name is none of its run.
    """
    models = [name for _, name in models_of(a.judged)], [name for _, name in models_of(b.judged)]
    matched = match_rows(a.rows, b.rows, renamed=renamed, against=against, models=models)
    judged = compare_judged(a.judged, b.judged, renamed=renamed or {}, against=against)
    with using(remembered(b.info.extensions)):
        return _compared(a, b, matched, judged)


def _compared(a: Run, b: Run, matched: Matched, judged: ComparedModels) -> RunComparison:
    mine, theirs, sides = Cells(a.results), Cells(b.results), (Sides(a), Sides(b))
    fit: list[_Pair] = []
    refused: list[RefusedPair] = []
    for first, second in matched.pairs:
        results = (mine.scores([first])[0].results, theirs.scores([second])[0].results)
        why = refusal(first, second, results, *sides)
        if why:
            refused.append(RefusedPair(second.evalset, first.cell, second.cell, why))
        else:
            fit.append((first, second))
    both = Cells([*_marked(a.results, "A"), *_marked(b.results, "B")])
    figures = primaries([row for pair in fit for row in (pair[1], pair[0])])
    tests = [_test(*pair, figures[pair[1].evalset], both) for pair in fit]
    tested = [one for one in tests if one is not None]
    compared = compare(tested, both)
    effects = {(c.second.evalset, c.first.cell, c.second.cell): c for c in compared}
    pairs = []
    for first, second in fit:
        key = second.evalset, marked(first, "A").cell, marked(second, "B").cell
        pairs.append(_cell_pair(first, second, figures, effects.get(key), (mine, theirs), sides))
    sets = [one.pair.evalset for one in judged.pairs]
    return RunComparison(
        first=a.info.id,
        second=b.info.id,
        pairs=tuple(pairs),
        pooled=tuple(_pooled(tested, compared, both)),
        refused=(*refused, *judged.refused),
        only_first=(
            *((row.evalset, row.cell) for row in matched.only_first),
            *judged.only_first,
        ),
        only_second=(
            *((row.evalset, row.cell) for row in matched.only_second),
            *judged.only_second,
        ),
        extensions=extension_changes(_extensions(a), _extensions(b)),
        models=judged.pairs,
        points=point_texts(b.judged, sets),
    )


def _test(first: Row, second: Row, figure: str, both: Cells) -> Test | None:
    """Return the test of two cells, as that of two models; None where they lack the figure."""
    pairing = Pairing("model", (marked(first, "A"),), (marked(second, "B"),))
    own = both.column(pairing.first, pairing.second, figure)
    return None if own is None else Test(pairing, figure, figure, True, own)


def _cell_pair(
    first: Row,
    second: Row,
    figures: Mapping[str, str],
    found: Comparison | None,
    cells: tuple[Cells, Cells],
    sides: tuple[Sides, Sides],
) -> CellPair:
    answers = flips(cells[0].scores([first])[0].results, cells[1].scores([second])[0].results)
    own = differences(first, second, *sides)
    figure, difference = figures[second.evalset], found.difference if found else None
    by_answers = difference is None or figure == "auc"
    return CellPair(
        evalset=second.evalset,
        first=first.cell,
        second=second.cell,
        figure=figure,
        effect=_effect(found) if found else None,
        lost=answers.lost if by_answers or difference is None else difference.lost,
        won=answers.won if by_answers or difference is None else difference.won,
        n=difference.n if difference else 0,
        left_out=found.left_out if found else len(cells[1].scores([second])[0].results),
        flips=answers,
        treatment=own.treatment,
        changed=own.changed,
        known=own.known,
    )


def _effect(c: Comparison) -> Effect:
    return Effect(c.difference.first, c.difference.second, c.low, c.high, c.adjusted)


def _pooled(
    tests: Sequence[Test], compared: Sequence[Comparison], both: Cells
) -> list[PooledPairs]:
    """Return the mean over the cells of each eval set that has several."""
    found = []
    for evalset in dict.fromkeys(one.pairing.evalset for one in tests):
        own = [one for one in tests if one.pairing.evalset == evalset]
        if len(own) < 2:
            continue
        values = np.array([one.column.value for one in own])
        influences = stacked([(evalset, one.column.units, one.column.influence) for one in own])
        mean, moved = averaged(values, influences, [0] * len(own))
        estimate = pooled(mean, moved)
        if estimate is None:
            pairings = [one.pairing for one in own]
            estimate = unmoved(float(mean[0]), 1, pairings, own[0].figure, "", both)
        if estimate is None:
            continue
        firsts = [c.difference.first for c in compared if c.second.evalset == evalset]
        before = float(np.mean(firsts))
        effect = Effect(before, before + estimate.value, estimate.low, estimate.high, estimate.p)
        figure = own[0].figure
        found.append(PooledPairs(evalset, figure, len(own), effect, differ(values, influences)))
    return found


def _marked(results: Sequence[Result], mark: str) -> list[Result]:
    return [replace(one, cell=f"{mark}: {one.cell}") for one in results]


def _extensions(run: Run) -> dict[str, str]:
    return {f"{one.kind} {one.name}": one.shown for one in run.info.extensions}
