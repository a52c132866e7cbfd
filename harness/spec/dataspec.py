"""The key `data` of an eval set: where samples and shots come from."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from harness.characters import column_name
from harness.records import Json
from harness.spec.base import Column, SourceSpec, Strict, Word, check_source, complain
from harness.suggest import did_you_mean


class LabelRule(Strict):
    """Numbers in the label column that mean a label: at least / at most a threshold."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise complain("needs at_least or at_most")
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


def _open_schema(schema: dict[str, JsonValue]) -> None:
    """Say in a JSON Schema that a row may have other keys, not the field that holds them."""
    properties = schema["properties"]
    if isinstance(properties, dict):
        properties.pop("columns")
    schema["additionalProperties"] = {"type": ["string", "number", "boolean", "null"]}


class InlineRow(Strict):
    """A sample written into the eval set.

    Attributes:
        columns: Its other keys, which must be columns of the set's slices.
    """

    model_config = ConfigDict(json_schema_extra=_open_schema)

    id: Word | None = None
    text: Word
    label: str
    columns: dict[str, str | int | float | bool | None] = Field(default={})

    @model_validator(mode="before")
    @classmethod
    def _more_columns(cls, data: Json) -> Json:
        if not isinstance(data, dict):
            return data
        own = {key: value for key, value in data.items() if key in ("id", "text", "label")}
        more = {column_name(key): value for key, value in data.items() if key not in own}
        for key in more:
            if fix := did_you_mean(key, {"text", "label"} - own.keys()):
                raise PydanticCustomError("unknown_key", "unknown key; {fix}",
                                          {"key": key, "fix": fix})  # fmt: skip
        return {**own, "columns": more}


class DataSpec(SourceSpec):
    """Where samples and shots come from.

    Attributes:
        rows: Inline samples, instead of a source.
        shots: Shot pool from a source of its own, or inline; default: the split's training part.
        format: Of the file; default by its name.
        columns: Column names of a file that has no header line.
        hub_split: Which split of a hub data set to read.
        cluster: Column that names what samples share, such as the film that a review is of.
        leaks: What happens to a pool entry that repeats a sample: the set is refused, or the
            entry is taken out and counted. None: `drop` for a pool that is the training part of
            the samples' own source, `refuse` for one of its own.
    """

    rows: list[InlineRow] | None = None
    shots: str | list[InlineRow] | None = None
    format: Literal["csv", "tsv", "json", "jsonl", "parquet"] | None = None
    columns: list[Column] | None = None
    hub_split: str = "train"
    id: Column | None = None
    text: Column = "text"
    label: Column = "label"
    cluster: Column | None = None
    split: SplitSpec | None = None
    samples: DrawSpec = DrawSpec()
    others: Literal["refuse", "drop"] = "refuse"
    leaks: Literal["refuse", "drop"] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.source is None) == (self.rows is None):
            raise complain("needs either 'source' or 'rows'")
        if self.rows is not None and not self.rows:
            raise complain("'rows' is empty; write at least one sample")
        if self.rows is not None and self.cluster is not None:
            raise complain("'cluster' is a column of a source; remove it, or read a file")
        if isinstance(self.shots, str):
            check_source(self.shots)
            if not self.shots.startswith("file:"):
                raise complain("'shots' is a file: source or a list of rows")
        if self.shots is not None and self.split is not None:
            raise complain("'shots' and 'split' exclude each other; remove one")
        return self
