"""Verdicts on marked points -> what they say of the judge, each figure with n and interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness.judge.gold_points import MarkedAnswer, PointGold
from harness.judge.passport_figures import SMOKE, reason_text
from harness.records import Figure, PointRuling, PointVerdict
from harness.spec.judgeset import PassportSpec, Per
from harness.stats.agreement import cohens_kappa
from harness.stats.clusters import clustered_share

MAX_UNSCORED = 0.02
"""Share of marked points without a verdict above which a set does not certify."""
CLASSES: tuple[str, str] = ("found", "left_out")
"""The figures that a demand is made on: of points that are met, and of those that are not."""
PointDoubt = Literal["small", "unscored", "one_sided", "found", "left_out"]

_Ruled = tuple[str, PointVerdict, PointRuling]


@dataclass(frozen=True, slots=True)
class PointSet:
    """What one file of marked answers says of a judge's verdicts on points.

    Attributes:
        name: Of the file.
        digest: SHA-256 of the file.
        n: Answers asked about, of `total` in the file.
        points: Points asked about; `scored` have a verdict.
        figures: By name, see `measure_points`.
        unscored: Points without a verdict, by reason.
    """

    name: str
    digest: str
    n: int
    total: int
    points: int
    scored: int
    figures: dict[str, Figure]
    unscored: dict[str, int] = field(default_factory=dict)

    @property
    def certifies(self) -> bool:
        """Whether it is more than a smoke test: large, verdicts or not, and a whole file."""
        return self.n >= SMOKE and self.n >= self.total


def measure_points(
    gold: PointGold, ruled: Sequence[tuple[MarkedAnswer, Sequence[PointRuling]]]
) -> PointSet:
    """Return what marked answers say of a judge; intervals go by answers, whose points correlate.

    - `found`: points that people call met, of those with a verdict, that the judge calls met.
    - `left_out`: points that people call not met, likewise, that the judge calls not met.
    - `agreement`: points with a verdict on which the judge says what people say.
    - `kappa`: Cohen's, of all points with a verdict; its interval takes them as independent.
    - `parse_rate`: points that have a verdict.
    - `quoted`: points that the judge calls met, or partly, whose quote stands in the answer; none
      where the judge's dialect has no quotes.

    Raises:
        ValueError: If there are no answers.
    """
    if not ruled:
        raise ValueError("a judge is measured on one marked answer at least")
    every: list[_Ruled] = [
        (answer.id, mark, ruling)
        for answer, rulings in ruled
        for (_, mark), ruling in zip(answer.marks, rulings, strict=True)
    ]
    scored = [one for one in every if one[2].verdict is not None]
    lost = Counter(reason_text(ruling) for _, _, ruling in every if ruling.verdict is None)
    found = {
        "found": _right(scored, "met"),
        "left_out": _right(scored, "not met"),
        "agreement": clustered_share([(a, mark == r.verdict) for a, mark, r in scored]),
        "kappa": _kappa(scored),
        "parse_rate": clustered_share([(a, r.verdict is not None) for a, _, r in every]),
        "quoted": clustered_share(
            [(a, r.found) for a, _, r in scored if r.value and r.found is not None]
        ),
    }
    return PointSet(
        name=gold.name,
        digest=gold.digest,
        n=len(ruled),
        total=len(gold.answers),
        points=len(every),
        scored=len(scored),
        figures={name: figure for name, figure in found.items() if figure is not None},
        unscored=dict(lost),
    )


def _right(scored: Sequence[_Ruled], verdict: PointVerdict) -> Figure | None:
    return clustered_share([(a, r.verdict == mark) for a, mark, r in scored if mark == verdict])


def _kappa(scored: Sequence[_Ruled]) -> Figure | None:
    people, judge = [mark for _, mark, _ in scored], [r.verdict or "" for _, _, r in scored]
    if len({*people, *judge}) < 2:
        return None
    found = cohens_kappa(people, judge)
    value = max(-1.0, min(1.0, found.value))
    return Figure(value, min(found.low, value), max(found.high, value), found.n)


def point_doubt(one: PointSet, demands: PassportSpec) -> PointDoubt | None:
    """Return why a set does not vouch for a judge's verdicts on points, or None.

    Both sides must reach the demand by the lower end of their interval: a judge that calls every
    point met finds all of them, and leaves out none.
    """
    if not one.certifies:
        return "small"
    if one.points - one.scored > MAX_UNSCORED * one.points:
        return "unscored"
    if any(name not in one.figures for name in CLASSES):
        return "one_sided"
    for name in ("found", "left_out"):
        if one.figures[name].low < demands.min_point_accuracy:
            return name
    return None


@dataclass(frozen=True, slots=True)
class PointPassport:
    """What is known of a judge's verdicts on points, and under which conditions.

    Attributes:
        rubric: Path of the rubric, and `digest` of the file.
        per: Whether a request asked about one point, or about all of an answer.
    """

    rubric: str
    digest: str
    per: Per
    sets: tuple[PointSet, ...]
