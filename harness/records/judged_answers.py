"""Answers to the probes of a judge set, and what judges said of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.reasons import Reason
from harness.records.thinking import Thought

Choice = Literal["A", "B", "tie"]
PointVerdict = Literal["met", "partly", "not met"]
POINT_VALUES: Mapping[PointVerdict, float] = {"met": 1.0, "partly": 0.5, "not met": 0.0}
"""What a verdict on a point is worth, before the point's weight."""


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
class PointRuling:
    """What a judge said of one point of one answer.

    Attributes:
        verdict: None where there is none.
        quote: What the judge quoted of the answer for it, which may be nothing.
        found: Whether the quote stands in the answer, but for space and case; None where the
            judge's dialect has no quotes, and its words before the verdict stand in their place.
        problem: Why there is no verdict, or None.
        thought: What the judge wrote before its verdict, None for nothing; of points in one request
            the first has it.
    """

    verdict: PointVerdict | None = None
    quote: str = ""
    found: bool | None = False
    problem: Reason | None = None
    thought: Thought | None = None

    @property
    def value(self) -> float | None:
        """From 0 (not met) to 1 (met); None without a verdict."""
        return None if self.verdict is None else POINT_VALUES[self.verdict]


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """One answer of a model, and its rulings by name of the judge.

    Attributes:
        number: Counts a probe's answers from 0.
        cut: Whether it ended at its token limit.
        problem: Why there is no answer, or None.
        score: Mean of all judges' values; None where one of them has none.
        thought: What the model wrote before the answer, None for nothing; no judge is shown it.
        points: By judge, its rulings on the probe's points, in their order; empty where the set
            asks for none.
        share: Weighted share of the points that are met, 0 to 1, as the mean of all judges'; None
            where a judge left a point without a verdict.
        earlier: Its own answers to earlier turns of a dialogue.
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
    points: Mapping[str, tuple[PointRuling, ...]] = field(default_factory=dict)
    share: float | None = None
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One probe of one model: one pytest item, one line of probes.jsonl.

    Attributes:
        weights: Of the points, in their order, below 0 where one counts against an answer; empty
            where all count alike.
        turns: Of a dialogue: what user and assistant say by turns before the question; answers of
            the model's own are blank.
    """

    evalset: str
    model: str
    probe: str
    kind: str
    question: str
    points: tuple[str, ...]
    answers: tuple[JudgedAnswer, ...]
    weights: tuple[float, ...] = ()
    turns: tuple[str, ...] = ()

    @property
    def shares(self) -> list[float]:
        """The shares of points of the answers that have one."""
        return [answer.share for answer in self.answers if answer.share is not None]

    @property
    def scores(self) -> list[float]:
        """The scores of the answers that have one."""
        return [answer.score for answer in self.answers if answer.score is not None]
