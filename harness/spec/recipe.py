"""A recipe as users write it: base model, data with filters, LoRA and training."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from harness.records import Json
from harness.spec.base import (
    SourceSpec,
    Strict,
    TemplateVariables,
    Word,
    check_model_source,
    complain,
)
from harness.spec.editor_forms import OrText

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]
_ONE_KEY = (
    "a filter is one key with its value, such as 'language: Russian'; write each filter as a list "
    "entry of its own"
)
Without = Literal["code", "links", "refusals", "regex_flag", "exact_duplicates"]


class Range(Strict):
    """At least and at most, both included; one of them may be left out."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        low, high = self.at_least, self.at_most
        if low is None and high is None:
            raise complain("needs at_least or at_most")
        if low is not None and high is not None and low > high:
            raise complain(f"at_least {low:g} is above at_most {high:g}; nothing lies between them")
        return self

    def __contains__(self, value: float) -> bool:
        low, high = self.at_least, self.at_most
        return (low is None or value >= low) and (high is None or value <= high)

    def __str__(self) -> str:
        low, high = self.at_least, self.at_most
        if low == high:
            return f"{low:g}"
        if low is None or high is None:
            return f"at least {low:g}" if low is not None else f"at most {high:g}"
        return f"{low:g} to {high:g}"


class Topics(Strict):
    """Topics to keep, or topics to drop."""

    keep: list[Word] | None = None
    drop: list[Word] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.keep) == bool(self.drop):
            raise complain("needs either 'keep' or 'drop', a list of topics")
        return self


class NearDuplicates(Strict):
    """Dialogues whose word triples overlap by at least this much: the first one is kept.

    Attributes:
        similarity: Estimated Jaccard similarity of the sets of word triples, in (0, 1).
    """

    similarity: Annotated[float, Field(gt=0, lt=1)] = 0.8


class Balance(Strict):
    """At most so many dialogues of a group, drawn with a seed.

    Attributes:
        by: What makes a group; `reply_tokens` groups by doubling lengths (32-63, 64-127, …).
    """

    by: Literal["topic", "source", "complexity", "score", "reply_tokens"]
    at_most: Count
    seed: Seed = 3407


class Size(Strict):
    """How many dialogues there must be at least, and how many are drawn with a seed at most."""

    at_least: Count = 1
    at_most: Count
    seed: Seed = 3407

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.at_least > self.at_most:
            raise complain(f"at_least {self.at_least} is above at_most {self.at_most}")
        return self


class FilterSpec(Strict):
    """One filter: a mapping with one key. Filters work in the order in which they stand.

    Attributes:
        language: Languages to keep.
        turns: Number of user turns.
        complexity: Complexities to keep.
        reply_tokens: Length of every answer, in tokens of the base model.
    """

    language: Annotated[list[Word], OrText()] | None = None
    turns: Range | None = None
    score: Range | None = None
    topics: Topics | None = None
    complexity: Annotated[list[Word], OrText()] | None = None
    reply_tokens: Range | None = None
    without: Without | None = None
    near_duplicates: NearDuplicates | None = None
    balance: Balance | None = None
    size: Size | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Json) -> Json:
        if isinstance(data, dict):
            return {key: [value] if key in {"language", "complexity"} and isinstance(value, str)
                    else value for key, value in data.items()}  # fmt: skip
        raise complain(_ONE_KEY)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1 or getattr(self, self.name) in (None, []):
            raise complain(_ONE_KEY)
        return self

    @property
    def name(self) -> str:
        """The filter's key."""
        return next(iter(self.model_fields_set))


class RecipeData(SourceSpec):
    """Dialogues in the schema of `saiga_scored`, and what is kept of them.

    Attributes:
        malformed: What a dialogue with unknown roles, turns out of order or an empty turn does.
    """

    source: str
    format: Literal["jsonl", "json", "parquet"] | None = None
    hub_split: str = "train"
    malformed: Literal["refuse", "drop"] = "refuse"
    filters: list[FilterSpec] = Field(default=[])


