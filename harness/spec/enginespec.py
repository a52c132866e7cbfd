"""Options of engines, by engine: which each takes, and how `models.yaml` gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, JsonValue
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from harness.records import Json
from harness.registry import current
from harness.spec.base import Strict, complain
from harness.spec.classifierspec import RnnSpec, TfidfSpec
from harness.spec.encoderspec import EncoderSpec
from harness.spec.endpointspec import EndpointSpec

_Count = Annotated[int, Field(ge=1)]
_Seconds = Annotated[float, Field(ge=0)]

_PICKLED = ("pt", "npcache")
VLLM_RESERVED = frozenset(
    "model tokenizer dtype max_model_len seed skip_tokenizer_init runner convert logprobs_mode "
    "enable_lora max_lora_rank max_loras trust_remote_code".split()
)
"""Options of `vllm.EngineArgs` that the harness sets from other keys, or needs as they are."""


class TransformersSpec(Strict):
    """Options of engine `transformers`; what is None has a default for its device.

    Attributes:
        batch_tokens: Tokens of a forward pass, padding included; four times as many for
            requests that go on after the first token, whose later passes are one token a row.
        pass_cost: What a forward pass costs by itself, in tokens: padding is held below it, and
            a prefix is shared if that saves twice as much, a pass of its own and a broken batch.
        threads: CPU threads; None is torch's choice.
    """

    batch_tokens: _Count | None = None
    pass_cost: _Count | None = None
    threads: _Count | None = None


class FakeSpec(Strict):
    """Options of engine `fake`: what it is told to do.

    Attributes:
        answer: Completion of every request; without it, words derived from the prompt.
        delay_s: Seconds before each output.
        start_s: Seconds to start.
        fail_start: Whether opening fails.
        error_on: A token id, or a part of a request's key, that makes an error output.
        die_after: Outputs after which the process ends at once, None for never.
        hang_after: Outputs after which nothing more comes, None for never.
        spawn: Whether to start a process of its own that outlives the engine if let.
    """

    answer: str | None = None
    delay_s: _Seconds = 0.0
    start_s: _Seconds = 0.0
    fail_start: bool = False
    error_on: int | str | None = None
    die_after: int | None = None
    hang_after: int | None = None
    spawn: bool = False


def _not_reserved(options: dict[str, Json]) -> dict[str, Json]:
    if taken := sorted(VLLM_RESERVED & options.keys()):
        raise complain(f"'{taken[0]}' is set by the harness; remove it")
    if options.get("load_format") in _PICKLED:
        raise complain("'load_format' would load pickled weights; convert them to safetensors, and "
                       "remove it")  # fmt: skip
    return options


class EngineOptions(Strict):
    """The options of several engines, each under its name.

    Attributes:
        vllm: Those of `vllm.EngineArgs`, whose names vLLM itself checks when it starts, and two of
            the harness; see `harness.engines.vllm.open_engine`.
    """

    vllm: Annotated[dict[str, JsonValue], AfterValidator(_not_reserved)] = Field(default={})
    transformers: TransformersSpec = TransformersSpec()
    encoder: EncoderSpec = EncoderSpec()
    rnn: RnnSpec = RnnSpec()
    tfidf: TfidfSpec = TfidfSpec()
    openai: EndpointSpec | None = None
    fake: FakeSpec = FakeSpec()


def engine_names() -> tuple[str, ...]:
    """Return the names of all engines, under which options may stand."""
    return *EngineOptions.model_fields, *current().engines


def by_engine(options: Mapping[str, Json]) -> bool:
    """Return whether options stand under the names of engines; no engine's option is called so."""
    return any(name in engine_names() for name in options)


def known_options(options: Mapping[str, Json]) -> dict[str, Json]:
    """Return the options under the names of built-in engines; a registered one checks its own."""
    return {name: own for name, own in options.items() if name not in current().engines}


def owner(options: Mapping[str, Json]) -> str:
    """Return the engine that options are most likely meant for, where none is named."""
    for name, kind in (("transformers", TransformersSpec), ("fake", FakeSpec)):
        if options.keys() <= kind.model_fields.keys():
            return name
    return "vllm"


class OptionsSchema:
    """Gives the JSON Schema of a model's options: by engine, or those of the one that it names."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return what either form has."""
        return {"anyOf": [handler(EngineOptions.__pydantic_core_schema__), handler(schema)]}
