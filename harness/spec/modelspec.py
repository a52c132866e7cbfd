"""The entries of `models.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from harness.spec.base import Name, SourceSpec, Strict, complain
from harness.spec.trainspec import TRAINED

# All that a classifier without weights of its own can say.
_OF_TRAINED = {"engine", "seed", "seeds", "options"}


class ModelSpec(SourceSpec):
    """One model of `models.yaml`.

    Attributes:
        source: Where the weights are; none for a classifier that is trained, see `trained`.
        engine: `auto` is vLLM where CUDA and a GPU build of vLLM are, else transformers; `rnn` and
            `tfidf` are trained on the shot pool of each eval set.
        dtype: `auto` is bfloat16 on a GPU or a CPU with bfloat16 instructions, else float32.
        base: A pretrained model without chat training; plain text unless a template is given.
        chat_template: `own` (the tokenizer's), `llama-3` with its marks as plain text, `plain`
            text, or a Jinja2 file under `prompts/`; with an adapter, by default the adapter's.
        system_role: False folds the system text into the first user turn; `auto` finds out.
        gpu: Skipped on a machine without CUDA.
        adapter: Folder of LoRA weights put on the model.
        seeds: Of a trained classifier: one training and one cell each; default `seed` alone.
        options: Engine options, passed on by name.
    """

    engine: Literal["auto", "vllm", "transformers", "rnn", "tfidf", "fake"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    max_model_len: Annotated[int, Field(ge=1)] | None = None
    base: bool = False
    chat_template: str | None = None
    system_role: bool | Literal["auto"] = "auto"
    gpu: bool = False
    adapter: str | None = None
    seed: int = 0
    seeds: list[Annotated[int, Field(ge=0)]] | None = None
    options: dict[str, JsonValue] = Field(default={})

    @property
    def trained(self) -> bool:
        """Whether it is a classifier that is trained on the shot pool."""
        return self.engine in TRAINED

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.trained:
            if self.source is None:
                raise complain("missing key 'source'; add it")
            if self.seeds is not None:
                raise complain(f"'seeds' belongs to the engines {' and '.join(TRAINED)}; remove it")
            return self
        if extra := sorted(self.model_fields_set - _OF_TRAINED):
            raise complain(f"engine {self.engine} is trained on the shot pool and takes no "
                           f"{', '.join(extra)}; remove it")  # fmt: skip
        if self.seeds is not None and (
            not self.seeds or len(set(self.seeds)) < len(self.seeds) or self.seed
        ):
            raise complain("'seeds' is empty, names one value twice or stands beside 'seed'")
        return self


class ModelsFile(Strict):
    """`evalsets/models.yaml`."""

    models: dict[Name, ModelSpec]
