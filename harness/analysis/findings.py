"""The findings of a run: all that is concluded from its results, for a report or a program.

No finding holds the text of a sample, an answer or a thought; cells are named by their row, slices
by the values of their columns.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.analysis.bins import Bin, CellBins, Reliability
from harness.analysis.cell_findings import (
    ALPHA,
    BaselineDifference,
    Best,
    Caution,
    CellRef,
    Comparison,
    Draws,
    Family,
    Guessing,
    Kind,
    Mistake,
    OverSeeds,
    Overused,
    SeedSpread,
    Untrained,
    cell_name,
)
from harness.analysis.judged_findings import (
    EVEN,
    JUDGED_FIGURES,
    Duel,
    DuelFigure,
    JudgedSet,
    ModelChange,
    ModelProbes,
    Orders,
    PointCell,
    PointLine,
    PointMoves,
    ProbePoints,
    Reach,
    Reliable,
    Thinkers,
    Trust,
)
from harness.analysis.question_findings import (
    Answer,
    ModelVerdict,
    Overall,
    PairVerdict,
    Question,
    Verdict,
)
from harness.analysis.slice_findings import SlicedCell, SliceFigures
from harness.records import Row

__all__ = [
    "ALPHA",
    "EVEN",
    "JUDGED_FIGURES",
    "Answer",
    "BaselineDifference",
    "Best",
    "Bin",
    "Caution",
    "CellBins",
    "CellRef",
    "Comparison",
    "Draws",
    "Duel",
    "DuelFigure",
    "Family",
    "Findings",
    "Guessing",
    "JudgedSet",
    "Kind",
    "Mistake",
    "ModelChange",
    "ModelProbes",
    "ModelVerdict",
    "Orders",
    "OverSeeds",
    "Overall",
    "Overused",
    "PairVerdict",
    "PointCell",
    "PointLine",
    "PointMoves",
    "ProbePoints",
    "Question",
    "Reach",
    "Reliability",
    "Reliable",
    "SeedSpread",
    "SliceFigures",
    "SlicedCell",
    "Thinkers",
    "Trust",
    "Untrained",
    "Verdict",
    "cell_name",
]


@dataclass(frozen=True, slots=True)
class Findings:
    """All that is concluded from a run.

    Attributes:
        rows: Its cells with their figures, without the reasons of unscored samples, templates, and
            figures that are infinite.
        made_up: Models in whose place the engine `fake` answered.
        untelling: Cells whose mistakes tell nothing of a sample.
        untrained: All cells and judged models of sets that an adapter was trained on in part.
    """

    rows: tuple[Row, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    questions: tuple[Question, ...] = ()
    pairs: tuple[PairVerdict, ...] = ()
    models: tuple[ModelVerdict, ...] = ()
    bests: tuple[Best, ...] = ()
    draws: tuple[Draws, ...] = ()
    baselines: tuple[BaselineDifference, ...] = ()
    cautions: tuple[Caution, ...] = ()
    made_up: tuple[str, ...] = ()
    overused: tuple[Overused, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    untelling: tuple[CellRef, ...] = ()
    bins: tuple[CellBins, ...] = ()
    slices: tuple[SlicedCell, ...] = ()
    judged: tuple[JudgedSet, ...] = ()
    guessing: tuple[Guessing, ...] = ()
    untrained: tuple[Untrained, ...] = ()
