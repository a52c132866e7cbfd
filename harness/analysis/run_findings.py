"""What is found of two runs, A and B, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import computed_field

from harness.analysis.cell_findings import ALPHA
from harness.analysis.flips import Flips
from harness.analysis.judged_findings import ModelChange, Trust
from harness.reasons import Reason
from harness.records import JudgedPair, Treatment


@dataclass(frozen=True, slots=True)
class Effect:
    """How B differs from A in a figure; B minus A.

    Attributes:
        first: The figure of A, `second` that of B, on the samples that both have it for.
        low: Lower end of the 95% interval, `high` the upper one; for several cells they hold at
            once.
        p: Two-sided p-value of no difference, of a cell among those of all cells.
    """

    first: float
    second: float
    low: float
    high: float
    p: float

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def value(self) -> float:
        """B minus A."""
        return self.second - self.first

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def sign(self) -> int:
        """1 if B is shown to be better, -1 if worse, 0 if no difference is shown."""
        if self.p >= ALPHA or self.value == 0:
            return 0
        return 1 if self.value > 0 else -1


@dataclass(frozen=True, slots=True)
class CellPair:
    """A cell of run A and one of run B on the same samples.

    Attributes:
        first: The cell of A, `second` that of B.
        figure: The primary figure of the set in B.
        effect: None where no sample can be paired by the figure.
        lost: Samples that are right in A alone, by the figure's answers; of an AUC, by raw ones.
        won: Likewise in B alone.
        n: Paired samples; `left_out` lack the figure on one side or both.
        flips: Of the raw answers.
        treatment: What differs, by name.
        changed: Of this, what each was and is, as far as there is more than a digest.
        known: Whether both runs say what they rest on; if not, more may differ than is named.
    """

    evalset: str
    first: str
    second: str
    figure: str
    effect: Effect | None
    lost: int
    won: int
    n: int
    left_out: int
    flips: Flips
    treatment: tuple[Treatment, ...]
    changed: tuple[str, ...]
    known: bool = True


@dataclass(frozen=True, slots=True)
class ModelPair:
    """A judged model of run A and one of run B on the same probes, under the same judge.

    Attributes:
        trust: What the scores are worth in the worse of both runs; nothing is claimed of others
            than `trusted` ones.
        pair: What has changed.
        changes: Its figures, p-values adjusted over all judged models.
    """

    trust: Trust
    pair: JudgedPair
    changes: tuple[ModelChange, ...]


@dataclass(frozen=True, slots=True)
class PooledPairs:
    """The mean over all cells of an eval set.

    Attributes:
        differ: P-value that all cells have one true difference; None where it is not known.
    """

    evalset: str
    figure: str
    cells: int
    effect: Effect
    differ: float | None


@dataclass(frozen=True, slots=True)
class RefusedPair:
    """Two cells, or two judged models, that cannot be compared, and why."""

    evalset: str
    first: str
    second: str
    why: Reason

    @computed_field  # type: ignore[prop-decorator]  # pydantic's, for the file
    @property
    def reason(self) -> str:
        """The reason in English."""
        return self.why.text


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Run B against run A.

    Attributes:
        first: Id of run A, `second` that of run B.
        only_first: Cells and judged models of A that stand against none, by eval set and id;
            `only_second` of B.
        extensions: What differs in registered code, in words.
        models: Judged models of B that stand against one of A.
        points: The points of their probes as B has them, by eval set and probe.
    """

    first: str
    second: str
    pairs: tuple[CellPair, ...] = ()
    pooled: tuple[PooledPairs, ...] = ()
    refused: tuple[RefusedPair, ...] = ()
    only_first: tuple[tuple[str, str], ...] = ()
    only_second: tuple[tuple[str, str], ...] = ()
    extensions: tuple[str, ...] = ()
    models: tuple[ModelPair, ...] = ()
    points: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
