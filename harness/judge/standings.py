"""Judged answers and pairs -> one line a model, with intervals over probes; pure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain

from harness.judge.error_rates import JudgeErrors
from harness.reasons import Reason
from harness.records import Figure, JudgedAnswer, PairResult, ProbeResult, Standing
from harness.spec.judgeset import HIGHEST, LOWEST, JudgeSet
from harness.stats.agreement import krippendorff_alpha
from harness.stats.anytime import anytime_interval
from harness.stats.bradley_terry import Comparison, bradley_terry_strengths, win_rate
from harness.stats.clusters import (
    cluster_interval,
    cluster_proportion_interval,
    effective_number,
)
from harness.stats.corrected_rate import GoldCounts, judged_rate
from harness.stats.intervals import (
    bounded_mean_interval,
    clopper_pearson_interval,
    equal_values_interval,
    lumped,
)

# How many independent answers those to a single probe tell as much as of other probes.
_ALONE = 0.01
# Below this, a difference of scores is one of rounding.
_NO_WIDTH = 1e-9


def standings(
    evalset: JudgeSet,
    path: str,
    results: Sequence[ProbeResult],
    pairs: Sequence[PairResult],
    *,
    errors: JudgeErrors | None = None,
) -> list[Standing]:
    """Return the line of every model that has results, in the order of the set.

    Args:
        evalset: The set.
        path: Its file, relative to the root.
        results: Of all models and probes.
        pairs: Of all models against the reference.
        errors: Of the judges on gold pairs; None where their rates are not corrected.
    """
    powers = _strengths(pairs)
    return [
        _standing(
            evalset,
            path,
            model,
            [result for result in results if result.model == model],
            [p for p in pairs if (p.model, p.against) == (model, evalset.reference)],
            errors=errors,
            strength=powers.get(model),
        )
        for model in evalset.models
        if any(result.model == model for result in results)
    ]


def _standing(
    evalset: JudgeSet,
    path: str,
    model: str,
    results: Sequence[ProbeResult],
    pairs: Sequence[PairResult],
    *,
    errors: JudgeErrors | None,
    strength: Figure | None,
) -> Standing:
    scores = [(result.probe, score) for result in results for score in result.scores]
    shares = [(result.probe, share) for result in results for share in result.shares]
    scaled = evalset.judge.rubric is not None
    reasons = Counter(
        _reason(a, scaled=scaled)
        for result in results
        for a in result.answers
        if (a.score if scaled else a.share) is None
    )
    n = len(scores if scaled else shares)
    spreads = [statistics.stdev(result.scores) for result in results if len(result.scores) > 1]
    return Standing(
        evalset=path,
        model=model,
        probes=len(results),
        n=n,
        unscored=reasons.total(),
        reasons=dict(reasons),
        figures=figures_of(results, pairs, passing=evalset.judge.passing, errors=errors),
        spread=statistics.mean(spreads) if spreads else None,
        strength=strength,
        pairs=(n + reasons.total()) * len({pair.judge for pair in pairs}),
        of_probes=len(evalset.probes),
        anytime=_anytime([probe.id for probe in evalset.probes], scores, shares, pairs,
                         evalset.judge.passing),
    )  # fmt: skip


def figures_of(
    results: Sequence[ProbeResult],
    pairs: Sequence[PairResult],
    *,
    passing: float,
    errors: JudgeErrors | None = None,
) -> dict[str, Figure]:
    """Return the figures of a model on some probes.

    Args:
        results: The model's.
        pairs: Of the model against the reference, on the same probes.
        passing: Score from which an answer counts as good.
        errors: See `standings`.
    """
    scores = [(result.probe, score) for result in results for score in result.scores]
    shares = [(result.probe, share) for result in results for share in result.shares]
    return _scored(scores, passing, errors) | _covered(shares) | _won(pairs, errors)


def _anytime(
    order: Sequence[str],
    scores: Sequence[tuple[str, float]],
    shares: Sequence[tuple[str, float]],
    pairs: Sequence[PairResult],
    passing: float,
) -> dict[str, Figure]:
    """Return the figures of a model as means over probes, in the order of the set."""
    span = HIGHEST - LOWEST
    values: dict[str, list[tuple[str, float]]] = {
        "score": [(probe, (score - LOWEST) / span) for probe, score in scores],
        "points": list(shares),
        "pass_rate": [(probe, float(score >= passing)) for probe, score in scores],
        "win_rate": [(pair.probe, pair.points) for pair in pairs if pair.points is not None],
    }
    found: dict[str, Figure] = {}
    for name, own in values.items():
        by_probe = _by_probe(own)
        means = [statistics.fmean(by_probe[probe]) for probe in order if probe in by_probe]
        if not means:
            continue
        value, (low, high) = statistics.fmean(means), anytime_interval(means)
        if name == "score":
            value, low, high = (LOWEST + span * one for one in (value, low, high))
        found[name] = Figure(value, low, high, len(own))
    return found


def jury_agreement(results: Sequence[ProbeResult]) -> Figure | None:
    """Return Krippendorff's alpha of the judges' scores; None where it is not defined."""
    answers = [(result.probe, answer) for result in results for answer in result.answers]
    judges = {judge for _, answer in answers for judge in answer.rulings}
    ratings = [
        [answer.rulings[judge].value if judge in answer.rulings else None for judge in judges]
        for _, answer in answers
    ]
    try:
        return krippendorff_alpha(ratings, clusters=[probe for probe, _ in answers])
    except ValueError:
        return None


def point_agreement(results: Sequence[ProbeResult]) -> Figure | None:
    """Return Krippendorff's alpha of the judges' verdicts on points; None if it is not defined.

    A unit is a point of an answer, and points of one probe are not independent of each other.
    """
    units = [
        (result.probe, [own[place].value if place < len(own) else None for own in rulings])
        for result in results
        for answer in result.answers
        for rulings in (list(answer.points.values()),)
        for place in range(len(result.points) if rulings else 0)
    ]
    try:
        return krippendorff_alpha(
            [ratings for _, ratings in units], clusters=[probe for probe, _ in units]
        )
    except ValueError:
        return None


def _strengths(pairs: Sequence[PairResult]) -> Mapping[str, Figure]:
    """Return Bradley-Terry strengths of three models or more; of two, the win rate says it all."""
    known = [
        Comparison(pair.probe, pair.model, pair.against, pair.points)
        for pair in pairs
        if pair.points is not None
    ]
    models = {name for one in known for name in (one.first, one.second)}
    return bradley_terry_strengths(known) if len(models) > 2 else {}


def _won(pairs: Sequence[PairResult], errors: JudgeErrors | None) -> dict[str, Figure]:
    """Return the win rate, and what it would be if the judges made no mistakes."""
    known = [(pair.probe, pair.points) for pair in pairs if pair.points is not None]
    if not known:
        return {}
    probes = [probe for probe, _ in known]
    verdicts = Counter(pair.judge for pair in pairs if pair.points is not None)
    wins = errors.wins if errors is not None else {}
    judges = [(wins[judge], n) for judge, n in verdicts.items() if judge in wins]
    won = None
    if len(judges) == len(verdicts):
        won = _corrected([points == 1 for _, points in known], probes, judges)
    rate = {"win_rate": win_rate([points for _, points in known], probes)}
    return rate | ({"corrected_win_rate": won} if won else {})


def _corrected(
    passed: Sequence[bool], probes: Sequence[str], judges: Sequence[tuple[GoldCounts, int]]
) -> Figure | None:
    """Return the rate without the judges' errors, as far as they are known, or None.

    Answers to the same probe are correlated, so the interval goes by their effective number.
    """
    apart = len(set(probes)) > 1
    try:
        return judged_rate(
            sum(passed),
            len(passed),
            judges,
            effective=effective_number(passed, probes) if apart else _ALONE,
        )
    except ValueError:
        # The judges are not shown to be better than chance: nothing can be corrected by them.
        return None


def _reason(answer: JudgedAnswer, *, scaled: bool) -> Reason:
    if answer.problem is not None:
        return answer.problem
    rulings = answer.rulings.values() if scaled else chain.from_iterable(answer.points.values())
    return next((one.problem for one in rulings if one.problem), Reason("not_judged"))


def _by_probe(values: Sequence[tuple[str, float]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for probe, value in values:
        found.setdefault(probe, []).append(value)
    return found


def _mean(values: Sequence[tuple[str, float]], *, lowest: float, highest: float) -> Figure:
    """Return the mean over probes; answers to one are correlated, so probes make the interval.

    Where most probes have one value, the few that have another tell little of how far from it
    those may be that were not asked: of Student's interval and that of a mean between bounds, the
    wider counts on each side.
    """
    means, n = [statistics.fmean(own) for own in _by_probe(values).values()], len(values)
    mean = statistics.fmean(means)
    if len(means) < 2:
        # One probe says nothing of how probes differ.
        return Figure(mean, lowest, highest, n)
    low, high = cluster_interval(means, range(len(means)))
    if high - low < _NO_WIDTH:
        low, high = equal_values_interval(mean, len(means), lowest=lowest, highest=highest)
    elif lumped(means):
        least, most = bounded_mean_interval(means, lowest=lowest, highest=highest)
        low, high = min(low, least), max(high, most)
    return Figure(mean, max(lowest, low), min(highest, high), n)


def _covered(shares: Sequence[tuple[str, float]]) -> dict[str, Figure]:
    """Return the mean share of the points that answers meet."""
    return {"points": _mean(shares, lowest=0, highest=1)} if shares else {}


def _scored(
    scores: Sequence[tuple[str, float]], passing: float, errors: JudgeErrors | None
) -> dict[str, Figure]:
    """Return score and pass rate; a probe's answers are correlated, so probes make the interval."""
    if not scores:
        return {}
    passed, probes = [score >= passing for _, score in scores], [probe for probe, _ in scores]
    known = errors.passes if errors is not None else None
    corrected = _corrected(passed, probes, [(known, len(scores))]) if known else None
    more = {"corrected_pass_rate": corrected} if corrected else {}
    rate, n = sum(passed) / len(passed), len(scores)
    share = (
        cluster_proportion_interval(passed, probes)
        if len(set(probes)) > 1
        # One probe says nothing of how probes differ.
        else clopper_pearson_interval(int(rate > 0.5), 1)
    )
    return {
        "score": _mean(scores, lowest=LOWEST, highest=HIGHEST),
        "pass_rate": Figure(rate, *share, n),
    } | more
