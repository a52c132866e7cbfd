"""YAML files -> checked pydantic models, every mistake with file, line and fix."""

from harness.spec.dataspec import DataSpec, LabelRule
from harness.spec.evalset import EvalSet, ModeSpec, PromptSpec, ScoringSpec
from harness.spec.gatespec import BASELINE, GateSpec, OtherCell
from harness.spec.load import load_evalset, load_models, load_recipe
from harness.spec.modelspec import ModelsFile, ModelSpec
from harness.spec.recipe import Recipe

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
