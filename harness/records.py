"""The frozen records of a run: what flows between the modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Placement = Literal["system", "user", "chat"]
Verdict = Literal["pass", "fail", "inconclusive"]


class Message(TypedDict):
    """One chat turn, in the shape that chat templates take."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of a data set.

    Attributes:
        id: Unique in its set.
        text: The input.
        label: The right answer, one of the set's labels.
        meta: Further columns.
    """

    id: str
    text: str
    label: str
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an engine completes a prompt.

    Attributes:
        max_tokens: Completion length limit in tokens, at least 1.
        temperature: 0 is greedy.
        top_p: Nucleus mass in (0, 1].
        seed: Seed of this request's own random stream; None leaves it to the engine.
        stop: Strings that end the completion; they are not part of its text.
        score_ids: Token ids whose log-probability at the first completion position is wanted.
        choices: If given, the completion is exactly one of these strings.
    """

    max_tokens: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    score_ids: tuple[int, ...] = ()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Adapter:
    """LoRA weights on disk; `digest` identifies their content, `rank` their LoRA rank."""

    path: str
    digest: str
    rank: int


@dataclass(frozen=True, slots=True)
class Request:
    """What an engine is asked; `key` identifies its content and is repeated in the output."""

    key: str
    prompt_ids: tuple[int, ...]
    sampling: Sampling
    adapter: Adapter | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """What an engine answered to one request.

    Attributes:
        key: The request's key.
        text: The completion, without special tokens and stop strings.
        token_ids: The completion's tokens.
        finish_reason: `stop`, `length` or `error`.
        logprobs: Natural logarithms aligned with `Sampling.score_ids`, before any constraint.
        prompt_tokens: Length of the prompt in tokens.
        cached_tokens: Prompt tokens whose attention state was reused, not computed.
        error: Why there is no completion, or None.
    """

    key: str
    text: str = ""
    token_ids: tuple[int, ...] = ()
    finish_reason: str = "stop"
    logprobs: tuple[float, ...] = ()
    prompt_tokens: int = 0
    cached_tokens: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """All that a worker needs to open an engine.

    Attributes:
        engine: Name in the table of engines.
        model_path: Folder of weights and tokenizer.
        dtype: `float32`, `bfloat16` or `float16`, resolved (never `auto`).
        device: `cpu` or `cuda`.
        max_model_len: Window in tokens, prompt and completion together.
        max_lora_rank: Largest rank of the adapters in use, 0 for none.
        max_loras: Adapters that may be in one batch.
        seed: Engine seed.
        options: Further engine options, passed on by name.
    """

    engine: str
    model_path: str
    dtype: str
    device: str
    max_model_len: int
    max_lora_rank: int = 0
    max_loras: int = 0
    seed: int = 0
    options: Mapping[str, Json] = field(default_factory=dict)


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
    reason: str | None = None
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95% interval and the count of scored samples behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Result:
    """One sample of one cell: a line of results.jsonl.

    Attributes:
        prompt_key: Content key of the (first) request, "" if none was made.
        calibrated: The label after batch calibration, or None.
        log_odds: For two labels, log-probability of the first minus that of the second.
        completion: Generated text, "" for log-probability scoring.
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
    reason: str | None
    logprobs: Mapping[str, float]
    log_odds: float | None
    completion: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """A requirement on one figure of one cell, and what became of it.

    Attributes:
        figure: Name of the figure, a key of `Row.figures`, or `unscored`.
        bound: `at_least` or `at_most`.
        verdict: `inconclusive` when the interval straddles the threshold.
        failed: Whether the verdict fails the cell, as the eval set says.
        line: The verdict in words, with n and interval.
    """

    evalset: str
    cell: str
    figure: str
    bound: Literal["at_least", "at_most"]
    threshold: float
    verdict: Verdict
    failed: bool
    line: str


@dataclass(frozen=True, slots=True)
class Row:
    """One cell's line in the report.

    Attributes:
        evalset: Path of the eval set, relative to the root.
        k: Shots in the prompt, 0 for zero-shot.
        placement: Where the shots stand, None for zero-shot.
        n: Scored samples.
        unscored: Samples without a verdict, counted by reason in `reasons`.
        figures: `accuracy`, and where the scoring has log-probabilities `calibrated_accuracy`,
            `label_mass` and (two labels) `auc`.
        shares: Fraction of the scored samples that were given each label.
        targets: Fraction of all samples whose target is each label.
        prompt_tokens: Mean prompt length in tokens.
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
    reasons: Mapping[str, int]
    figures: Mapping[str, Figure]
    shares: Mapping[str, float]
    targets: Mapping[str, float]
    prompt_tokens: float


@dataclass(frozen=True, slots=True)
class DataInfo:
    """Where an eval set's samples came from.

    Attributes:
        revision: Commit, version or digest that pins the content.
        rows: Rows read; `dropped` of them matched no label.
        pool: Size of the shot pool; `pool_removed` entries equal to a sample were taken out.
    """

    evalset: str
    source: str
    revision: str
    rows: int
    dropped: int
    samples: int
    pool: int
    pool_removed: int


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What one engine did in a run; seconds are wall time.

    Attributes:
        start_s: From spawning the child to the first request.
        generate_s: From the first request to the last output.
        computed: Outputs made now; `stored` were found in the store.
        prompt_tokens: Tokens of the computed requests' prompts, `cached_tokens` of them reused.
    """

    model: str
    source: str
    digest: str
    engine: str
    version: str
    dtype: str
    device: str
    start_s: float
    generate_s: float
    computed: int
    stored: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The head of a report: what ran, on what, and how long."""

    id: str
    started: str
    wall_s: float
    command: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    data: tuple[DataInfo, ...] = ()
    engines: tuple[EngineInfo, ...] = ()
    lost: tuple[str, ...] = ()
