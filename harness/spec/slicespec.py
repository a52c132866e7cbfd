"""Slices as users write them: columns of the data, or spans of the text's length."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from harness.characters import column_name, one_form
from harness.figures.slices import LENGTH
from harness.records import Json
from harness.spec.base import Column, Strict, complain

WORST = "worst"
MOST_VALUES = 50
"""Values that a column of slices may have."""


class SliceSpec(Strict):
    """What the samples are sliced by.

    Attributes:
        column: Column of the data, of which each value is a slice.
        length: Lengths of the text in characters at which one slice ends, each the last of its
            slice: `[50, 200]` makes the slices 1-50, 51-200 and 201+.
        min: Samples that a value must have to be shown alone; those with fewer are one slice.
    """

    column: Column | None = None
    length: list[Annotated[int, Field(ge=1)]] | None = None
    min: Annotated[int, Field(ge=1)] = 20

    @model_validator(mode="before")
    @classmethod
    def _short(cls, data: Json) -> Json:
        return {"column": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.column is None) == (self.length is None):
            raise complain("needs either 'column' or 'length'")
        ends = self.length or []
        if self.length is not None and (not ends or any(b <= a for a, b in pairwise(ends))):
            raise complain("'length' needs rising numbers of characters, such as [50, 200]")
        return self

    @property
    def name(self) -> str:
        """The column, or `length`."""
        return LENGTH if self.column is None else self.column

    @property
    def spans(self) -> tuple[str, ...]:
        """Names of the spans of length, shortest first: `1-50`, `51-200`, `201+`."""
        ends = self.length or []
        starts = [1, *(end + 1 for end in ends)]
        return (*(f"{a}-{b}" for a, b in zip(starts, ends, strict=False)), f"{starts[-1]}+")

    def span(self, length: int) -> str:
        """Return the span that a length in characters lies in."""
        ends = self.length or []
        return self.spans[sum(length > end for end in ends)]


def _as_compared(text: str) -> str:
    return one_form(text.strip())


SliceName = Annotated[str, Field(min_length=1), AfterValidator(_as_compared)]
"""A slice as a gate names it: `topic=sport`, `worst` or `worst:topic`."""


def slice_target(name: str, columns: Collection[str]) -> tuple[str | None, str | None]:
    """Return the column and the value of a slice's name: no column is all, no value the worst.

    Args:
        name: `COLUMN=VALUE`, `worst` or `worst:COLUMN`; an empty value is that of none.
        columns: Those that the set slices by.

    Raises:
        KeyError: It names no column of these.
    """
    if name == WORST:
        return None, None
    for column in sorted(columns, key=len, reverse=True):
        if name == f"{WORST}:{column}":
            return column, None
        if name.startswith(f"{column}="):
            return column, _as_compared(name[len(column) + 1 :])
    raise KeyError(column_name(name.removeprefix(f"{WORST}:").partition("=")[0]))
