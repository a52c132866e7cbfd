"""What is found of the slices of cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import computed_field

from harness.analysis.cell_findings import ALPHA
from harness.figures.slices import PartKind
from harness.records import Figure


@dataclass(frozen=True, slots=True)
class SliceFigures:
    """One slice of a cell.

    Attributes:
        column: What it is sliced by: a column of the data, or `length`.
        value: Of its samples; "" for those that have none, and for `other`.
        kind: `nothing` has no value in the column; `other` holds the values of too few samples.
        values: How many values it holds.
        samples: Its samples; `n` of them have a verdict, `unscored` have none.
        figures: Those that its samples define, by name, each with its own 95% interval; none that
            is infinite.
        adjusted: The p-value of its rate being that of the cell's other samples, after Holm's
            correction over all tests of the cell.
        below: Whether its rate is lower than that of the others.
    """

    column: str
    value: str
    kind: PartKind
    values: int
    samples: int
    n: int
    unscored: int
    figures: Mapping[str, Figure]
    adjusted: float
    below: bool

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def deviates(self) -> bool:
        """Whether it is shown to deviate from the cell's other samples."""
        return self.adjusted < ALPHA


@dataclass(frozen=True, slots=True)
class SlicedCell:
    """The slices of one cell.

    Attributes:
        figure: By which they are tested, and of which the worst is the worst.
        slices: By column.
        columns: By column the p-value of all its slices having one rate, adjusted likewise.
        worst: Place of the slice with the least figure, None where no slice has it.
        interval: The worst slice's figure, its interval simultaneous over all slices.
        p: The least adjusted p-value of the cell.
        adjusted: That, after Holm's correction over all cells of the run.
    """

    evalset: str
    cell: str
    figure: str
    slices: tuple[SliceFigures, ...]
    columns: Mapping[str, float]
    worst: int | None
    interval: Figure | None
    p: float
    adjusted: float = 1.0

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def differ(self) -> bool:
        """Whether its slices are shown to differ."""
        return self.adjusted < ALPHA
