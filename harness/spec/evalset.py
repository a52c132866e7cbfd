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

from harness.figures import COMPARED, figure_kind
from harness.records import Json
from harness.spec.base import Name, OneOf, Strict, Word, complain
from harness.spec.dataspec import DataSpec, LabelRule
from harness.spec.editor_forms import OrList, OrText
from harness.spec.gatespec import FigureName, GateSpec
from harness.spec.modespec import ModeSpec
from harness.spec.scoringspec import ScoringSpec
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


_ASKING = ("models", "prompts", "modes")


def _together(schema: dict[str, JsonValue]) -> None:
    """Say in a JSON Schema that what is asked of which models stands there whole or not at all."""
    schema["dependentRequired"] = {key: [one for one in _ASKING if one != key] for key in _ASKING}


class EvalSet(Strict):
    """One YAML file under `evalsets/`.

    Without models, prompts and modes its answers are another program's, see `harness score`.

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

    model_config = ConfigDict(json_schema_extra=_together)

    kind: Literal["classify"] = "classify"
    description: str = ""
    data: DataSpec
    labels: Annotated[dict[Word, str | int | list[str | int] | LabelRule], OrList()]
    models: list[Name] = Field(default=[])
    prompts: list[Annotated[PromptSpec, OrText()]] = Field(default=[])
    modes: list[Annotated[ModeSpec, OrText()]] = Field(default=[])
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
    def _whole(self) -> Self:
        lacking = [key for key in _ASKING if key not in self.model_fields_set]
        if 0 < len(lacking) < len(_ASKING):
            raise complain(f"missing key '{lacking[0]}'; add it")
        return self

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
