"""Figures of a labelled set: one table of what can be measured, compared, gated and shown."""

from harness.figures.pairs import ResultsById, by_sample, clusters_of, in_all, pair, right_answers
from harness.figures.sheet import Sheet
from harness.figures.table import (
    COMPARED,
    FIGURES,
    GATED,
    INTERVALS,
    PAIRED,
    UNSCORED,
    FigureKind,
    figure_kind,
)

__all__ = [
    "COMPARED",
    "FIGURES",
    "GATED",
    "INTERVALS",
    "PAIRED",
    "UNSCORED",
    "FigureKind",
    "ResultsById",
    "Sheet",
    "by_sample",
    "clusters_of",
    "figure_kind",
    "in_all",
    "pair",
    "right_answers",
]
