"""Judged answers and pairs -> one line a model, with intervals over probes; pure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence

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
from harness.stats.intervals import clopper_pearson_interval, equal_values_interval

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
    reasons = Counter(_reason(a) for result in results for a in result.answers if a.score is None)
    spreads = [statistics.stdev(result.scores) for result in results if len(result.scores) > 1]
    return Standing(
        evalset=path,
        model=model,
        probes=len(results),
        n=len(scores),
        unscored=reasons.total(),
        reasons=dict(reasons),
        figures=_scored(scores, evalset.judge.passing, errors) | _won(pairs, errors),
        spread=statistics.mean(spreads) if spreads else None,
        strength=strength,
        pairs=(len(scores) + reasons.total()) * len({pair.judge for pair in pairs}),
        of_probes=len(evalset.probes),
        anytime=_anytime([probe.id for probe in evalset.probes], scores, pairs,
                         evalset.judge.passing),
    )  # fmt: skip


def _anytime(
    order: Sequence[str],
    scores: Sequence[tuple[str, float]],
    pairs: Sequence[PairResult],
    passing: float,
) -> dict[str, Figure]:
    """Return the figures of a model as means over probes, in the order of the set."""
    span = HIGHEST - LOWEST
    values: dict[str, list[tuple[str, float]]] = {
        "score": [(probe, (score - LOWEST) / span) for probe, score in scores],
        "pass_rate": [(probe, float(score >= passing)) for probe, score in scores],
        "win_rate": [(pair.probe, pair.points) for pair in pairs if pair.points is not None],
    }
    found: dict[str, Figure] = {}
    for name, own in values.items():
        by_probe: dict[str, list[float]] = {}
        for probe, value in own:
            by_probe.setdefault(probe, []).append(value)
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


def _reason(answer: JudgedAnswer) -> Reason:
    if answer.problem is not None:
        return answer.problem
    return next((r.problem for r in answer.rulings.values() if r.problem), Reason("not_judged"))


def _scored(
    scores: Sequence[tuple[str, float]], passing: float, errors: JudgeErrors | None
) -> dict[str, Figure]:
    """Return score and pass rate; a probe's answers are correlated, so probes make the interval."""
    if not scores:
        return {}
    by_probe: dict[str, list[float]] = {}
    for probe, score in scores:
        by_probe.setdefault(probe, []).append(score)
    means = [statistics.fmean(values) for values in by_probe.values()]
    passed, probes = [score >= passing for _, score in scores], [probe for probe, _ in scores]
    known = errors.passes if errors is not None else None
    corrected = _corrected(passed, probes, [(known, len(scores))]) if known else None
    more = {"corrected_pass_rate": corrected} if corrected else {}
    mean, rate, n = statistics.fmean(means), sum(passed) / len(passed), len(scores)
    if len(means) < 2:
        # One probe says nothing of how probes differ.
        return {
            "score": Figure(mean, LOWEST, HIGHEST, n),
            "pass_rate": Figure(rate, *clopper_pearson_interval(int(rate > 0.5), 1), n),
        } | more
    low, high = cluster_interval(means, range(len(means)))
    if high - low < _NO_WIDTH:
        low, high = equal_values_interval(mean, len(means), lowest=LOWEST, highest=HIGHEST)
    share = cluster_proportion_interval(passed, probes)
    return {
        "score": Figure(mean, max(LOWEST, low), min(HIGHEST, high), n),
        "pass_rate": Figure(rate, *share, n),
    } | more
