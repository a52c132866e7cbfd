"""What a judge is asked, and what it ruled at which cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.errors import PromptError
from harness.judge.dialect_replies import (
    DIALECT_TOKENS,
    mark_prefix,
    read_choice,
    read_score,
    scale_values,
    words_behind,
)
from harness.judge.points import POINT_TOKENS, PointCase, PointRulings
from harness.judge.verdict import (
    ABSOLUTE_SCHEMA,
    PAIRWISE_SCHEMA,
    SCORE_WORDS,
    SCORES,
    read_absolute,
    read_pairwise,
    score_prefix,
    score_words,
)
from harness.prompts.chat import ChatFormat
from harness.prompts.dialects import Dialect
from harness.prompts.label_words import LabelTree, label_tree
from harness.records import EngineInfo, Message, Output, Ruling, Sampling
from harness.spec.endpointspec import EndpointSpec
from harness.spec.modelspec import ModelSpec

VERDICT_TOKENS = 320
"""Room for a verdict with its reason."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question to a judge.

    Attributes:
        id: Unique among the cases.
        dialect: Of the rubric; None where the verdict is a JSON object.
    """

    id: str
    kind: Literal["absolute", "pairwise"]
    messages: tuple[Message, ...]
    dialect: Dialect | None = None

    def read(self, output: Output) -> Ruling:
        """Return what the judge ruled; without a verdict, why there is none."""
        if self.dialect is None:
            return (read_absolute if self.kind == "absolute" else read_pairwise)(output)
        return (read_score if self.kind == "absolute" else read_choice)(output, self.dialect)

    def prefix(self, text: str) -> str | None:
        """Return a verdict up to its score; None if it has none."""
        return score_prefix(text) if self.dialect is None else mark_prefix(text, self.dialect)

    def words(self, text: str) -> tuple[str, ...]:
        """Return the scores as they continue `prefix(text)`, the least one first."""
        return score_words(text) if self.dialect is None else words_behind(text, self.dialect)

    @property
    def values(self) -> Sequence[float]:
        """What these words are worth, 1 to 10."""
        return SCORES if self.dialect is None else scale_values(self.dialect.scales["absolute"])


AnyCase = Case | PointCase


@dataclass(frozen=True, slots=True)
class Bench:
    """A judge's rulings, by id of the case, and what its engine did.

    Attributes:
        points: Its rulings on points, of the cases that ask for them.
        prompt_tokens: Of all requests, those included whose outputs were stored;
            `completion_tokens` likewise.
        counted: Whether all answers of an endpoint told their tokens.
    """

    rulings: Mapping[str, Ruling]
    engine: EngineInfo
    prompt_tokens: int
    completion_tokens: int
    counted: bool = True
    points: PointRulings = field(default_factory=dict)


def with_tokens_of(bench: Bench, other: Bench) -> Bench:
    """Return a bench whose tokens include those of another one of the same judge."""
    return replace(
        bench,
        prompt_tokens=bench.prompt_tokens + other.prompt_tokens,
        completion_tokens=bench.completion_tokens + other.completion_tokens,
        counted=bench.counted and other.counted,
    )


def bench_cost(spec: ModelSpec, bench: Bench) -> float | None:
    """Return what a judge's requests cost in dollars, None where models.yaml names no price.

    None, too, where the endpoint did not tell how many tokens some of its answers took.

    Made-up verdicts cost nothing, whatever a server's would have.
    """
    if bench.engine.engine != "openai" or not bench.counted:
        return None
    return EndpointSpec.model_validate(spec.options_for("openai")).cost(
        prompt_tokens=bench.prompt_tokens, completion_tokens=bench.completion_tokens
    )


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge model by its name in models.yaml."""

    model: str
    spec: ModelSpec


def case_sampling(
    case: AnyCase, max_tokens: int = VERDICT_TOKENS, *, remote: bool = False
) -> Sampling:
    """Return how a verdict is asked for.

    Args:
        case: What it is on.
        max_tokens: See `JudgeSession.rule`.
        remote: Whether an endpoint is asked, which tells the scores' probabilities beside it.
    """
    if (case.asked.dialect if isinstance(case, PointCase) else case.dialect) is not None:
        # A server tells the probabilities of a JSON object's value, and of no other place.
        return Sampling(max_tokens=max(max_tokens, DIALECT_TOKENS))
    if isinstance(case, PointCase):
        return Sampling(max_tokens=case.asked.n * POINT_TOKENS, schema=case.asked.schema)
    schema = ABSOLUTE_SCHEMA if case.kind == "absolute" else PAIRWISE_SCHEMA
    scores = SCORE_WORDS if remote and case.kind == "absolute" else ()
    return Sampling(max_tokens=max_tokens, schema=schema, score_texts=scores)


def score_tree(chat: ChatFormat, text: str, words: Sequence[str]) -> LabelTree | None:
    """Return the questions that tell scores apart behind a text, None where none do."""
    try:
        return label_tree(chat.continuations(text, words), end_ids=())
    except (PromptError, ValueError):
        return None