class BaseModelSpec(SourceSpec):
    """The model that the adapter is for.

    Attributes:
        dtype: `auto` is bfloat16 on a GPU and float32 on a CPU.
        four_bit: Load the weights as NF4 (bitsandbytes); `auto` does so on CUDA.
        chat_template: `llama-3` writes its marks as plain text; `own` is the tokenizer's;
            else a Jinja2 file under `prompts/`.
        template: Variables of the chat template, as in models.yaml; the same there as here.
        system: System text of dialogues that have none, likewise.
    """

    source: str
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    four_bit: bool | Literal["auto"] = "auto"
    chat_template: str = "llama-3"
    template: TemplateVariables = Field(default={})
    system: str | None = None

    @field_validator("source")
    @classmethod
    def _of_model(cls, source: str) -> str:
        return check_model_source(source)


class LoraSpec(Strict):
    """Low-rank weights: their size, scale and place."""

    r: Annotated[int, Field(ge=1, le=512)] = 16
    alpha: Annotated[float, Field(gt=0)] = 16
    dropout: Fraction = 0.0
    rslora: bool = False
    bias: Literal["none", "all", "lora_only"] = "none"
    target_modules: list[Word] = Field(default=list(PROJECTIONS))

    @field_validator("target_modules")
    @classmethod
    def _some(cls, modules: list[str]) -> list[str]:
        if not modules:
            raise complain("is empty; name at least one module, such as q_proj")
        if {"lm_head", "embed_tokens"} & set(modules):
            raise complain("names the embeddings, which engines do not take from an adapter; "
                           "remove lm_head and embed_tokens")  # fmt: skip
        return modules


class TrainingSpec(Strict):
    """Optimizer, batches and steps.

    Attributes:
        batch_size: Rows in one optimizer step.
        micro_batch: Rows in one forward pass, padded; `auto` takes as many as fit, unpadded.
        gradient_checkpointing: `auto` turns it on where nothing fits without it.
        max_length: Longest row in tokens; longer ones are dropped, never cut.
        optimizer: `adamw_8bit` (bitsandbytes) is plain AdamW where there is no CUDA.
        save_steps: Optimizer steps between checkpoints.
        report_to: Trackers of the trainer, such as `tensorboard`, `trackio` or `wandb`.
    """

    max_steps: Count = 100
    batch_size: Count = 8
    micro_batch: Count | Literal["auto"] = "auto"
    gradient_checkpointing: bool | Literal["auto"] = "auto"
    learning_rate: Positive = 0.0002
    warmup_steps: Annotated[int, Field(ge=0)] = 5
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    max_grad_norm: Positive = 1.0
    optimizer: Literal["adamw_8bit", "adamw"] = "adamw_8bit"
    max_length: Count = 2048
    seed: Seed = 3407
    save_steps: Count = 50
    report_to: list[Word] = Field(default=[])

    @field_validator("learning_rate", mode="before")
    @classmethod
    def _number(cls, rate: Json) -> Json:
        if isinstance(rate, str):
            raise complain(f"'{rate}' is read as text; write it as a decimal such as 0.0002")
        return rate

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if isinstance(self.micro_batch, int) and self.batch_size % self.micro_batch:
            raise complain(f"micro_batch {self.micro_batch} does not divide batch_size "
                           f"{self.batch_size}; take a divisor, or auto")  # fmt: skip
        return self


class Recipe(Strict):
    """One YAML file under `recipes/`: a whole SFT run.

    Attributes:
        backend: `auto` is unsloth where it is installed, else TRL.
        final_loss: Where the mean loss of the last tenth of the steps is expected.
        samples: Questions whose answers the report shows before and after.
    """

    description: str = ""
    base: BaseModelSpec
    data: RecipeData
    lora: LoraSpec = LoraSpec()
    training: TrainingSpec = TrainingSpec()
    backend: Literal["auto", "trl", "unsloth"] = "auto"
    final_loss: Range | None = None
    samples: list[Word] = Field(default=[])
