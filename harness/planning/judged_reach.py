"""What the gates of a judge set could decide, before there are answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.gates.judged import standing_figure
from harness.gates.plan_judged import PlannedJudgedGate
from harness.gates.threshold import half_width_detectable
from harness.planning.earlier import EarlierRun
from harness.records import Standing
from harness.spec.judgeset import ends_of
from harness.stats import clopper_pearson_interval, mde_proportion
from harness.stats.anytime import anytime_interval
from harness.stats.bradley_terry import win_rate
from harness.stats.clusters import cluster_proportion_interval
from harness.stats.planned import mde_counts

_SEEDS = 3
# Figures that are means over probes, and what they are means of.
_MEANS = {"score": "scores", "points": "shares of points"}
_Interval = Callable[[int], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class JudgedReach:
    """What a gate on a model of a judge set could show.

    Attributes:
        probes: Of the set; `answers` to all of them.
        far: Distance from the threshold that is decided in 80%; infinity where none is, None where
            it is not known before a run.
        basis: On what that rests, in words.
        undecidable: Why even a perfect result would be inconclusive, "" where it would not.
    """

    gate: PlannedJudgedGate
    probes: int
    answers: int
    far: float | None
    basis: str
    undecidable: str = ""


def judged_reach(gate: PlannedJudgedGate, last: EarlierRun | None) -> JudgedReach:
    """Return what a gate could show.

    Args:
        gate: The gate.
        last: The last run of its set, whose spread over probes stands in for that to come.
    """
    evalset = gate.cell.evalset
    probes, each = len(evalset.probes), evalset.answers.n
    far, basis = _far(gate, _standing(gate, last))
    return JudgedReach(gate, probes, probes * each, far, basis, judged_undecidable(gate))


def judged_undecidable(gate: PlannedJudgedGate) -> str:
    """Say why even a perfect result of a gate would be inconclusive, or return an empty string.

    Perfect is: all answers of the highest score, passed or won; for `at_most` the opposite.
    """
    evalset, spec = gate.cell.evalset, gate.spec
    probes, each = len(evalset.probes), evalset.answers.n
    least, greatest = ends_of(spec.figure)
    best = spec.bound == "at_least"
    counted = f"{probes} probe{'s' * (probes > 1)}"
    if spec.no_worse_than:
        # Equal answers of one system pass whatever their number, and one probe has no spread.
        return "one probe says nothing of how probes differ" if probes < 2 else ""
    if spec.figure == "unscored":
        counted = f"{probes * each} answers"
        low, high = clopper_pearson_interval(0, probes * each)
        if best:
            return ""
    elif spec.anytime:
        low, high = anytime_interval([float(best)] * probes)
        low, high = (least + (greatest - least) * end for end in (low, high))
    elif spec.figure in _MEANS:
        # Unlike values that are nearly the best tell more than equal ones: they show their spread.
        if probes > 1:
            return ""
        low, high = least, greatest
    elif spec.figure == "win_rate":
        low, high = _won(probes, each)(probes if best else 0)
    else:
        low, high = _passed(probes, each)(probes if best else 0)
    ends = [(low, high)]
    if spec.figure in ("pass_rate", "win_rate") and not spec.anytime and probes > 1:
        # Verdicts that differ show how they do: at best as much as if no two shared a probe.
        total = probes * each
        ends.append(clopper_pearson_interval(total if best else 0, total))
    if any(a >= spec.threshold if best else b <= spec.threshold for a, b in ends):
        return ""
    end, value = (low, "the best") if best else (high, "the least")
    side = "down" if best else "up"
    return f"with {counted} even {value} {spec.figure} has an interval {side} to {end:.3f}"


def _far(gate: PlannedJudgedGate, before: Standing | None) -> tuple[float | None, str]:
    evalset, spec = gate.cell.evalset, gate.spec
    probes, each = len(evalset.probes), evalset.answers.n
    if spec.no_worse_than:
        return None, "not known before a run, which shows how far probes differ from the baseline's"
    if spec.figure == "unscored":
        return mde_proportion(probes * each, spec.threshold), "exact"
    least, greatest = ends_of(spec.figure)
    found = standing_figure(before, spec.figure, anytime=spec.anytime) if before else None
    # Where all are alike, there is no spread to go by.
    if before and found and before.probes > 1 and found.value not in (least, greatest):
        scale = math.sqrt(before.probes / probes)
        most = max(greatest - spec.threshold, spec.threshold - least)
        far = half_width_detectable(found.low * scale, found.high * scale, most=most)
        return far, "as in the last run"
    if spec.anytime:
        return None, "not known before a run, as its interval goes by the order of the probes"
    if spec.figure in _MEANS:
        differ = f"{_MEANS[spec.figure]} differ between probes"
        return None, f"not known before a run, which shows how {differ}"
    interval = _won(probes, each) if spec.figure == "win_rate" else _passed(probes, each)
    return mde_counts(interval, probes, spec.threshold), "all answers to a probe alike, assumed"


def _standing(gate: PlannedJudgedGate, last: EarlierRun | None) -> Standing | None:
    if last is None:
        return None
    wanted = gate.cell.path, gate.cell.model
    found = last.run.judged.standings
    return next((one for one in found if (one.evalset, one.model) == wanted), None)


def _passed(probes: int, each: int) -> _Interval:
    """Return the interval of a pass rate by how many probes pass, all answers to one alike."""

    def interval(right: int) -> tuple[float, float]:
        if probes < 2:
            return clopper_pearson_interval(right, probes)
        return cluster_proportion_interval(*_alike(right, probes, each))

    return interval


def _won(probes: int, each: int) -> _Interval:
    """Return the interval of a win rate by how many probes are won, all answers to one alike.

    It is resampled, and goes a little by which probes are won: of a few draws the wider counts.
    """

    def interval(right: int) -> tuple[float, float]:
        values, clusters = _alike(right, probes, each)
        points = [float(one) for one in values]
        found = [win_rate(points, clusters, seed=seed) for seed in range(_SEEDS)]
        return min(one.low for one in found), max(one.high for one in found)

    return interval


def _alike(right: int, probes: int, each: int) -> tuple[Sequence[bool], Sequence[int]]:
    places = [probe for probe in range(probes) for _ in range(each)]
    return [probe < right for probe in places], places
