"""A gate as users write it: a requirement on a figure of the cells that a pattern matches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from harness.figures import FIGURES, figure_kind, gated, paired
from harness.records import Bound, Tier
from harness.spec.base import Name, Strict, Word, complain
from harness.spec.slicespec import SliceName
from harness.suggest import did_you_mean

BASELINE = "baseline"


def checked_figure(name: str) -> str:
    """Return the name of a figure that a gate or `figures` may give.

    Raises:
        PydanticCustomError: There is none of this name.
    """
    try:
        kind, _ = figure_kind(name)
    except KeyError:
        kind = None
    except ValueError as error:
        raise complain(str(error)) from error
    if kind is None or not kind.gated:
        known = gated()
        hint = did_you_mean(name.partition(":")[0], known, f"write one of {', '.join(known)}")
        raise complain(f"'{name}' is not a figure; {hint}")
    return name


_ARGUMENTS = {"": "", "label": ":.+", "budget": r":0?\.\d+"}


class _FigureSchema:
    """Gives the JSON Schema of a figure's name, by the figures that there are when it is made."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        known = "|".join(name + _ARGUMENTS[FIGURES[name].argument] for name in gated())
        return {"type": "string", "pattern": f"^({known})$"}


FigureName = Annotated[str, AfterValidator(checked_figure), _FigureSchema()]


def on_inconclusive_default(keys: Mapping[str, object]) -> Literal["warn", "fail"]:
    """Return what becomes of an inconclusive gate by default, by its keys that were read before."""
    if keys.get("tier") == "advisory":
        return "warn"
    once = keys.get("no_worse_than") is not None and keys.get("looks") is None
    return "fail" if once else "warn"


def check_tier(tier: Tier, on_inconclusive: str) -> None:
    """Refuse a gate that fails nothing and is to fail where it is inconclusive.

    Raises:
        PydanticCustomError: It is both.
    """
    if tier == "advisory" and on_inconclusive == "fail":
        raise complain("an advisory gate fails nothing, so it cannot fail where it is "
                       "inconclusive; leave on_inconclusive out, or make it critical")  # fmt: skip


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
        by: Margin of a comparison in units of the figure: the loss that is tolerated, or the
            gain that is asked for.
        looks: How often the baseline will be looked at, such as 250 for the working days of a year:
            the chance of a false alarm is spread over them, see `harness.gates.looks`.
        on_inconclusive: What becomes of a gate whose interval straddles the threshold: by default
            `fail` of `no_worse_than`, which else would accept what it has not shown, and `warn` of
            the others and where `looks` are planned.
        max_unscored: Fraction of samples without a verdict, or left out of the pairs, above which
            the gate fails.
        slice: The slice whose samples are judged, such as `topic=sport`; `worst` is the worst of
            all slices, `worst:topic` that of a column.
        tier: `advisory` is judged and told, and fails nothing.
    """

    cells: str = "*"
    figure: FigureName
    slice: SliceName | None = None
    at_least: float | None = None
    at_most: float | None = None
    no_worse_than: Word | OtherCell | None = None
    better_than: Word | OtherCell | None = None
    by: Annotated[float, Field(ge=0)] = 0.0
    looks: Annotated[int, Field(ge=1)] | None = None
    # Before what it is the default of.
    tier: Tier = "critical"
    on_inconclusive: Annotated[
        Literal["pass", "warn", "fail"], Field(default_factory=on_inconclusive_default)
    ]
    max_unscored: Annotated[float, Field(ge=0, le=1)] = 0.02

    @model_validator(mode="after")
    def _one(self) -> Self:
        check_tier(self.tier, self.on_inconclusive)
        bounds = (self.at_least, self.at_most, self.no_worse_than, self.better_than)
        if sum(bound is not None for bound in bounds) != 1:
            raise complain("needs exactly one of at_least, at_most, no_worse_than and better_than")
        if self.other is None and "by" in self.model_fields_set:
            raise complain("'by' belongs to no_worse_than and better_than; move it into the "
                           "threshold")  # fmt: skip
        if self.looks is not None and self.no_worse_than != BASELINE:
            raise complain("'looks' belongs to no_worse_than: baseline, which is compared with day "
                           "after day; leave it out")  # fmt: skip
        kind, _ = figure_kind(self.figure)
        if self.other is not None and kind.compare is None:
            raise complain(f"{self.figure} cannot be compared; compare {', '.join(paired())}")
        if self.other is not None and self.by > kind.span:
            raise complain(f"by: {self.by:g} is more than {self.figure} can differ; it goes from "
                           f"{kind.lowest:g} to {kind.highest:g}")  # fmt: skip
        if self.other is None and not kind.lowest <= self.threshold <= kind.highest:
            raise complain(f"{self.bound} {self.threshold:g} is out of range: {self.figure} goes "
                           f"from {kind.lowest:g} to {kind.highest:g}")  # fmt: skip
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
