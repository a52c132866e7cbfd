"""A run -> its findings, each computed once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from harness.analysis.at_looks import at_look, looks_of, told_contrast
from harness.analysis.bins import by_cell, confusion, length_spans, over_length, reliability
from harness.analysis.cautions import cautions, made_up, overused
from harness.analysis.compare_cells import compare
from harness.analysis.findings import (
    BaselineDifference,
    Best,
    Caution,
    CellBins,
    Comparison,
    Findings,
)
from harness.analysis.guessing import against_guessing
from harness.analysis.judged_sets import all_judged
from harness.analysis.mistakes import mistakes, of_prompted, untelling
from harness.analysis.questions import questions
from harness.analysis.ranking import best_pair, grouped, lead, primaries
from harness.analysis.seeds import over_draws
from harness.analysis.slices import sliced_cells
from harness.analysis.tested import Cells, all_tests
from harness.analysis.untrained import without_trained
from harness.analysis.verdicts import model_verdicts, pair_verdicts
from harness.figures import figure_kind
from harness.records import BaselineCheck, Gate, Result, Row, Run
from harness.registry import remembered, using
from harness.stats import holm


def analyze(run: Run) -> Findings:
    """Return all that a run's results support.

    The same for a run that was saved without texts, but for the names of its slices: no text,
    answer or thought is looked at.
    """
    with using(remembered(run.info.extensions)):
        return _analyzed(run)


def analyze_hastily(run: Run) -> Findings:
    """Return what takes no time: nothing of labelled cells is compared or drawn."""
    with using(remembered(run.info.extensions)):
        rows = tuple(map(told, run.rows))
        found = _analyzed(replace(run, rows=(), results=()))
        return replace(found, rows=rows, cautions=_cautions(run), overused=tuple(overused(rows)))


def _analyzed(run: Run) -> Findings:
    rows, results = tuple(map(told, run.rows)), run.results
    cells = Cells(results)
    compared = compare(all_tests(rows, cells), cells, run.gates)
    prompted = of_prompted(rows, results)
    dull = untelling([row for row in rows if not row.classifier], prompted)
    return Findings(
        rows=rows,
        comparisons=tuple(compared),
        questions=tuple(questions(rows, cells, compared)),
        pairs=tuple(pair_verdicts(compared)),
        models=tuple(model_verdicts(compared)),
        bests=tuple(_bests(rows, compared)),
        draws=tuple(over_draws(rows, results)),
        baselines=tuple(against_baselines(run.baselines, run.gates)),
        cautions=_cautions(run),
        made_up=tuple(made_up(run.info.engines)),
        overused=tuple(overused(rows)),
        mistakes=tuple(mistakes(prompted, without=dull)),
        untelling=tuple(dull),
        bins=tuple(_bins(rows, results)),
        slices=tuple(sliced_cells(rows, results)),
        judged=tuple(all_judged(run.judged, run.gates)),
        guessing=tuple(against_guessing(rows, cells)),
        untrained=tuple(without_trained(replace(run, rows=rows))),
    )


def _cautions(run: Run) -> tuple[Caution, ...]:
    """Return the cautions, by rows with their templates but told without them."""
    return tuple(replace(one, rows=tuple(map(told, one.rows))) for one in cautions(run.rows))


def told(row: Row) -> Row:
    """Return a row without what may hold text, and figures that no JSON can."""
    figures = {name: figure for name, figure in row.figures.items() if figure.finite}
    return replace(row, reasons={}, template=None, classes={}, figures=figures)


def _bests(rows: Sequence[Row], compared: Sequence[Comparison]) -> Iterable[Best]:
    primary_by_set = primaries(rows)
    for own in grouped(rows, lambda row: (row.evalset, row.model)):
        figure = primary_by_set[own[0].evalset]
        bare, shown = best_pair(own, figure)
        if bare or shown:
            found = (
                one
                for one in compared
                if one.kind in ("shots", "best")
                and (one.first, one.second, one.figure) == (bare, shown, figure)
            )
            yield Best(own[0].evalset, own[0].model, figure, bare, shown, next(found, None))


def against_baselines(
    checks: Sequence[BaselineCheck], gates: Sequence[Gate] = ()
) -> list[BaselineDifference]:
    """Return each figure's difference to its baseline, p-values adjusted over all of them.

    Args:
        checks: The cells against their baselines.
        gates: Of the run; what one plans looks for is shown where a look shows it.
    """
    looks = looks_of(gates)
    every = [(check, one) for check in checks if not check.refused for one in check.contrasts]
    adjusted = holm([one.p for _, one in every])
    return [
        BaselineDifference(
            check.evalset,
            check.cell,
            told_contrast(one),
            p,
            at_look=at_look(
                one,
                looks.get((check.evalset, check.cell, one.figure)),
                smaller=figure_kind(one.figure)[0].smaller,
            ),
        )
        for (check, one), p in zip(every, adjusted, strict=True)
    ]


def _bins(rows: Sequence[Row], results: Sequence[Result]) -> Iterable[CellBins]:
    by = by_cell(results)
    for own in grouped(rows, lambda row: row.evalset):
        figure, labels = lead(own), list(own[0].targets)
        spans = length_spans([one for row in own for one in by.get((row.evalset, row.cell), [])])
        for row in own:
            found = by.get((row.evalset, row.cell), [])
            yield CellBins(
                row,
                reliability(found, labels) if "calibrated_accuracy" in row.figures else None,
                confusion(found),
                figure,
                tuple(spans),
                tuple(over_length(found, spans, figure)),
            )
