"""A gate as users write it: a requirement on a figure of the cells that a pattern matches."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness.records import Bound
from harness.spec.base import Name, Strict, Word, complain

BASELINE = "baseline"
_PAIRED = ("accuracy", "calibrated_accuracy", "auc")


class OtherCell(Strict):
    """The gated cell with other parts: what is not given here is the gated cell's own.

    Attributes:
        mode: As in cell ids: `zeroshot`, `fewshot5-chat-s0`.
    """

    model: Name | None = None
    prompt: Name | None = None
    mode: Word | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise complain("names no other part; write model, prompt or mode")
        return self


class GateSpec(Strict):
    """A requirement on one figure of the cells whose id matches a shell pattern.

    Attributes:
        no_worse_than: What the figure is compared with, sample by sample: `baseline`, the id of a
            cell, or the parts in which the other cell differs; `better_than` likewise.
        by: Margin of a comparison in units of the figure: the loss that is put up with, or the
            gain that is asked for.
        on_inconclusive: What becomes of a gate whose interval straddles the threshold.
        max_unscored: Fraction of samples without a verdict, or left out of the pairs, above which
            the gate fails.
    """

    cells: str = "*"
    figure: Literal[
        "accuracy", "calibrated_accuracy", "contextual_accuracy", "auc", "label_mass", "unscored"
    ]
    at_least: float | None = None
    at_most: float | None = None
    no_worse_than: Word | OtherCell | None = None
    better_than: Word | OtherCell | None = None
    by: Annotated[float, Field(ge=0, le=1)] = 0.0
    on_inconclusive: Literal["pass", "warn", "fail"] = "warn"
    max_unscored: Annotated[float, Field(ge=0, le=1)] = 0.02

    @model_validator(mode="after")
    def _one(self) -> Self:
        bounds = (self.at_least, self.at_most, self.no_worse_than, self.better_than)
        if sum(bound is not None for bound in bounds) != 1:
            raise complain("needs exactly one of at_least, at_most, no_worse_than and better_than")
        if self.other is None and "by" in self.model_fields_set:
            raise complain("'by' belongs to no_worse_than and better_than; move it into the "
                           "threshold")  # fmt: skip
        if self.other is not None and self.figure not in _PAIRED:
            raise complain(f"{self.figure} cannot be compared; compare {', '.join(_PAIRED)}")
        if not 0 <= self.threshold <= 1:
            raise complain(f"{self.bound} {self.threshold:g} is no {self.figure}, which goes from "
                           "0 to 1")  # fmt: skip
        return self

    @property
    def bound(self) -> Bound:
        """Which of the four requirements it is."""
        if self.at_least is not None:
            return "at_least"
        if self.at_most is not None:
            return "at_most"
        return "no_worse_than" if self.no_worse_than is not None else "better_than"

    @property
    def other(self) -> str | OtherCell | None:
        """What is compared with, None for a threshold."""
        return self.no_worse_than if self.no_worse_than is not None else self.better_than

    @property
    def threshold(self) -> float:
        """The threshold, or the margin of a comparison."""
        if self.at_least is not None:
            return self.at_least
        return self.at_most if self.at_most is not None else self.by
