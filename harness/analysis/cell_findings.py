"""What is found of the cells of labelled sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, computed_field

from harness.records import Contrast, Figure, Row
from harness.stats.paired import Difference
from harness.stats.seed_spread import Spread

Kind = Literal[
    "shots",
    "placement",
    "wording",
    "calibration",
    "contextual",
    "selector",
    "order",
    "thinking",
    "trained",
    "best",
    "model",
]
Family = Literal["primary", "secondary", "gate", "models", "draws", "baselines"]
"""Which tests a p-value is adjusted for: of a question by the set's primary figure, or by all other
figures; none, where a gate had declared the test; or, by Holm's method, those of one section."""
ALPHA = 0.05
"""A difference is called one where its adjusted p-value is below."""


def cell_name(row: Row) -> str:
    """Return what a cell is called in `findings.json`: its eval set and its id."""
    return f"{row.evalset}::{row.cell}"


def _known(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    rows = info.context or {}
    if value not in rows:
        raise ValueError(f"no row is called {value!r}")
    return rows[value]


CellRef = Annotated[
    Row,
    PlainSerializer(cell_name, return_type=str),
    BeforeValidator(_known, json_schema_input_type=str),
]
"""A row of the findings; in the file its name, `<eval set>::<cell>`."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two cells on the samples that both have scored.

    Attributes:
        kind: `shots` is few-shot against zero-shot; `placement` one place of the shots against
            another; `wording` the best prompt against its nearest rival; `calibration` a cell's
            calibrated answers against its raw ones, `contextual` those of contextual calibration;
            `selector` is a way of choosing shots against the balanced (or random) one; `order` one
            order of shots against another; `thinking` one setting of it against `off` or the first;
            `model` a model against one named before it; `trained` a model's best cell against a
            classifier that was trained on the same set, or an encoder; `best` its best few-shot
            cell against its best zero-shot cell where no `shots` compares them.
        figure: What is compared: `accuracy`, `calibrated_accuracy`, `auc`.
        difference: Of the two by themselves; its p-value and interval are not adjusted.
        left_out: Samples that lack a score on one side or both.
        low: Lower end of the 95% interval, `high` the upper one: with those of the family's other
            tests, all hold at once. They leave out 0 where `adjusted` is below 0.05, and only
            there, but for a gate's.
        adjusted: The p-value among the tests of its family, or a gate's own.
        chosen_of: Cells or pairs of which this one is the best; all are in the family.
        draws: Draws of shots that each side is the mean of; its row is that of the first.
        spread: Least and greatest difference of two single draws; None if there is one pair.
        primary: Whether the set's verdicts go by this figure.
        tests: Number of the family's tests.
    """

    kind: Kind
    first: CellRef
    second: CellRef
    figure: str
    difference: Difference
    left_out: int
    low: float = -1.0
    high: float = 1.0
    adjusted: float = 1.0
    chosen_of: int = 1
    draws: tuple[int, int] = (1, 1)
    spread: tuple[float, float] | None = None
    primary: bool = True
    family: Family = "primary"
    tests: int = 1

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def value(self) -> float:
        """Second minus first."""
        return self.difference.value

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def sign(self) -> int:
        """1 if the second is shown to be better, -1 if worse, 0 if no difference is shown."""
        if self.adjusted >= ALPHA or self.difference.value == 0:
            return 0
        return 1 if self.difference.value > 0 else -1


@dataclass(frozen=True, slots=True)
class Best:
    """The best zero-shot and few-shot cell of one model on one eval set.

    Attributes:
        figure: The set's primary one, by which they are chosen and compared.
        bare: The zero-shot cell; None if the model has none that was scored.
        shown: The few-shot cell, likewise.
        comparison: Of the two, None where one is missing or they share no scored sample.
    """

    evalset: str
    model: str
    figure: str
    bare: CellRef | None
    shown: CellRef | None
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """A figure of several draws or trainings: mean, least, greatest, standard deviation."""

    mean: float
    low: float
    high: float
    sd: float


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """How much of the spread of an accuracy over draws is more than chance.

    Attributes:
        adjusted: The p-value after Holm's correction over all spreads of the run.
    """

    figure: str
    spread: Spread
    adjusted: float
    family: Family = "draws"

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def shown(self) -> bool:
        """Whether the draws are shown to differ."""
        return self.adjusted < ALPHA


@dataclass(frozen=True, slots=True)
class Draws:
    """The cells of one mode or classifier that differ in the seed alone.

    Attributes:
        figures: Those that all of them have, by name.
        spreads: One an accuracy, on the samples that all of them have scored.
    """

    rows: tuple[CellRef, ...]
    figures: Mapping[str, OverSeeds]
    spreads: tuple[SeedSpread, ...]


@dataclass(frozen=True, slots=True)
class BaselineDifference:
    """A figure of a cell against its committed baseline.

    Attributes:
        contrast: Its `detectable` is None where no pairs could show a difference, too.
        adjusted: The p-value after Holm's correction over all baselines of the run.
        at_look: Whether one of the looks that a gate plans shows a difference; None where no gate
            plans any.
    """

    evalset: str
    cell: str
    contrast: Contrast
    adjusted: float
    family: Family = "baselines"
    at_look: bool | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def shown(self) -> bool:
        """Whether a difference is shown: where a gate plans looks, as the gate sees it."""
        return self.adjusted < ALPHA if self.at_look is None else self.at_look


CautionKind = Literal["worse", "guesses", "mass", "unscored", "system"]


@dataclass(frozen=True, slots=True)
class Caution:
    """Cells of a model whose figures are to be read with caution.

    Attributes:
        kind: `worse` ranks worse than chance, `guesses` is not shown to rank better, `mass` would
            hardly write its labels, `unscored` lacks a verdict for too many samples, `system` has
            a system text of the chat template's own, which other cells of the model have not.
        total: How many cells the model has.
        above: How many of these are shown to rank better than chance.
    """

    kind: CautionKind
    evalset: str
    model: str
    rows: tuple[CellRef, ...]
    total: int = 0
    above: int = 0


@dataclass(frozen=True, slots=True)
class Guessing:
    """A cell of three labels or more against the answer that would be right most often.

    Attributes:
        label: The commonest target of the cell's scored samples, `share` its share.
        difference: Raw accuracy minus that share, by pairs.
        adjusted: p after Holm's correction over the cells of the eval set.
    """

    row: CellRef
    label: str
    share: float
    difference: Difference
    adjusted: float

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def above(self) -> bool:
        """Whether the cell is shown to be right more often."""
        return self.adjusted < ALPHA and self.difference.value > 0


@dataclass(frozen=True, slots=True)
class Untrained:
    """A cell or judged model with and without what adapters of its set were trained on.

    Attributes:
        name: The cell's id, or the judged model.
        trained: Whether it is one of these adapters.
        left_out: Of its samples or probes, `total` in all.
        figure: The one that verdicts go by; "" where it has none.
        before: Its figures on all samples, `after` those on the rest, where that defines them.
    """

    evalset: str
    name: str
    trained: bool
    left_out: int
    total: int
    figure: str
    before: Mapping[str, Figure]
    after: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Overused:
    """The label that a cell answers far more often than it is the target."""

    row: CellRef
    label: str
    share: float
    target: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A confident wrong answer: of a sample, the one that stands furthest above the right one.

    Attributes:
        scored: Cells that have a verdict on the sample, `wrong` of them a wrong one.
    """

    evalset: str
    cell: str
    sample: str
    scored: int
    wrong: int
