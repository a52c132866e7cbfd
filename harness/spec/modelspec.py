"""The entries of `models.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, ValidationInfo, field_validator, model_validator

from harness.records import ENGINE_NAMES, Json
from harness.registry import current
from harness.spec.base import (
    Name,
    OneOf,
    SourceSpec,
    Strict,
    TemplateVariables,
    check_model_source,
    complain,
    flow,
)
from harness.spec.classifierspec import TRAINED
from harness.spec.encoderspec import Labels, Task, check_encoder
from harness.spec.endpointspec import PREFIX
from harness.spec.enginespec import OptionsSchema, by_engine, engine_names, owner
from harness.spec.thinkingspec import ThinkingSpec, ThoughtSpec
from harness.suggest import did_you_mean

# All that a classifier without weights of its own can say.
_OF_TRAINED = {"engine", "seed", "seeds", "options"}
# All that an encoder can say, and what it alone can.
_OF_ENCODERS_ALONE = {"task", "hypothesis", "labels"}
_OF_ENCODER = {"engine", "source", "dtype", "max_model_len", "gpu", "options",
               "trust_remote_code", *_OF_ENCODERS_ALONE}  # fmt: skip
# And all that a model somewhere else can say.
_OF_ENDPOINT = {"engine", "source", "options", "thinking", "system"}


class ModelSpec(SourceSpec):
    """One model of `models.yaml`.

    Attributes:
        source: Where the weights are; none for a classifier that is trained, see `trained`; the
            name of a model after `openai:` for one at an endpoint, see `remote`.
        engine: `auto` is vLLM where CUDA and a GPU build of vLLM are, else transformers; `rnn` and
            `tfidf` are trained on the shot pool of each eval set; `encoder` classifies; `openai`
            asks an endpoint, and follows from the source; or the name of a registered engine.
        dtype: `auto` is on a GPU float16 for labels, where the model fits it, and bfloat16 for free
            answers and judges; bfloat16 on a CPU with bfloat16 instructions, else float32.
        base: A pretrained model without chat training; plain text unless a template is given.
        chat_template: `own` (the tokenizer's), `llama-3` with its marks as plain text, `plain`
            text, or a Jinja2 file under `prompts/`; with an adapter, by default the adapter's.
        template: Variables of the chat template, by name; `date` is the day that a template gets
            which asks for one.
        system_role: False folds the system text into the first user turn; `auto` does so where the
            template does not show it otherwise.
        system: System text of conversations that have none; empty for a system turn without text,
            in place of the one that some templates write by themselves.
        thinking: Whether the model thinks before it answers; None leaves it to the template.
        gpu: Skipped on a machine without CUDA.
        adapter: Folder of LoRA weights put on the model.
        seeds: Of a trained classifier: one training and one cell each; default `seed` alone.
        options: Options of the engine that is named, or of several, each under its name.
        trust_remote_code: Whether Python files in the model's folder are run, as they are by
            nothing else; they are then part of its digest.
        task: Of an encoder: `text-classification` by its own classes, the default, or `zero-shot`
            by whether a text entails a hypothesis about each label.
        hypothesis: Of an encoder that is zero-shot: the sentence, with {} where a label stands.
        labels: Of an encoder: by label of the eval set, the classes that stand for it, or for
            `zero-shot` its phrase in the hypothesis; default the label's own name.
    """

    engine: Annotated[str, OneOf(lambda: ("auto", *ENGINE_NAMES, *current().engines))] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    max_model_len: Annotated[int, Field(ge=1)] | None = None
    base: bool = False
    chat_template: str | None = None
    template: TemplateVariables = Field(default={})
    system_role: bool | Literal["auto"] = "auto"
    thinking: ThinkingSpec | None = None
    system: str | None = None
    gpu: bool = False
    adapter: str | None = None
    seed: int = 0
    seeds: list[Annotated[int, Field(ge=0)]] | None = None
    options: Annotated[dict[str, JsonValue], OptionsSchema()] = Field(default={})
    trust_remote_code: bool = False
    task: Task | None = None
    hypothesis: str | None = None
    labels: Labels | None = None

    def options_for(self, engine: str) -> dict[str, Json]:
        """Return the options of one engine, those of others left aside."""
        if by_engine(self.options):
            own = self.options.get(engine)
            return dict(own) if isinstance(own, dict) else {}
        return dict(self.options) if engine == self.engine else {}

    @property
    def trained(self) -> bool:
        """Whether it is a classifier that is trained on the shot pool."""
        return self.engine in TRAINED

    @property
    def encoder(self) -> Task | None:
        """What it does as an encoder, None for what is none."""
        return (self.task or "text-classification") if self.engine == "encoder" else None

    @property
    def writes(self) -> bool:
        """Whether it writes text, as no classifier does."""
        return not self.trained and self.encoder is None

    @property
    def remote(self) -> bool:
        """Whether it is asked at an endpoint; its options are those of `EndpointSpec`."""
        return self.engine == "openai"

    @property
    def weights(self) -> tuple[Json, ...]:
        """What two names of one model have in common, adapters on it not told apart."""
        urls = self.options_for("openai").get("base_url") if self.remote else None
        return self.source, self.member, urls[0] if isinstance(urls, list) and urls else urls

    @field_validator("source")
    @classmethod
    def _source(cls, source: str | None) -> str | None:
        if source is None or source.startswith(PREFIX):
            return source
        return check_model_source(source)

    @field_validator("options")
    @classmethod
    def _by_engine(cls, options: dict[str, JsonValue], info: ValidationInfo) -> dict[str, Json]:
        engine = info.data.get("engine")
        if engine is None:  # complained of by itself
            return options
        if not by_engine(options):
            if options and engine == "auto":
                raise complain(_unnamed(options))
            return options
        if other := sorted(options.keys() - set(engine_names())):
            raise complain(f"'{other[0]}' stands beside the names of engines; put it under the "
                           "one whose option it is")  # fmt: skip
        for name in options:
            if name not in _engines(engine):
                raise complain(f"a model of engine {engine} never runs on {name}; remove '{name}'")
        return options

    @model_validator(mode="before")
    @classmethod
    def _engine(cls, data: Json) -> Json:
        if isinstance(data, dict) and str(data.get("source")).startswith(PREFIX):
            return {"engine": "openai", **data}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.remote or (self.source or "").startswith(PREFIX):
            self._check_remote()
        if self.encoder:
            self._check_encoder()
        elif alone := sorted(self.model_fields_set & _OF_ENCODERS_ALONE):
            raise complain(f"'{alone[0]}' belongs to engine encoder; remove it")
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

    def _check_encoder(self) -> None:
        if extra := sorted(self.model_fields_set - _OF_ENCODER):
            raise complain(f"an encoder has no prompt and writes no text, and takes no "
                           f"{', '.join(extra)}; remove it")  # fmt: skip
        check_encoder(
            source=self.source, task=self.task, hypothesis=self.hypothesis, labels=self.labels
        )

    def _check_remote(self) -> None:
        name = (self.source or "").removeprefix(PREFIX)
        if not self.remote:
            raise complain(f"a model at an endpoint has engine openai, not {self.engine}; remove "
                           "'engine'")  # fmt: skip
        if not name or name == self.source:
            raise complain("engine openai needs the model's name there; write source: openai:NAME")
        if not self.options_for("openai"):
            raise complain("a model at an endpoint needs an address; write options: "
                           "{base_url: URL}")  # fmt: skip
        if "template" in self.model_fields_set:
            raise complain("the template of a model at an endpoint is the server's; write its "
                           "variables as options: {chat_template_kwargs: ...}")  # fmt: skip
        if extra := sorted(self.model_fields_set - _OF_ENDPOINT):
            raise complain(f"a model at an endpoint takes no {', '.join(extra)}; remove it")
        if isinstance(self.thinking, ThoughtSpec) and self.thinking.budget is not None:
            raise complain("a thought cannot be cut at an endpoint; write thinking: {limit: N}, "
                           "which its answer has room beside")  # fmt: skip


def _engines(engine: str) -> tuple[str, ...]:
    """Return the engines that may run a model of which models.yaml names one."""
    if engine in TRAINED:
        return (engine,)
    if engine in ("openai", "encoder"):
        return engine, "fake"
    # A registered engine may be asked for on the command line, and then takes its own options.
    return "vllm", "transformers", "fake", *current().engines


def _unnamed(options: dict[str, JsonValue]) -> str:
    """Say under which engine's name the options of engine `auto` are to be put."""
    engines = _engines("auto")
    for name, value in options.items():
        fix = did_you_mean(name, engines)
        if fix and isinstance(value, dict):
            return f"'{name}' is not one of {', '.join(engines)}; {fix}"
    return (f"engine auto may be one of {', '.join(engines)}, whose options differ; write "
            f"options: {flow({owner(options): options}, width=200)}")  # fmt: skip


class ModelsFile(Strict):
    """`evalsets/models.yaml`."""

    models: dict[Name, ModelSpec]
