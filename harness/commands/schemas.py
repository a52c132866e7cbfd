"""JSON Schema texts of what users write and of what programs read."""

from __future__ import annotations

import json
from collections.abc import Mapping

from harness.records import Json
from harness.spec.base import Strict
from harness.spec.evalset import EvalSet
from harness.spec.judgeset import JudgeSet
from harness.spec.modelspec import ModelsFile
from harness.spec.recipe import Recipe

_WRITTEN: dict[str, type[Strict]] = {
    "evalset": EvalSet,
    "judgeset": JudgeSet,
    "models": ModelsFile,
    "recipe": Recipe,
}


def schemas() -> dict[str, str]:
    """Return the JSON Schema text of each kind of YAML file, and of what programs read."""
    from harness.analysis.files import comparison_schema, findings_schema

    read = {"findings": findings_schema(), "compare": comparison_schema()}
    return editor_schemas() | {name: _text(schema) for name, schema in read.items()}


def editor_schemas() -> dict[str, str]:
    """Return the JSON Schema text of each kind of YAML file, by its name."""
    return {name: _text(model.model_json_schema()) for name, model in _WRITTEN.items()}


def _text(schema: Mapping[str, Json]) -> str:
    return json.dumps(schema, indent=1) + "\n"
