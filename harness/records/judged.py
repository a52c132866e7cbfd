"""What becomes of a judge set: answers, verdicts, pairs, canaries, and a line a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.reasons import Counts, Reason
from harness.records.results import Figure
from harness.records.templates import TemplateUse
from harness.records.thinking import Thought

Choice = Literal["A", "B", "tie"]
CanaryKind = Literal["null", "constant", "off_topic", "shuffled"]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a judge said to one case.

    Attributes:
        value: Of an absolute case: a score from 1 to 10. None without a verdict.
        choice: Of a pairwise case. None without a verdict.
        expected: Whether `value` is the expectation over the score's probabilities; if not, it is
            the score that the judge wrote.
        reason: The judge's own words.
        problem: Why there is no verdict, or None.
        thought: What the judge wrote before its verdict, None for nothing.
    """

    value: float | None = None
    choice: Choice | None = None
    expected: bool = False
    reason: str = ""
    problem: Reason | None = None
    thought: Thought | None = None


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """One answer of a model, and its rulings by name of the judge.

    Attributes:
        number: Counts a probe's answers from 0.
        cut: Whether it ended at its token limit.
        problem: Why there is no answer, or None.
        score: Mean of all judges' values; None where one of them has none.
        thought: What the model wrote before the answer, None for nothing; no judge is shown it.
    """

    number: int
    seed: int
    text: str
    tokens: int
    cut: bool
    problem: Reason | None
    rulings: Mapping[str, Ruling]
    score: float | None
    thought: Thought | None = None


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One probe of one model: one pytest item, one line of probes.jsonl."""

    evalset: str
    model: str
    probe: str
    kind: str
    question: str
    points: tuple[str, ...]
    answers: tuple[JudgedAnswer, ...]

    @property
    def scores(self) -> list[float]:
        """The scores of the answers that have one."""
        return [answer.score for answer in self.answers if answer.score is not None]


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
        broke: Whether its score exceeds the limit.
    """

    evalset: str
    judge: str
    probe: str
    kind: CanaryKind
    ruling: Ruling
    limit: float
    broke: bool


@dataclass(frozen=True, slots=True)
class PassportCheck:
    """What is known of a judge, and whether its scores may gate.

    Attributes:
        trusted: Whether a passport covers this judge and the set's demands.
        problem: Why not, or None.
        accuracy: On gold pairs, from the passport; None without one.
        order_agreement: Likewise.
        path: The passport's file relative to the project, or empty.
    """

    judge: str
    trusted: bool
    problem: Reason | None = None
    accuracy: Figure | None = None
    order_agreement: Figure | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class JudgeInfo:
    """One judge's work in a judge set.

    Attributes:
        expected: Share of the scored absolute rulings that are expectations.
        asked: Rulings asked for, `unscored` without a verdict, counted by reason.
        void: Why its scores count for nothing (a canary that broke), or None.
        prompt_tokens: Of all its requests, `completion_tokens` likewise.
        cost: Of these tokens in dollars, None where models.yaml names no price.
        kin: Judged models with the judge's own weights, adapters on them included.
        template: How the cases became text, None at an endpoint, which does not say.
        thinking: Name of its setting of `thinking`; "" where there is none.
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


@dataclass(frozen=True, slots=True)
class Standing:
    """One model's line.

    Attributes:
        n: Scored answers; `unscored` have no verdict, counted by reason.
        figures: `score` (mean of the probes' means, 1 to 10; the interval is over probes),
            `pass_rate`, `win_rate` against the reference, both as they would be without the
            judge's errors (`corrected_pass_rate`, `corrected_win_rate`), where there are.
        spread: Mean over probes of the standard deviation of a probe's scores; None with one
            answer a probe.
        strength: Bradley-Terry strength, with three models or more.
        pairs: Pairs with the reference that are due: one an answer and judge.
        of_probes: Probes that the set has, those included that were not run; 0 if not known.
        template: How the probes became text, None at an endpoint, which does not say.
        thinking: Name of its setting of `thinking`; "" where there is none.
        anytime: `score`, `pass_rate` and `win_rate` as means over probes, with intervals that hold
            at all numbers of probes in the order of the set.
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
        agreement: Krippendorff's alpha of a jury, by eval set.
    """

    probes: tuple[ProbeResult, ...] = ()
    pairs: tuple[PairResult, ...] = ()
    canaries: tuple[CanaryResult, ...] = ()
    judges: tuple[JudgeInfo, ...] = ()
    standings: tuple[Standing, ...] = ()
    agreement: Mapping[str, Figure] = field(default_factory=dict)
