"""What becomes of the answers of a labelled set: scores, figures and rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.reasons import Counts, Reason
from harness.records.given import GIVEN
from harness.records.requests import Placement, ShotOrder
from harness.records.templates import TemplateUse
from harness.records.thinking import Thought, ThoughtPlace, Thoughts

FARTHEST = 1e50
"""Log-probabilities beyond are none: squares and sums of what is reckoned with must be finite."""


@dataclass(frozen=True, slots=True)
class Score:
    """A scorer's verdict on one sample.

    Attributes:
        value: 1.0 right, 0.0 wrong, None without a verdict.
        answer: The label that was read, or None.
        reason: Why there is no verdict, or None.
        logprobs: Log-probability of each label, in the order of the set's labels; empty where
            the scoring method has none.
    """

    value: float | None
    answer: str | None
    reason: Reason | None = None
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95% interval and the count of scored samples behind it."""

    value: float
    low: float
    high: float
    n: int

    @property
    def finite(self) -> bool:
        """Whether number and interval are finite, as JSON wants them."""
        return all(map(math.isfinite, (self.value, self.low, self.high)))


@dataclass(frozen=True, slots=True)
class Result:
    """One sample of one cell: a line of results.jsonl.

    Attributes:
        prompt_key: Content key of the (first) request, "" if none was made.
        calibrated: The label after batch calibration, or None.
        log_odds: For two labels, log-probability of the first minus that of the second.
        completion: Generated text, "" for log-probability scoring.
        length: Of the sample's text in characters, kept where the text is not; 0 if unknown.
        contextual: The label after contextual calibration, None where it was not asked for.
        cluster: What the sample shares with others, "" where it is by itself.
        thought: What the model wrote before its answer, None for nothing.
        slices: Its value in each column of the set's `slices`, "" where it has none.
    """

    evalset: str
    cell: str
    sample: str
    prompt_key: str
    text: str
    target: str
    answer: str | None
    calibrated: str | None
    correct: bool | None
    reason: Reason | None
    logprobs: Mapping[str, float]
    log_odds: float | None
    completion: str = ""
    length: int = 0
    contextual: str | None = None
    cluster: str = ""
    thought: Thought | None = None
    slices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One cell's line in the report.

    Attributes:
        evalset: Path of the eval set, relative to the root.
        k: Shots in the prompt, 0 for zero-shot.
        placement: Where the shots stand, None for zero-shot.
        n: Scored samples. The figures of log-probabilities have an n of their own, which counts
            samples whose labels are equally probable, too.
        unscored: Samples without a verdict, counted by reason in `reasons`.
        figures: `accuracy`, and where the scoring has log-probabilities `calibrated_accuracy`,
            `label_mass`, (two labels) `auc` and (if asked for) `contextual_accuracy`;
            `label_flips` where the engine was asked twice.
        shares: Fraction of the scored samples that were given each label.
        targets: Fraction of all samples whose target is each label.
        prompt_tokens: Mean prompt length in tokens.
        clusters: Groups that the scored samples stand in, for which the intervals allow; None
            where every sample is by itself.
        order: In which order the shots stand, None for zero-shot.
        train_rows: Rows that a classifier was trained on; 0 for a model that is prompted.
        encoder: What an encoder does, "" for what is none, see `ModelSpec.task`.
        classes: By label what stands for it to an encoder: classes of its own, or a hypothesis.
        thinking: Name of the setting of `thinking`, such as `budget 256`; "" where there is none.
        place: Where the answers were asked, as far as thoughts go.
        thoughts: What the samples' thoughts came to, None without any.
        template: How its conversations became text, None for a classifier.
        slices: The columns that slice its samples, each with the least number of samples by which a
            value is shown alone.
        primary: The figure that the set's verdicts go by, as it names it; "" if it does not.
        family: What is tested together: each question by itself, or all of the report's.
        wordings: Whether the set's prompts stand for themselves, or for all prompts like them.
    """

    evalset: str
    cell: str
    model: str
    prompt: str
    mode: str
    k: int
    placement: Placement | None
    selector: str | None
    seed: int | None
    scoring: str
    n: int
    unscored: int
    reasons: Counts
    figures: Mapping[str, Figure]
    shares: Mapping[str, float]
    targets: Mapping[str, float]
    prompt_tokens: float
    clusters: int | None = None
    order: ShotOrder | None = None
    train_rows: int = 0
    encoder: str = ""
    classes: Mapping[str, str] = field(default_factory=dict)
    thinking: str = ""
    place: ThoughtPlace = "none"
    thoughts: Thoughts | None = None
    template: TemplateUse | None = None
    slices: Mapping[str, int] = field(default_factory=dict)
    primary: str = ""
    family: Literal["question", "report"] = "question"
    wordings: Literal["fixed", "random"] = "fixed"

    @property
    def given(self) -> bool:
        """Whether another program gave the answers."""
        return self.mode == GIVEN

    @property
    def classifier(self) -> bool:
        """Whether no prompt is asked: what was trained on the set's pool, or is an encoder."""
        return self.train_rows > 0 or bool(self.encoder)

    @property
    def regime(self) -> tuple[str, str]:
        """What cells have in common that differ in prompt or shots alone: scoring and thinking."""
        return self.scoring, self.thinking
