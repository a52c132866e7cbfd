"""What is found of questions: one estimate each, and what all comparisons of two cells say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import computed_field

from harness.analysis.cell_findings import ALPHA, CellRef, Kind

Verdict = Literal["helps", "hurts", "same", "open"]
Overall = Literal["helps", "hurts", "mixed", "partly_helps", "partly_hurts", "same"]
Answer = Literal[
    "better", "worse", "same", "better_mean", "worse_mean", "better_part", "worse_part", "mixed"
]
"""To a question: of all its comparisons, on average alone, of some while the mean shows nothing, or
not the same of all."""


@dataclass(frozen=True, slots=True)
class Singles:
    """What single comparisons show: how many that the second side is better, worse, neither."""

    better: int
    worse: int
    open: int

    @property
    def count(self) -> int:
        """All of them."""
        return self.better + self.worse + self.open


@dataclass(frozen=True, slots=True)
class Question:
    """One estimate over the comparisons of a model, and whether these differ.

    Attributes:
        first: The first side of one of them; what its shots, place or prompt is, all have there.
        second: The second side.
        figure: The set's primary one; `accuracy` for calibration.
        value: The mean difference, second minus first.
        low: Lower end of its 95% interval, `high` the upper one.
        p: Two-sided p-value of a mean difference of 0: one test a question, or that of the only
            comparison among those of its family.
        comparisons: How many it is the mean of; draws of the same cells count once.
        draws: Draws of shots that its interval allows for: it then speaks of draws like these. With
            1, it speaks of these shots alone, of which there may be two draws. 0 without shots.
        wordings: Prompts that stand for others like them, for which its interval allows, too. With
            1 it speaks of these prompts alone.
        differ: P-value that all comparisons have one true difference; None where it is not known.
        better: Comparisons by this figure, draws counted each, that show the second side better;
            `worse` likewise, and `open` neither. Of wordings, only best ones are compared.
        guessing: Comparisons of the mean with a side whose AUC is not shown to be above 0.5, where
            the AUC is the primary figure.
        able: The single comparisons without such a side; None where all are without.
        up: The judged cells of those that show the second side better.
        down: Likewise worse.
    """

    kind: Kind
    evalset: str
    model: str
    first: CellRef
    second: CellRef
    figure: str
    value: float
    low: float
    high: float
    p: float
    comparisons: int
    draws: int
    differ: float | None
    better: int
    worse: int
    open: int
    guessing: int = 0
    able: Singles | None = None
    wordings: int = 1
    up: tuple[CellRef, ...] = ()
    down: tuple[CellRef, ...] = ()

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def sign(self) -> int:
        """1 if the second side is shown to be better on average, -1 if worse, 0 if neither."""
        if self.p >= ALPHA or self.value == 0:
            return 0
        return 1 if self.value > 0 else -1

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def answer(self) -> Answer:
        """What the mean and the single comparisons say together."""
        sign, several = self.sign, self.better + self.worse + self.open > 1
        # What cells that only guess show against the others is no advice on any cell.
        shown = self.able if self.able and self.able.count else self
        if (shown.better and (shown.worse or sign < 0)) or (shown.worse and sign > 0):
            return "mixed"
        if sign:
            like, unlike = (self.better, self.worse)[::sign]
            untested = self.comparisons > 1 and not several
            if untested or (several and (self.open or unlike or not like)):
                return "better_mean" if sign > 0 else "worse_mean"
            return "better" if sign > 0 else "worse"
        # What single draws, or prompts, show is no part of an answer about others like them.
        if several and max(self.draws, self.wordings) <= 1 and (shown.better or shown.worse):
            return "better_part" if shown.better else "worse_part"
        return "same"


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """What the set's primary figure says of two cells; `open` where it could not be compared."""

    kind: Kind
    first: CellRef
    second: CellRef
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ModelVerdict:
    """What all pairs of one kind say of a model on an eval set.

    Attributes:
        kind: `shots` or `selector`.
        about: The selector, "" for shots.
    """

    evalset: str
    model: str
    kind: Kind
    about: str
    verdict: Overall
