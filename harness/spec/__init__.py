"""YAML files -> checked pydantic models, every mistake with file, line and fix."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.spec.dataspec import DataSpec, LabelRule
    from harness.spec.evalset import EvalSet, PromptSpec
    from harness.spec.gatespec import BASELINE, GateSpec, OtherCell
    from harness.spec.load import load_evalset, load_models, load_recipe
    from harness.spec.modelspec import ModelsFile, ModelSpec
    from harness.spec.modespec import ModeSpec
    from harness.spec.recipe import Recipe
    from harness.spec.scoringspec import ScoringSpec

_PLACES = {
    "BASELINE": "gatespec",
    "DataSpec": "dataspec",
    "EvalSet": "evalset",
    "GateSpec": "gatespec",
    "LabelRule": "dataspec",
    "ModeSpec": "modespec",
    "ModelSpec": "modelspec",
    "ModelsFile": "modelspec",
    "OtherCell": "gatespec",
    "PromptSpec": "evalset",
    "Recipe": "recipe",
    "ScoringSpec": "scoringspec",
    "load_evalset": "load",
    "load_models": "load",
    "load_recipe": "load",
}
__all__ = [
    "BASELINE",
    "DataSpec",
    "EvalSet",
    "GateSpec",
    "LabelRule",
    "ModeSpec",
    "ModelSpec",
    "ModelsFile",
    "OtherCell",
    "PromptSpec",
    "Recipe",
    "ScoringSpec",
    "load_evalset",
    "load_models",
    "load_recipe",
]

if not TYPE_CHECKING:
    # Each engine starts a process, which needs the options of engines and none of the other models.
    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"harness.spec.{_PLACES[name]}"), name)
