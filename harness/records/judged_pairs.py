"""A judged model beside itself in another run: what its figures rest on, and what has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.reasons import Reason
from harness.records.gates import Contrast, Treatment
from harness.records.provenance import Provenance

PairedFigure = Literal["points", "score", "pass_rate"]
"""The figures of a judged model that are compared with another run's, the most telling first."""


@dataclass(frozen=True, slots=True)
class JudgedBasis:
    """What a judged model's figures rest on.

    Attributes:
        provenance: Of the answers; `data` and `scoring` are digests of `probes` and `scale`.
        sampling: How answers were drawn, as JSON, but for their number and seeds.
        scale: What scores are measured with, in words by name: each judge's weights, engine and
            manner, and digests of the rubrics. Scores of two scales cannot be compared.
        probes: By id a digest of question, points and weights, in their order.
        judged_by: By judge the version of its engine and the device, which make no other scale.
        passing: Score from which an answer counts as good; None where nothing is scored.
    """

    evalset: str
    model: str
    provenance: Provenance
    sampling: str
    scale: Mapping[str, str]
    probes: Mapping[str, str]
    judged_by: Mapping[str, str] = field(default_factory=dict)
    passing: float | None = None


@dataclass(frozen=True, slots=True)
class ProbeMove:
    """A probe whose mean became better or worse; in units of the figure."""

    probe: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class PointMove:
    """A point that a model gained or lost; `before` and `after` are means over answers, 0 to 1."""

    probe: str
    place: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A judged model against another run of the same probes, probe by probe.

    Attributes:
        refused: Why the two cannot be compared, None where they can.
        former: The model of the other run, empty where it has the same name.
        treatment: What differs between them, by name; `changed` what each was and is.
        contrasts: One a figure that both have, of the probes' means; `n` and `left_out` count
            probes, `lost` and `won` those that became worse and better.
        unscored: By figure, the share of the other run's answers that have no verdict.
        figure: The figure of `worse` and `better`, None where nothing could be paired.
        gained: Points met by at least half of the answers more, `lost` by half less, of those that
            count against an answer the other way round; of `points` that can be compared.
        written: Day on which the baseline was written, "" of a run.
        looks: With how many different results the baseline has been compared, these among them, as
            far as this machine knows; 0 where it does not.
    """

    evalset: str
    model: str
    refused: Reason | None = None
    former: str = ""
    treatment: tuple[Treatment, ...] = ()
    changed: tuple[str, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    unscored: Mapping[str, float] = field(default_factory=dict)
    figure: PairedFigure | None = None
    worse: tuple[ProbeMove, ...] = ()
    better: tuple[ProbeMove, ...] = ()
    gained: tuple[PointMove, ...] = ()
    lost: tuple[PointMove, ...] = ()
    points: int = 0
    written: str = ""
    looks: int = 0
