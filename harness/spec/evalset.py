"""An eval set as users write it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
    model_validator,
)

from harness.contracts import Asks
from harness.figures import COMPARED, figure_kind
from harness.records import SCORINGS, Json
from harness.registry import current
from harness.spec.base import Name, OneOf, Strict, Word, complain
from harness.spec.dataspec import DataSpec, LabelRule
from harness.spec.editor_forms import OrList, OrText
from harness.spec.gatespec import FigureName, GateSpec
from harness.spec.modespec import ModeSpec
from harness.spec.slicespec import SliceSpec
from harness.stats.pooled import FEWEST_WORDINGS


def _named_by_template(schema: dict[str, JsonValue]) -> None:
    """Say in a JSON Schema that a prompt needs no id of its own."""
    schema["required"] = ["template"]


class PromptSpec(Strict):
    """One wording.

    Attributes:
        targets: The word the model is to answer with, for each label; default the label itself.
    """

    model_config = ConfigDict(json_schema_extra=_named_by_template)

    id: Name
    template: str
    targets: dict[str, Word] = Field(default={})

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Json) -> Json:
        if isinstance(data, str):
            data = {"template": data}
        if isinstance(data, dict) and "id" not in data and isinstance(data.get("template"), str):
            data = {**data, "id": Path(str(data["template"])).stem}
        return data


class ScoringSpec(Strict):
    """How an answer is read.

    Attributes:
        method: `logprobs` of the label words, free text that is parsed (`generate`), or
            constrained to the label words (`choice`); or the name of a registered scorer.
        max_tokens: Longest free answer in tokens; None takes 16.
        contextual: Ask each prompt with texts without content too, and calibrate by them.
    """

    method: Annotated[str, OneOf(lambda: (*SCORINGS, *current().scorers))] = "logprobs"
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    contextual: bool = False

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Json) -> Json:
        return {"method": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.max_tokens is not None and self.asks != "generate":
            raise complain("'max_tokens' belongs to method generate only")
        if self.contextual and self.method != "logprobs":
            raise complain("'contextual' belongs to method logprobs only")
        return self

    @property
    def asks(self) -> Asks:
        """What the model is asked, for a registered scorer too."""
        if (registered := current().scorers.get(self.method)) is not None:
            return registered.asks
        return "generate" if self.method == "generate" else (
            "choice" if self.method == "choice" else "logprobs")  # fmt: skip


class EvalSet(Strict):
    """One YAML file under `evalsets/`.

    Attributes:
        figures: Those that are computed and shown beside the usual ones.
        slices: What the samples are sliced by: figures are shown for each slice, too.
        primary: The figure that verdicts on comparisons of cells go by; None takes AUC where two
            labels have log-probabilities, else calibrated accuracy, else raw accuracy.
        family: What is tested together: the comparisons of each question, or of all questions.
        wordings: Whether the prompts stand for themselves, or for all prompts like them.
        was: Former names by present ones, of models, prompts, modes or cells: a renamed cell that
            has no baseline yet is compared with that of the cell that it was.
    """

    kind: Literal["classify"] = "classify"
    description: str = ""
    data: DataSpec
    labels: Annotated[dict[Word, str | int | list[str | int] | LabelRule], OrList()]
    models: list[Name]
    prompts: list[Annotated[PromptSpec, OrText()]]
    modes: list[Annotated[ModeSpec, OrText()]]
    scoring: Annotated[ScoringSpec, OrText()] = ScoringSpec()
    figures: list[FigureName] = Field(default=[])
    slices: list[Annotated[SliceSpec, OrText()]] = Field(default=[])
    primary: Annotated[str, OneOf(lambda: COMPARED)] | None = None
    family: Literal["question", "report"] = "question"
    wordings: Literal["fixed", "random"] = "fixed"
    gates: list[GateSpec] = Field(default=[])
    was: dict[Word, Word] = Field(default={})

    @field_validator("labels", mode="before")
    @classmethod
    def _labels(cls, labels: Json) -> Json:
        if isinstance(labels, list):
            named = {str(label): label for label in labels}
            if len(named) < len(labels):
                raise complain("names one label twice; remove one")
            return named
        if isinstance(labels, dict):
            for label, rule in labels.items():
                if rule is None or rule == []:
                    raise complain(f"label '{label}' has no value in the data; write one")
        else:
            raise complain("a list of the labels is wanted, such as [positive, negative], or a "
                           "mapping, such as {positive: 1, negative: 0}")  # fmt: skip
        return labels

    @field_validator("models", "prompts", "modes")
    @classmethod
    def _some(cls, entries: list[Json]) -> list[Json]:
        if not entries:
            raise complain("is empty; name at least one")
        return entries

    @field_validator("primary")
    @classmethod
    def _decided(cls, primary: str | None, info: ValidationInfo) -> str | None:
        # What does not load itself is missing here, and is complained about by itself.
        labels, scoring = info.data.get("labels", {}), info.data.get("scoring")
        if primary == "auc" and len(labels) > 2:
            raise complain(f"an AUC is of two labels, and here are {len(labels)}; write "
                           "calibrated_accuracy or accuracy")  # fmt: skip
        if primary not in (None, "accuracy") and scoring and scoring.asks != "logprobs":
            raise complain(f"{primary} needs log-probabilities, and scoring is {scoring.method}; "
                           "write accuracy, or score by logprobs")  # fmt: skip
        return primary

    @field_validator("wordings")
    @classmethod
    def _enough(cls, wordings: str, info: ValidationInfo) -> str:
        count = len(info.data.get("prompts", ()))
        if wordings == "random" and 0 < count < FEWEST_WORDINGS:
            raise complain(
                f"random needs {FEWEST_WORDINGS} prompts or more, which stand for "
                f"others like them, and here are {count}; add some, or remove it"
            )
        return wordings

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.labels) < 2:
            raise complain("'labels' needs at least two labels")
        for name in (*self.figures, *(gate.figure for gate in self.gates)):
            kind, argument = figure_kind(name)
            if kind.argument == "label" and argument not in self.labels:
                raise complain(f"{name}: '{argument}' is not a label of this set; write one of "
                               f"{', '.join(self.labels)}")  # fmt: skip
        for name in self.figures:
            if figure_kind(name)[0].measure is None:
                raise complain(f"{name} is shown wherever there is one; remove it from 'figures'")
        if self.scoring.asks != "logprobs":
            for name in self.figures:
                if figure_kind(name)[0].need != "answers":
                    raise complain(f"{name} needs log-probabilities, and scoring is "
                                   f"{self.scoring.method}; remove it from 'figures', or score by "
                                   "logprobs")  # fmt: skip
        if self.scoring.contextual and any("nearest" in mode.selector for mode in self.modes):
            raise complain("'contextual' calibration has no shots near a text without content; "
                           "remove it, or the selector nearest")  # fmt: skip
        return self

    @property
    def sliced_by(self) -> tuple[str, ...]:
        """The columns of the data that slices need."""
        return tuple(one.column for one in self.slices if one.column is not None)

    @property
    def further(self) -> tuple[str, ...]:
        """Figures beside the usual ones, each once: of `figures`, of gates, and of many labels.

        Sets of three labels or more have the recall of each, for which accuracy does not stand.
        """
        recalls = [f"recall:{label}" for label in self.labels] if len(self.labels) > 2 else []
        asked = dict.fromkeys([*self.figures, *(gate.figure for gate in self.gates), *recalls])
        return tuple(name for name in asked if figure_kind(name)[0].measure is not None)

    def targets(self, prompt: PromptSpec) -> dict[str, str]:
        """Return the word that stands for each label in a prompt, in the order of the labels."""
        return {label: prompt.targets.get(label, label) for label in self.labels}
