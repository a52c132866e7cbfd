"""Judged models against the reference model, paired over the probes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import mean

from harness.analysis.findings import EVEN, Duel, DuelFigure
from harness.records import Judged, Standing
from harness.stats import Difference, holm, paired_bootstrap
from harness.stats.clusters import cluster_interval


def duels(judged: Judged) -> list[Duel]:
    """Return all comparisons with reference models, p-values adjusted over all of them."""
    found = [duel for one in judged.standings for duel in _of(one, judged)]
    adjusted = holm([one.difference.p for one in found])
    return [replace(one, adjusted=p) for one, p in zip(found, adjusted, strict=True)]


def reference_of(judged: Judged, evalset: str) -> str | None:
    """Return the model that all others are compared with; without pairs the set's first.

    Other models may be compared with each other too, but the reference is never a pair's first.
    """
    pairs = [one for one in judged.pairs if one.evalset == evalset]
    first = {one.model for one in pairs}
    against = [one.against for one in pairs if one.against not in first]
    models = [one.model for one in judged.standings if one.evalset == evalset]
    return next(iter((*against, *models)), None)


def probe_scores(judged: Judged, evalset: str, model: str) -> dict[str, float]:
    """Return the mean score of each probe that has one."""
    return {
        one.probe: mean(one.scores)
        for one in judged.probes
        if (one.evalset, one.model) == (evalset, model) and one.scores
    }


def probe_shares(judged: Judged, evalset: str, model: str) -> dict[str, float]:
    """Return the mean share of its points of each probe that has one."""
    return {
        one.probe: mean(one.shares)
        for one in judged.probes
        if (one.evalset, one.model) == (evalset, model) and one.shares
    }


def probe_points(judged: Judged, evalset: str, model: str) -> dict[str, float]:
    """Return a model's mean points against the reference, of each probe with verdicts."""
    sides = (evalset, model, reference_of(judged, evalset))
    points: dict[str, list[float]] = {}
    for pair in judged.pairs:
        if (pair.evalset, pair.model, pair.against) == sides and pair.points is not None:
            points.setdefault(pair.probe, []).append(pair.points)
    return {probe: mean(own) for probe, own in points.items()}


def _of(standing: Standing, judged: Judged) -> Iterable[Duel]:
    evalset, model = standing.evalset, standing.model
    reference = reference_of(judged, evalset)
    if reference is None or model == reference:
        return
    asked = {one.probe for one in judged.probes if (one.evalset, one.model) == (evalset, model)}
    points = probe_points(judged, evalset, model)
    sides: dict[DuelFigure, tuple[Mapping[str, float], Mapping[str, float]]] = {
        "win_rate": (dict.fromkeys(points, EVEN), points),
        "score": (probe_scores(judged, evalset, reference), probe_scores(judged, evalset, model)),
        "points": (probe_shares(judged, evalset, reference), probe_shares(judged, evalset, model)),
    }
    for figure, (first, second) in sides.items():
        shared = sorted(first.keys() & second.keys())
        # One probe says nothing of the spread over probes.
        if len(shared) < 2 or (figure == "win_rate" and figure not in standing.figures):
            continue
        yield Duel(
            evalset,
            model,
            reference,
            figure,
            _difference([first[probe] for probe in shared], [second[probe] for probe in shared]),
            known=_differ(first, second, shared),
            win_rate=standing.figures.get("win_rate") if figure == "win_rate" else None,
            left_out=len(asked | first.keys() | second.keys()) - len(shared),
        )


def _differ(first: Mapping[str, float], second: Mapping[str, float], shared: Sequence[str]) -> bool:
    return len({round(second[probe] - first[probe], 9) for probe in shared}) > 1


def _difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    found = paired_bootstrap(first, second)
    steps = [b - a for a, b in zip(first, second, strict=True)]
    # With ten probes the percentiles of a bootstrap are too narrow.
    low, high = cluster_interval(steps, list(range(len(steps))))
    return replace(found, low=low, high=high)
