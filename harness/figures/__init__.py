"""Figures of a labelled set: one table of what can be measured, compared, gated and shown."""

from harness.contracts import Sheet
from harness.figures.pairs import pair
from harness.figures.runs import compare_runs
from harness.figures.scores import ResultsById, by_sample, clusters_of, in_all, right_answers
from harness.figures.table import (
    COMPARED,
    FIGURES,
    INTERVALS,
    UNSCORED,
    FigureKind,
    figure_kind,
    gated,
    paired,
)

__all__ = [
    "COMPARED",
    "FIGURES",
    "INTERVALS",
    "UNSCORED",
    "FigureKind",
    "ResultsById",
    "Sheet",
    "by_sample",
    "clusters_of",
    "compare_runs",
    "figure_kind",
    "gated",
    "in_all",
    "pair",
    "paired",
    "right_answers",
]
