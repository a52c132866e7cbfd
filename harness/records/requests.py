"""What is asked of an engine, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from harness.reasons import Reason

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Placement = Literal["system", "user", "chat"]
ShotOrder = Literal["shuffled", "alternating", "nearest_last", "pool"]
SHOT_SELECTORS = ("balanced", "random", "first", "nearest", "diverse")
"""Names of the built-in ways to choose shots."""
SCORINGS = ("logprobs", "generate", "choice")
"""Names of the built-in ways to read answers."""
ENGINE_NAMES = ("vllm", "transformers", "encoder", "rnn", "tfidf", "openai", "fake")
"""Names of the built-in engines."""


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
        cluster: What it shares with others, such as the film that both are about; "" unless the
            set names the column.
        slices: The slices that it stands in: for each column of the set's `slices`, and `length`,
            its value, "" for none. They are no part of what a model is asked.
    """

    id: str
    text: str
    label: str
    cluster: str = ""
    slices: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an engine completes a prompt.

    Attributes:
        max_tokens: Completion length limit in tokens, at least 1.
        temperature: 0 is greedy.
        top_p: Nucleus mass in (0, 1].
        seed: Seed of this request's own random stream; None leaves it to the engine.
        stop: Strings that end the completion; they are not part of its text.
        stop_ids: Tokens that end the completion, beside those at which the model ends it by itself;
            they are not part of its text.
        thinking: Of an endpoint: `on` or `off`, "" where it is left to the server.
        score_ids: Token ids whose log-probability at the first completion position is wanted.
        choices: If given, the completion is exactly one of these strings.
        schema: If given, a JSON Schema as text: the completion is JSON that fits it, without free
            white space.
        score_texts: Of an endpoint, which takes no token ids: texts whose log-probabilities are
            wanted where the last value of the completion's JSON object begins.
        logits: Of an encoder: whether the scores are wanted as its head gives them, and not as
            log-probabilities among all its classes.
    """

    max_tokens: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    score_ids: tuple[int, ...] = ()
    choices: tuple[str, ...] = ()
    schema: str = ""
    score_texts: tuple[str, ...] = ()
    stop_ids: tuple[int, ...] = ()
    thinking: str = ""
    logits: bool = False


@dataclass(frozen=True, slots=True)
class Adapter:
    """LoRA weights on disk; `digest` identifies their content, `rank` their LoRA rank.

    Attributes:
        loader: What puts them onto a model, where that has a version of ours; it enters the
            content keys of outputs. Empty for an engine that does it by itself.
    """

    path: str
    digest: str
    rank: int
    loader: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """What an engine is asked; `key` identifies its content and is repeated in the output.

    Attributes:
        messages: Role and content of each turn, for an engine that takes a conversation in place
            of tokens; `prompt_ids` is then empty.
        segments: Which of the texts of a pair each token is of, for an encoder that is told; empty
            for others, and where all are 0.
    """

    key: str
    prompt_ids: tuple[int, ...]
    sampling: Sampling
    adapter: Adapter | None = None
    messages: tuple[tuple[str, str], ...] = ()
    segments: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """What an engine answered to one request.

    Attributes:
        key: The request's key.
        text: The completion, without special tokens and stop strings.
        token_ids: The completion's tokens; none of an endpoint.
        finish_reason: `stop`, `length` or `error`.
        logprobs: Natural logarithms aligned with `Sampling.score_ids`, before any constraint; of
            an endpoint aligned with `score_texts`, empty where it gives none. Of `logits`: these.
        prompt_tokens: Length of the prompt in tokens.
        cached_tokens: Prompt tokens whose attention state was reused, not computed.
        completion_tokens: Of an endpoint: length of the completion in tokens; see `length`.
        thought: Of an endpoint: what the model wrote before its answer, where the server keeps it
            apart.
        thought_tokens: Its length in tokens, 0 where the server does not tell it; the completion's
            count in it.
        error: Why there is no completion, or None; a text where a library or an extension says it.
        served_by: Of an endpoint: name of the model in the response, empty where it has none.
    """

    key: str
    text: str = ""
    token_ids: tuple[int, ...] = ()
    finish_reason: str = "stop"
    logprobs: tuple[float, ...] = ()
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    error: Reason | str | None = None
    thought: str = ""
    thought_tokens: int = 0
    served_by: str = ""

    @property
    def failure(self) -> Reason | None:
        """Why there is no completion, or None."""
        return Reason("engine", {"said": self.error}) if isinstance(self.error, str) else self.error

    @property
    def length(self) -> int:
        """Return the length of the completion in tokens, whatever the engine."""
        return len(self.token_ids) or self.completion_tokens


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """All that a worker needs to open an engine.

    Attributes:
        engine: Name in the table of engines.
        model_path: Folder of weights and tokenizer; of a classifier, the file of training rows;
            of an endpoint, the model's name there.
        dtype: `float32`, `bfloat16` or `float16`, resolved (never `auto`).
        device: `cpu` or `cuda`.
        max_model_len: Window in tokens, prompt and completion together.
        max_lora_rank: Largest rank of the adapters in use, 0 for none.
        max_loras: Adapters that may be in one batch.
        seed: Engine seed.
        options: Further engine options, passed on by name.
        module: Of a registered engine: the module that opens it, imported from `folder` where it
            is not on the path.
        trust_remote_code: Whether Python files in the model's folder may be run.
        gpus: The GPUs that it may use, by the names that CUDA_VISIBLE_DEVICES takes; none on a
            processor. No part of what its outputs depend on.
        relieved: Whether equal engines complete its requests where it fails.
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
    module: str = ""
    folder: str = ""
    trust_remote_code: bool = False
    gpus: tuple[str, ...] = ()
    relieved: bool = False
