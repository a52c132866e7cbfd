"""What becomes of a judge set: pairs, canaries, judges, and a line a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.reasons import Counts, Reason
from harness.records.judged_answers import ProbeResult, Ruling
from harness.records.judged_pairs import JudgedBasis, JudgedPair
from harness.records.results import Figure
from harness.records.templates import TemplateUse

CanaryKind = Literal["null", "constant", "off_topic", "shuffled"]


@dataclass(frozen=True, slots=True)
class PairResult:
    """An answer of `model` against another model's answer of the same number.

    Where one of them is the reference model, `against` is.

    Attributes:
        forward: The ruling with the model's answer shown first (as A); `backward` as B.
        points: 1 won in both orders, 0 lost in both, 0.5 a tie or two orders that disagree; None
            where an order has no verdict.
        agree: Whether both orders say the same, None where one has no verdict.
    """

    evalset: str
    model: str
    against: str
    probe: str
    number: int
    judge: str
    forward: Ruling
    backward: Ruling
    points: float | None
    agree: bool | None


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """A deliberately bad answer, judged like the others.

    Attributes:
        ruling: Its score; of one that was judged by its points, why there is no share, if so.
        limit: In units of `value`.
        broke: Whether its value exceeds the limit.
        by: Whether it was scored on the scale, or by its points.
        share: Weighted share of the points that the judge took to be met, where it went by points.
    """

    evalset: str
    judge: str
    probe: str
    kind: CanaryKind
    ruling: Ruling
    limit: float
    broke: bool
    by: Literal["score", "points"] = "score"
    share: float | None = None

    @property
    def value(self) -> float | None:
        """Its score or its share of points; None without a verdict."""
        return self.ruling.value if self.by == "score" else self.share


@dataclass(frozen=True, slots=True)
class PassportCheck:
    """What is known of a judge, and whether its scores may gate.

    Attributes:
        trusted: Whether a passport covers this judge and the set's demands.
        problem: Why not, or None.
        accuracy: On gold pairs, from the passport; None without one.
        order_agreement: Likewise.
        points: Of points that people call met, and of those that they call not met, the share on
            which the judge says the same, whichever has the lower end; None where not measured.
        path: The passport's file relative to the project, or empty.
    """

    judge: str
    trusted: bool
    problem: Reason | None = None
    accuracy: Figure | None = None
    order_agreement: Figure | None = None
    path: str = ""
    points: Figure | None = None


@dataclass(frozen=True, slots=True)
class JudgeInfo:
    """One judge's work in a judge set.

    Attributes:
        expected: Share of the scored absolute rulings that are expectations.
        asked: Rulings asked for, one a point where points are judged; `unscored` without a
            verdict, counted by reason.
        void: Why its scores count for nothing (a canary that broke), or None.
        prompt_tokens: Of all its requests, `completion_tokens` likewise.
        cost: Of these tokens in dollars, None where models.yaml names no price.
        kin: Judged models with the judge's own weights, adapters on them included.
        template: How the cases became text, None at an endpoint, which does not say.
        thinking: Name of its setting of `thinking`; "" where there is none.
        quoted: Of its points that are met, or partly, in answers of models: the share whose quote
            stands in the answer; None where there are none.
    """

    evalset: str
    judge: str
    engine: str
    dtype: str
    digest: str
    check: PassportCheck
    void: Reason | None
    expected: float
    asked: int
    unscored: Counts
    prompt_tokens: int
    completion_tokens: int
    cost: float | None = None
    kin: tuple[str, ...] = ()
    template: TemplateUse | None = None
    thinking: str = ""
    quoted: Figure | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One model's line.

    Attributes:
        n: Scored answers; `unscored` have no verdict, counted by reason. Where a set has no scores,
            those with and without a share of points.
        figures: `score` (mean of the probes' means, 1 to 10; the interval is over probes),
            `points` (likewise, of the shares of points, 0 to 1), `pass_rate`, `win_rate` against
            the reference, both as they would be without the judge's errors
            (`corrected_pass_rate`, `corrected_win_rate`), where there are.
        spread: Mean over probes of the standard deviation of a probe's scores; None with one
            answer a probe.
        strength: Bradley-Terry strength, with three models or more.
        pairs: Pairs with the reference that are due: one an answer and judge.
        of_probes: Probes that the set has, those included that were not run; 0 if not known.
        template: How the probes became text, None at an endpoint, which does not say.
        thinking: Name of its setting of `thinking`; "" where there is none.
        anytime: `score`, `points`, `pass_rate` and `win_rate` as means over probes, with intervals
            that hold at all numbers of probes in the order of the set.
    """

    evalset: str
    model: str
    probes: int
    n: int
    unscored: int
    reasons: Counts
    figures: Mapping[str, Figure]
    spread: float | None = None
    strength: Figure | None = None
    trusted: bool = False
    void: Reason | None = None
    pairs: int = 0
    of_probes: int = 0
    template: TemplateUse | None = None
    thinking: str = ""
    anytime: Mapping[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """All that a run's judge sets came to.

    Attributes:
        agreement: Krippendorff's alpha of a jury's scores, by eval set.
        point_agreement: Of its verdicts on points.
        bases: What each model's figures rest on; of runs that an earlier version saved, none.
        baselines: The models that have a committed baseline, against it.
    """

    probes: tuple[ProbeResult, ...] = ()
    pairs: tuple[PairResult, ...] = ()
    canaries: tuple[CanaryResult, ...] = ()
    judges: tuple[JudgeInfo, ...] = ()
    standings: tuple[Standing, ...] = ()
    agreement: Mapping[str, Figure] = field(default_factory=dict)
    point_agreement: Mapping[str, Figure] = field(default_factory=dict)
    bases: tuple[JudgedBasis, ...] = ()
    baselines: tuple[JudgedPair, ...] = ()
