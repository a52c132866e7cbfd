"""What is required of a run, what became of it, and what changed against the last accepted run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.reasons import Reason
from harness.records.results import Figure

Verdict = Literal["pass", "fail", "inconclusive"]
SliceProblem = Literal["", "absent", "unscored", "undefined"]
Bound = Literal["at_least", "at_most", "no_worse_than", "better_than"]
Tier = Literal["critical", "advisory"]
"""Whether a gate that fails makes the run fail, or is only told."""
TIERS: tuple[Tier, Tier] = ("critical", "advisory")
Treatment = Literal["wording", "shots", "weights", "adapter", "engine", "dtype", "thinking",
                    "template", "extensions", "sampling", "answers"]  # fmt: skip
"""What may differ between a cell and its baseline while the two are compared."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One figure of two sides on the samples that both scored; second minus first.

    Attributes:
        first: The figure of the other side, a cell or a baseline.
        second: The figure of the side that is judged.
        low: Lower end of the difference's 95% interval; `high` the upper one.
        p: Two-sided p-value of no difference.
        lost: Samples that only the first side has right; `won` those of the second (0 for AUC).
        n: Paired samples; `left_out` lack a score on one side or both.
        detectable: True difference that such pairs would show in four of five runs, None where
            no pair differs.
    """

    figure: str
    first: float
    second: float
    low: float
    high: float
    p: float
    lost: int
    won: int
    n: int
    left_out: int
    detectable: float | None

    @property
    def value(self) -> float:
        """Second minus first."""
        return self.second - self.first


@dataclass(frozen=True, slots=True)
class Look:
    """One of the looks over which a gate on a baseline spreads its chance of a false alarm.

    Attributes:
        planned: How many looks there are to be.
        alpha: One-sided error that this one spends.
        end: End of the difference's interval with this error: the upper one, of a figure that
            should be small the lower one. Beyond 0 a loss is shown.
        count: The how manieth different result this is that the baseline was compared with, as far
            as this machine knows; 0 where it does not.
    """

    planned: int
    alpha: float
    end: float
    count: int = 0


@dataclass(frozen=True, slots=True)
class GateSlice:
    """What a gate on a slice has judged.

    Attributes:
        asked: As the eval set names it: `topic=sport`, `worst`, `worst:topic`.
        column: Of the slice that is named, "" where there is none.
        value: Its value; "" for none, and for `other`.
        kind: As of `harness.figures.slices.Part`.
        of: Slices of which it is the worst, 0 for one that the gate names.
        samples: Of the slice.
        figure: Of the slice; the interval of the worst is simultaneous over all of them. None for a
            comparison, and where there is none.
        unscored: Its samples that do not enter the figure.
        problem: Why there is nothing to judge: `absent` has no samples in this run, `unscored` too
            many without a verdict, `undefined` not the figure; "" otherwise.
    """

    asked: str
    column: str = ""
    value: str = ""
    kind: Literal["value", "nothing", "other"] = "value"
    of: int = 0
    samples: int = 0
    figure: Figure | None = None
    unscored: int = 0
    problem: SliceProblem = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """A requirement on one figure of one cell, and what became of it.

    Attributes:
        figure: Name of the figure, a key of `Row.figures`, or `unscored`.
        threshold: The threshold, or the margin of a comparison.
        verdict: `inconclusive` when the interval straddles the threshold.
        failed: Whether the gate's item fails, as the eval set says; never of an advisory one.
        line: The verdict in words, with n and interval.
        id: Name of the pytest item.
        against: The cell that is compared with, or `baseline`; empty for a threshold.
        contrast: The comparison, None for a threshold and where nothing could be compared.
        detectable: Distance from the threshold that such samples would show in four of five runs.
        on_inconclusive: What becomes of an inconclusive gate.
        slice: What was judged of a gate on a slice, None of one on all samples.
        treatment: What differs from the baseline that is compared with.
        former: The cell whose baseline that is, empty for the gated cell's own.
        reason: Why there is nothing to judge or too little, None where its interval decides.
        look: Which look it is, None of a gate that plans none.
        anytime: Whether its interval holds at all numbers of probes.
        tier: Whether the run fails by it.
    """

    evalset: str
    cell: str
    figure: str
    bound: Bound
    threshold: float
    verdict: Verdict
    failed: bool
    line: str
    id: str = ""
    against: str = ""
    contrast: Contrast | None = None
    detectable: float | None = None
    on_inconclusive: Literal["pass", "warn", "fail"] = "warn"
    slice: GateSlice | None = None
    treatment: tuple[Treatment, ...] = ()
    former: str = ""
    reason: Reason | None = None
    look: Look | None = None
    anytime: bool = False
    tier: Tier = "critical"


@dataclass(frozen=True, slots=True)
class Flip:
    """A sample that is right on one side and wrong on the other, with both answers.

    Of several runs it is right, or wrong, in all of them, and the answer is that of the first.
    """

    sample: str
    target: str
    before: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class SliceContrast:
    """A slice against the same samples of another side.

    Attributes:
        kind: As of `harness.figures.slices.Part`.
        contrast: Its interval is simultaneous over all slices of the two sides.
        adjusted: Its p-value after Holm's correction over them.
    """

    column: str
    value: str
    kind: Literal["value", "nothing", "other"]
    contrast: Contrast
    adjusted: float


@dataclass(frozen=True, slots=True)
class BaselineCheck:
    """A cell against its committed baseline.

    Attributes:
        refused: Why the two cannot be compared, None where they can.
        former: The cell whose baseline it is, empty for the cell's own.
        treatment: What else differs and may be the cause, by name.
        changed: Of these, what each was and is, but for prompts and shots, which have digests only.
        contrasts: One a figure.
        lost: Samples that were right and are wrong; `won` the other way round.
        slices: The cell's slices, by the figure that they are tested by.
        runs: Of which the baseline is made.
        written: Day on which it was written, such as `2026-11-29`; "" where that was not kept.
        varied: Share of samples whose answers differ between two of its runs, the mean over all
            pairs of runs; None of a single run.
        looks: With how many different results it has been compared, these among them, as far as
            this machine knows; 0 where it does not.
    """

    evalset: str
    cell: str
    refused: Reason | None = None
    former: str = ""
    treatment: tuple[Treatment, ...] = ()
    changed: tuple[str, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    lost: tuple[Flip, ...] = ()
    won: tuple[Flip, ...] = ()
    slices: tuple[SliceContrast, ...] = ()
    runs: int = 1
    written: str = ""
    varied: float | None = None
    looks: int = 0
