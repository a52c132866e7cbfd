"""How far several judges agree beyond chance."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np

from harness.records import Figure
from harness.stats.arrays import Floats
from harness.stats.intervals import clopper_pearson_interval
from harness.stats.resampling import expanded_level, group_sums, percentiles, resampled_sums

Rating = float | str

# With fewer units the bootstrap holds alpha in 40% to 90% of all draws.
_FEWEST = 8


def krippendorff_alpha(
    ratings: Sequence[Sequence[Rating | None]],
    *,
    metric: Literal["interval", "nominal"] = "interval",
    clusters: Sequence[Hashable] | None = None,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> Figure:
    """Return Krippendorff's alpha, 1 for full agreement and 0 for chance, with its interval.

    The interval is a percentile bootstrap over units, or over clusters of them, widened for small
    numbers. Resamples in which all ratings are equal have no alpha and do not count. Where no unit
    shows any disagreement the bootstrap knows nothing, and the lower bound is Clopper and
    Pearson's for the number of units: as if those that were not seen agreed by chance. With one
    unit, and with fewer than eight that do not all agree, the interval is [-1, 1].

    Args:
        ratings: One row a unit, in it one value a judge, None where a judge gave none. Units with
            fewer than two ratings do not count.
        metric: `interval` for scores, whose squared difference counts; `nominal` for words, which
            are equal or not.
        clusters: What units have in common, such as their probe; None takes each by itself.
        seed: Seed of the resampling.
        resamples: Bootstrap resamples, at least 1.
        level: Confidence in (0, 1).

    Returns:
        A figure whose `n` counts the units with two ratings or more.

    Raises:
        ValueError: If no unit has two ratings, all ratings are equal, a score is not a finite
            number or lengths differ.

    Source: Krippendorff (2004), Content Analysis, 2nd ed., ch. 11. A nominal rating is a unit
    vector, so that both metrics are squared distances and need no table of coincidences.
    """
    if clusters is not None and len(clusters) != len(ratings):
        raise ValueError(f"{len(clusters)} clusters for {len(ratings)} units")
    groups = range(len(ratings)) if clusters is None else clusters
    kept = [
        (group, given)
        for group, row in zip(groups, ratings, strict=True)
        if len(given := [value for value in row if value is not None]) > 1
    ]
    if not kept:
        raise ValueError("no unit has two ratings")
    rows = _features([given for _, given in kept], metric)
    (value,) = _alphas(rows.sum(axis=0, keepdims=True))
    if np.isnan(value):
        raise ValueError("all ratings are equal, and agreement beyond chance is not defined")
    sums = group_sums(rows, [group for group, _ in kept])
    units, alpha = len(sums), float(value)
    if units < 2:
        return Figure(alpha, min(-1.0, alpha), 1.0, len(kept))
    if not rows[:, 1].any():
        return Figure(alpha, clopper_pearson_interval(units, units, level=level)[0], 1.0, len(kept))
    if units < _FEWEST:
        return Figure(alpha, min(-1.0, alpha), 1.0, len(kept))
    drawn = _alphas(resampled_sums(sums, seed=seed, resamples=resamples))
    low, high = percentiles(drawn[~np.isnan(drawn)], expanded_level(level, units))
    return Figure(alpha, min(low, alpha), max(high, alpha), len(kept))


def cohens_kappa(
    first: Sequence[Rating], second: Sequence[Rating], *, level: float = 0.95
) -> Figure:
    """Return Cohen's kappa of two raters, in [-1, 1], with its interval.

    The interval is the large-sample one. Where that has no width, as with full agreement, it is
    Clopper and Pearson's of the observed agreement, the chance agreement taken as known.

    Args:
        first: One category a unit.
        second: The other rater's, in the same order.
        level: Confidence in (0, 1).

    Raises:
        ValueError: If lengths differ or are 0, or both raters gave one and the same category only.

    Source: Cohen (1960), Educ. Psychol. Meas. 20:37; Fleiss, Cohen and Everitt (1969), Psychol.
    Bull. 72:323, for the standard error.
    """
    from scipy.special import ndtri
    from statsmodels.stats.inter_rater import cohens_kappa as fitted

    if len(first) != len(second) or not first:
        raise ValueError(f"{len(first)} and {len(second)} ratings to compare")
    places = {value: i for i, value in enumerate(dict.fromkeys([*first, *second]))}
    n = len(first)
    if len(places) == 1:
        raise ValueError("one category only, and agreement beyond chance is not defined")
    table = np.zeros((len(places), len(places)))
    for one, other in zip(first, second, strict=True):
        table[places[one], places[other]] += 1
    # Its z value of a rater with one category divides by 0; it is not read here.
    with np.errstate(divide="ignore", invalid="ignore"):
        result = fitted(table)
    # A variance of 0 can come out as a tiny negative number.
    value, error = float(result.kappa), max(0.0, float(result.var_kappa)) ** 0.5
    half = float(ndtri((1 + level) / 2)) * error
    low, high = value - half, value + half
    if half < 1e-9:
        chance = float(table.sum(axis=0) @ table.sum(axis=1)) / n**2
        agreed = clopper_pearson_interval(round(float(np.trace(table))), n, level=level)
        low, high = ((share - chance) / (1 - chance) for share in agreed)
    return Figure(value, max(-1.0, low), min(1.0, high), n)


def mean_kappa(
    truth: Sequence[Rating], raters: Sequence[Sequence[Rating]], *, level: float = 0.95
) -> Figure:
    """Return the mean of several raters' kappas with one and the same truth, with its interval.

    The raters' units are the same and their errors go together, so the interval is the
    jackknife's, over units, with t. Where no unit moves the mean, it is Clopper and Pearson's of
    the share of units that all raters have right, the chance agreement taken as known.

    Args:
        truth: One category a unit.
        raters: Those of each rater, in the same order.
        level: Confidence in (0, 1).

    Raises:
        ValueError: If lengths differ or are below 2, or truth and a rater have one category only.

    Source: Cohen (1960), Educ. Psychol. Meas. 20:37; Miller (1974), Biometrika 61:1, for the
    jackknife.
    """
    from scipy.special import stdtrit

    n, names = len(truth), list(dict.fromkeys([*truth, *(v for one in raters for v in one)]))
    if n < 2 or any(len(one) != n for one in raters):
        raise ValueError(f"{n} units, and {[len(one) for one in raters]} ratings of them")
    own = np.array([names.index(value) for value in truth])
    values, without, chances, agreed = [], np.zeros(n), [], []
    for one in raters:
        other = np.array([names.index(value) for value in one])
        table = np.zeros((len(names), len(names)))
        np.add.at(table, (own, other), 1)
        rows, columns, hits = table.sum(axis=1), table.sum(axis=0), own == other
        products = float(rows @ columns)
        if products == n**2:
            raise ValueError("one category only, and agreement beyond chance is not defined")
        chances.append(products / n**2)
        agreed.append(float(hits.mean()))
        values.append((agreed[-1] - chances[-1]) / (1 - chances[-1]))
        # Without a unit, its row and its column have one less.
        left = products - columns[own] - rows[other] + hits
        with np.errstate(divide="ignore", invalid="ignore"):
            share, chance = (hits.sum() - hits) / (n - 1), left / (n - 1) ** 2
            without += (share - chance) / (1 - chance) / len(raters)
    value = float(np.mean(values))
    # What loses its second category with a unit has no kappa without it.
    kept = without[np.isfinite(without)]
    error = math.sqrt((n - 1) / n * float(((kept - kept.mean()) ** 2).sum())) if kept.size else 0.0
    half = float(stdtrit(n - 1, (1 + level) / 2)) * error
    low, high = value - half, value + half
    if half < 1e-9:
        chance = float(np.mean(chances))
        ends = clopper_pearson_interval(round(float(np.mean(agreed)) * n), n, level=level)
        low, high = ((end - chance) / (1 - chance) for end in ends)
    return Figure(value, max(-1.0, min(low, value)), min(1.0, max(high, value)), n)


def _features(units: Sequence[Sequence[Rating]], metric: str) -> Floats:
    """Return per unit its size, observed disagreement, sum of squares and vector of sums.

    All that alpha needs of a set of units is the sum of these rows, of shape [units, 3 + width].
    """
    if metric == "nominal":
        places = {
            value: i for i, value in enumerate(dict.fromkeys(v for row in units for v in row))
        }
        eye = np.eye(len(places))
        vectors = [eye[[places[value] for value in row]] for row in units]
    else:
        numbers = [np.array([float(value) for value in row])[:, None] for row in units]
        centre = float(np.concatenate(numbers).mean())
        vectors = [row - centre for row in numbers]
        if not all(np.isfinite(row).all() for row in vectors):
            raise ValueError("a score is not finite")
    rows = []
    for vector in vectors:
        size, total = len(vector), vector.sum(axis=0)
        squares = float((vector**2).sum())
        # Exactly 0 where all are equal, which a difference of two sums is not.
        apart = float(((vector - vector.mean(axis=0)) ** 2).sum()) if np.ptp(vector, 0).any() else 0
        rows.append([size, size * apart / (size - 1), squares, *total])
    return np.array(rows, dtype=np.float64)


def _alphas(sums: Floats) -> Floats:
    """Return alpha of each row of summed features; NaN where all ratings are equal."""
    size, observed, squares, total = sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3:]
    expected = (size * squares - (total**2).sum(axis=1)) / (size - 1)
    defined = expected > 1e-9 * size * np.maximum(squares, 1e-12)
    ratio = np.divide(observed, expected, out=np.full(len(sums), np.nan), where=defined)
    return np.asarray(1 - ratio, dtype=np.float64)
