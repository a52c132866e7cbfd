"""The table of figures: all that gates, tables, comparisons, plots and baselines know of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from harness.contracts import Sheet
from harness.figures.measures import (
    Compare,
    CompareRuns,
    Measure,
    calibration_error,
    compare_precision,
    compare_recall,
    compare_recall_runs,
    confusion,
    coverage,
    mean_of,
    precision,
    recall,
)
from harness.figures.pairs import pair
from harness.figures.registered import compared, measured
from harness.figures.scores import ResultsById
from harness.records import Figure
from harness.registry import RegisteredFigure, Table, current
from harness.stats import Difference
from harness.stats.confusion import (
    MACRO_F1,
    MATTHEWS,
    balanced_accuracy_interval,
    confusion_interval,
    paired_balanced_accuracy,
    paired_confusion,
)
from harness.stats.probabilities import brier_values, log_losses

Need = Literal["", "answers", "logprobs", "two labels", "contextual", "repeats"]
Column = Literal["", "interval", "value", "further"]
UNSCORED = "unscored"


@dataclass(frozen=True, slots=True)
class FigureKind:
    """One figure.

    Attributes:
        name: As in gates and run files.
        need: What a cell must have for it: answers; log-probabilities of its labels, of two labels,
            or contextual calibration; an engine that was asked twice.
        column: How it stands in the table of a set's cells: not, with its interval, as a value; or
            in the table of further figures, for the sets that ask for it.
        measure: How it is computed, None where the cell's scoring does so.
        compare: How two cells are compared by it, None where they are not.
        tested: Place among the figures by which the report compares all cells; 0 for none.
        gated: Whether a gate may name it.
        exact: Whether it is a share of samples, with an exact interval, and pairs differ in it by
            those that are lost and won alone.
        smaller: Whether less of it is better.
        lowest: Least value that it can have, `highest` the greatest.
        argument: What follows its name behind a colon: a label, or a share of errors.
        part: How some of the cells' samples are compared by it, where that is otherwise.
        title: Of a registered figure, its name in words; the language has those of others.
        runs: How a cell is compared with several runs of another, each sample by its mean over
            them; None where only one run can be compared at a time. `part_runs` likewise.
    """

    name: str
    need: Need
    column: Column = "further"
    measure: Measure | None = None
    compare: Compare | None = None
    tested: int = 0
    gated: bool = True
    exact: bool = False
    smaller: bool = False
    lowest: float = 0.0
    highest: float = 1.0
    argument: Literal["", "label", "budget"] = ""
    part: Compare | None = None
    title: str = ""
    runs: CompareRuns | None = None
    part_runs: CompareRuns | None = None

    @property
    def span(self) -> float:
        """The greatest difference that two values can have."""
        return self.highest - self.lowest


def _pairwise(figure: str, *, part: bool = False) -> Compare:
    def compare(
        first: ResultsById, second: ResultsById, labels: Sequence[str], argument: str
    ) -> tuple[Difference, int] | None:
        return runs([first], second, labels, argument)

    runs = _with_runs(figure, part=part)
    return compare


def _with_runs(figure: str, *, part: bool = False) -> CompareRuns:
    def compare(
        first: Sequence[ResultsById], second: ResultsById, labels: Sequence[str], _: str
    ) -> tuple[Difference, int] | None:
        return pair(first, [second], figure, positive=labels[0], part=part)

    return compare


_KINDS = (
    FigureKind("accuracy", "answers", "interval", compare=_pairwise("accuracy"), tested=3,
               exact=True, runs=_with_runs("accuracy")),
    FigureKind("calibrated_accuracy", "logprobs", "interval",
               compare=_pairwise("calibrated_accuracy"), tested=2, exact=True,
               part=_pairwise("calibrated_accuracy", part=True),
               runs=_with_runs("calibrated_accuracy"),
               part_runs=_with_runs("calibrated_accuracy", part=True)),
    FigureKind("contextual_accuracy", "contextual", "interval", exact=True),
    FigureKind("auc", "two labels", "interval", compare=_pairwise("auc"), tested=1,
               runs=_with_runs("auc")),
    FigureKind("label_mass", "logprobs", "value"),
    FigureKind("label_flips", "repeats", "interval", gated=False, exact=True, smaller=True),
    FigureKind(UNSCORED, "", "", exact=True, smaller=True),
    FigureKind("balanced_accuracy", "answers", "further",
               *confusion(balanced_accuracy_interval, paired_balanced_accuracy)),
    FigureKind("macro_f1", "answers", "further",
               *confusion(partial(confusion_interval, MACRO_F1),
                          partial(paired_confusion, MACRO_F1))),
    FigureKind("mcc", "answers", "further",
               *confusion(partial(confusion_interval, MATTHEWS),
                          partial(paired_confusion, MATTHEWS)), lowest=-1.0),
    FigureKind("recall", "answers", "further", recall, compare_recall, exact=True,
               argument="label", runs=compare_recall_runs),
    # Its pairs do not tell by lost and won: a wrong answer that becomes this label costs it, too.
    FigureKind("precision", "answers", "further", precision, compare_precision,
               argument="label"),
    FigureKind("brier_score", "logprobs", "further", *mean_of(brier_values, within=True),
               smaller=True),
    FigureKind("log_loss", "logprobs", "further", *mean_of(log_losses, within=False),
               smaller=True, highest=math.inf),
    FigureKind("calibration_error", "logprobs", "further", *calibration_error(), smaller=True),
    FigureKind("coverage", "logprobs", "further", *coverage(), argument="budget"),
)  # fmt: skip


def _registered() -> dict[str, FigureKind]:
    return {name: _kind(name, entry) for name, entry in current().figures.items()}


def _kind(name: str, entry: RegisteredFigure) -> FigureKind:
    """Return a registered figure as an entry of the table."""

    def measure(sheet: Sheet, _: str) -> Figure | None:
        return measured(name, entry, sheet)

    def compare(
        first: ResultsById, second: ResultsById, labels: Sequence[str], _: str
    ) -> tuple[Difference, int] | None:
        return compared(name, entry, first, second, labels)

    return FigureKind(
        name,
        entry.need,
        measure=measure,
        compare=compare if entry.compare or entry.values else None,
        smaller=entry.smaller,
        lowest=entry.lowest,
        highest=entry.highest,
        title=entry.title,
    )


FIGURES: Table[FigureKind] = Table({kind.name: kind for kind in _KINDS}, _registered)
"""All figures by name, registered ones included."""


def gated() -> tuple[str, ...]:
    """Return the names of the figures that a gate may name."""
    return tuple(name for name, kind in FIGURES.items() if kind.gated)


def paired() -> tuple[str, ...]:
    """Return the names of those by which cells can be compared."""
    return tuple(name for name, kind in FIGURES.items() if kind.compare)


COMPARED = tuple(kind.name for kind in sorted(_KINDS, key=lambda kind: kind.tested) if kind.tested)
"""Names of those by which the report compares all cells, the strongest first."""
INTERVALS = tuple(
    kind.name for kind in _KINDS if kind.column == "interval" and kind.need != "repeats"
)
"""Names of those that stand in the table of a set's cells with their intervals."""


def figure_kind(name: str) -> tuple[FigureKind, str]:
    """Return a figure by its full name, such as `recall:positive`, with its argument.

    Raises:
        KeyError: There is no such figure.
        ValueError: It lacks its argument, has one too many, or one that cannot be.
    """
    bare, colon, argument = name.partition(":")
    kind = FIGURES[bare]
    if kind.argument and not argument:
        example = f"{bare}:positive" if kind.argument == "label" else f"{bare}:0.05"
        raise ValueError(
            f"{bare} needs a {kind.argument}; write it behind a colon, as in {example}"
        )
    if colon and not kind.argument:
        raise ValueError(f"{bare} takes nothing behind a colon; write {bare}")
    if kind.argument == "budget":
        try:
            budget = float(argument)
        except ValueError:
            budget = math.nan
        if not 0 <= budget < 1:
            raise ValueError(
                f"{name}: a budget is a share of errors from 0 to 1, as in {bare}:0.05"
            )
    return kind, argument
