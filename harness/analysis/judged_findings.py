"""What is found of judge sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import computed_field

from harness.analysis.cell_findings import ALPHA, Family
from harness.records import Contrast, Figure, PointMove, Standing, Thoughts
from harness.stats.paired import Difference

Trust = Literal["trusted", "untrusted", "void"]
Reliable = Literal["high", "mid", "low"]
DuelFigure = Literal["win_rate", "score", "points"]
JUDGED_FIGURES = ("score", "points", "pass_rate", "win_rate")
EVEN = 0.5
"""The win rate of two models that are equally good."""


@dataclass(frozen=True, slots=True)
class Duel:
    """A judged model against the reference model in one figure.

    Attributes:
        figure: `score`, `points`, or `win_rate`, whose first side is 0.5.
        difference: The model minus the reference, each probe counting once; the interval is
            Student's over the probes.
        known: Whether the probes differ at all, so that the interval says something.
        win_rate: The standing's own figure, None for others.
        left_out: Probes without a value on one side.
        adjusted: The p-value after Holm's correction over all duels of the run.
    """

    evalset: str
    model: str
    reference: str
    figure: DuelFigure
    difference: Difference
    known: bool
    win_rate: Figure | None
    left_out: int
    adjusted: float = 1.0
    family: Family = "models"

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def value(self) -> float:
        """The model minus the reference."""
        return self.difference.value

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def sign(self) -> int:
        """1 if the model is shown to be better, -1 if worse, 0 if neither is shown."""
        value = self.difference.value
        if self.adjusted >= ALPHA or value == 0:
            return 0
        if self.win_rate is not None and self.win_rate.low <= EVEN <= self.win_rate.high:
            return 0
        if self.known and self.difference.low <= 0 <= self.difference.high:
            return 0
        return 1 if value > 0 else -1


@dataclass(frozen=True, slots=True)
class ModelChange:
    """A figure of a judged model against another run of it.

    Attributes:
        contrast: See `JudgedPair`; `detectable` is None where no probes could show a difference.
        adjusted: The p-value after Holm's correction over all figures of all models.
        at_look: Whether one of the looks that a gate plans shows a difference; None where no gate
            plans any.
    """

    evalset: str
    model: str
    contrast: Contrast
    adjusted: float
    at_look: bool | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def sign(self) -> int:
        """1 if it is shown to be better, -1 if worse, 0 if neither; with looks, as a gate says."""
        shown = self.adjusted < ALPHA if self.at_look is None else self.at_look
        value = self.contrast.value
        return 0 if not shown or value == 0 else 1 if value > 0 else -1


@dataclass(frozen=True, slots=True)
class Orders:
    """Pairs of one judge that have a verdict in both orders.

    Attributes:
        agree: Share of them with the same verdict in both; the interval is over the probes.
        first: Pairs that went to whichever answer stood first; `second` likewise.
        tie: Pairs with a tie in one order only.
        better: Whether the judge is shown to agree with itself more often than one that guesses.
    """

    judge: str
    agree: Figure
    first: int
    second: int
    tie: int
    better: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """What a set's probes can show at best.

    Attributes:
        low: Lower end of the interval of a model that wins on all of them.
        least: The least p-value that can be reached, adjusted for all duels of the run.
    """

    probes: int
    low: float
    least: float


@dataclass(frozen=True, slots=True)
class ModelProbes:
    """A judged model's probes.

    Attributes:
        scores: The mean score of each that has one, 1 to 10.
        points: The mean points against the reference of each with verdicts, 0 to 1.
        shares: The mean share of its own points that its answers meet, of each that has one, 0 to
            1.
    """

    model: str
    scores: Mapping[str, float]
    points: Mapping[str, float]
    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PointCell:
    """One point in the answers of one model.

    Attributes:
        met: Sum over the answers, each 0 (not met) to 1 (met), the mean of a jury.
        n: Answers with a verdict of every judge; `unscored` are the others.
    """

    met: float
    n: int
    unscored: int


@dataclass(frozen=True, slots=True)
class PointLine:
    """One point of a probe.

    Attributes:
        place: Among the probe's points, from 0.
        weight: Below 0 where it counts against an answer.
        cells: By model.
        same: Answers on which all judges of a jury give the same verdict, of `ruled` on which each
            gives one; both 0 of a single judge.
    """

    place: int
    weight: float
    cells: Mapping[str, PointCell]
    same: int
    ruled: int


@dataclass(frozen=True, slots=True)
class ProbePoints:
    """The points of one probe, in their order."""

    probe: str
    lines: tuple[PointLine, ...]


@dataclass(frozen=True, slots=True)
class PointMoves:
    """Which points a model gained and lost against the reference, of all that can be compared."""

    model: str
    reference: str
    gained: tuple[PointMove, ...]
    lost: tuple[PointMove, ...]
    compared: int


@dataclass(frozen=True, slots=True)
class Thinkers:
    """What a model or a judge of a judge set thought before it wrote."""

    who: str
    of: Literal["answers", "rulings"]
    thoughts: Thoughts


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """One judge set.

    Attributes:
        trust: What its scores are worth; `trusted` only where everything says so.
        reference: The model that all others are compared with.
        agreement: Krippendorff's alpha of a jury's scores, None of a single judge.
        reliable: How far that alpha can be relied on, by the lower end of its interval.
        standings: Without why answers have no score, and why a set is void.
        reach: None where no models could be compared.
        points: The points of each probe; empty where no points are judged.
        moves: What each model gained and lost in them against the reference.
        point_agreement: Krippendorff's alpha of a jury's verdicts on points.
        point_reliable: How far it can be relied on.
        changes: Its models against their baselines.
    """

    evalset: str
    trust: Trust
    reference: str
    agreement: Figure | None
    reliable: Reliable | None
    standings: tuple[Standing, ...]
    models: tuple[ModelProbes, ...]
    duels: tuple[Duel, ...]
    orders: tuple[Orders, ...]
    reach: Reach | None
    thoughts: tuple[Thinkers, ...]
    points: tuple[ProbePoints, ...] = ()
    moves: tuple[PointMoves, ...] = ()
    point_agreement: Figure | None = None
    point_reliable: Reliable | None = None
    changes: tuple[ModelChange, ...] = ()
