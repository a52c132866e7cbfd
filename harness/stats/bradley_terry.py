"""What comparisons of answers say of models: win rates, and strengths on one scale."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.records import Figure
from harness.stats.arrays import Floats
from harness.stats.clusters import cluster_interval
from harness.stats.intervals import bounded_mean_interval, fixed_mean_interval, lumped
from harness.stats.resampling import expanded_level, group_sums, percentiles, resampled_sums

_STEPS = 200
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models' answers to one probe.

    Attributes:
        points: Of `first`, in [0, 1]: 1 won, 0 lost, 0.5 a tie; `second` has the rest.
    """

    probe: Hashable
    first: str
    second: str
    points: float


def win_rate(
    points: Sequence[float],
    probes: Sequence[Hashable],
    *,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> Figure:
    """Return the mean of a model's points, a fraction in [0, 1], with its interval over probes.

    Answers to the same probe are correlated, so whole probes are drawn; the percentile interval is
    widened for small numbers of them. No resample lies beyond the best and the worst of so few
    probes, so of it and Student's interval over the probes the wider counts on each side; where
    most probes have one rate, so does that of a mean between 0 and 1, since the few others tell
    little of how far from it a rate may be. Where all draws give one rate (10 wins of 10), none
    knows anything of the spread, and Clopper and Pearson's interval with the number of probes
    stands in for them. With one probe the interval is [0, 1].

    Args:
        points: One a comparison, in [0, 1]; comparisons without a verdict left out.
        probes: The probe of each comparison.
        seed: Seed of the resampling.
        resamples: Bootstrap resamples, at least 1.
        level: Confidence in (0, 1).

    Returns:
        A figure whose `n` counts the comparisons.

    Raises:
        ValueError: If there are none, lengths differ or points are out of range.
    """
    array = _points(points)
    rows = group_sums(np.stack([array, np.ones(array.size)], axis=1), probes)
    value, count = float(array.mean()), len(rows)
    if count < 2:
        return Figure(value, 0.0, 1.0, array.size)
    sums = resampled_sums(rows, seed=seed, resamples=resamples)
    low, high = percentiles(sums[:, 0] / sums[:, 1], expanded_level(level, count))
    if high - low < 1e-9:
        low, high = fixed_mean_interval(value, count, alpha=1 - level)
    else:
        least, most = cluster_interval(array, probes, level=level)
        low, high = min(low, least), max(high, most)
        means = rows[:, 0] / rows[:, 1]
        if lumped(means):
            least, most = bounded_mean_interval(means, lowest=0, highest=1, level=level)
            low, high = min(low, least), max(high, most)
    low, high = max(0.0, min(low, value)), min(1.0, max(high, value))
    return Figure(value, low, high, array.size)


def bradley_terry_strengths(
    comparisons: Sequence[Comparison],
    *,
    ridge: float = 0.1,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> dict[str, Figure]:
    """Return each model's strength in natural log-odds, with its interval; their mean is 0.

    Model i beats j with probability 1 / (1 + exp(s_j - s_i)); a tie is half a win. The ridge, a
    normal prior of variance 1 / ridge, keeps the strength of a model that wins or loses always
    finite, and of models that were never compared equal; it pulls the others a little to 0.

    Of two intervals the wider counts on each side: the percentile bootstrap over whole probes,
    widened for small numbers of them, and that of the curvature of the penalised likelihood, as
    the bootstrap knows nothing of the spread where one side wins always. With one probe it is
    that of the prior.

    Args:
        comparisons: At least one; comparisons without a verdict left out.
        ridge: Weight of the prior, at least 1e-6, below which rounding errors take over.
        seed: Seed of the resampling.
        resamples: Bootstrap resamples, at least 1.
        level: Confidence in (0, 1).

    Returns:
        A figure a model in order of appearance; `n` counts the comparisons that it is in.

    Raises:
        ValueError: If there are no comparisons, points are out of range, a model meets itself or
            the ridge is too small.

    Source: Bradley and Terry (1952), Biometrika 39:324; Hunter (2004), Ann. Stat. 32:384, for when
    there is no fit without a prior.
    """
    from scipy.special import ndtri

    if ridge < _LEAST:
        raise ValueError(f"ridge {ridge} is below {_LEAST}")
    if any(one.first == one.second for one in comparisons):
        raise ValueError("a model is compared with itself")
    points = _points([one.points for one in comparisons])
    names = list(dict.fromkeys(name for one in comparisons for name in (one.first, one.second)))
    size = len(names)
    wins = np.zeros((len(comparisons), size, size))
    each = np.arange(len(comparisons))
    first, second = (
        [names.index(name) for name in side]
        for side in zip(*((one.first, one.second) for one in comparisons), strict=True)
    )
    wins[each, first, second], wins[each, second, first] = points, 1 - points
    flat = group_sums(wins.reshape(-1, size * size), [one.probe for one in comparisons])
    total = flat.sum(axis=0).reshape(1, size, size)
    strengths = _fit(total, ridge)
    # One probe says nothing of the next, which leaves what the prior says of a centred strength.
    prior = np.full(size, ((size - 1) / size / ridge) ** 0.5)
    errors = _errors(total, strengths, ridge) if len(flat) > 1 else prior
    half = float(ndtri((1 + level) / 2)) * errors
    values = strengths[0]
    low, high = values - half, values + half
    if len(flat) > 1:
        drawn = resampled_sums(flat, seed=seed, resamples=resamples).reshape(-1, size, size)
        fits, wanted = _fit(drawn, ridge), expanded_level(level, len(flat))
        bounds = np.array([percentiles(fits[:, i], wanted) for i in range(size)])
        low, high = np.minimum(low, bounds[:, 0]), np.maximum(high, bounds[:, 1])
    met = [first.count(i) + second.count(i) for i in range(size)]
    return {
        name: Figure(float(values[i]), float(low[i]), float(high[i]), met[i])
        for i, name in enumerate(names)
    }


def _points(points: Sequence[float]) -> Floats:
    array = np.asarray(points, dtype=np.float64)
    if array.size == 0 or not ((array >= 0) & (array <= 1)).all():
        raise ValueError("comparisons need points, at least one, all of them in [0, 1]")
    return array


def _fit(wins: Floats, ridge: float) -> Floats:
    """Return the strengths of shape [fits, models] that maximise each penalised likelihood.

    Args:
        wins: Points of the row's model against the column's, of shape [fits, models, models].
        ridge: Weight of the prior.
    """
    strengths = np.zeros(wins.shape[:2])
    for _ in range(_STEPS):
        gaps = strengths[:, :, None] - strengths[:, None, :]
        met = wins + wins.transpose(0, 2, 1)
        slope = (wins - met / (1 + np.exp(-gaps))).sum(axis=2) - ridge * strengths
        step = np.linalg.solve(_curvature(wins, strengths, ridge), slope[:, :, None])[:, :, 0]
        # The likelihood is concave; short steps keep Newton's method from leaping past its top.
        strengths += np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-6:
            return strengths
    raise ValueError(f"no strengths found in {_STEPS} steps; raise the ridge above {ridge}")


def _curvature(wins: Floats, strengths: Floats, ridge: float) -> Floats:
    """Return the negative second derivative of each penalised likelihood."""
    gaps = strengths[:, :, None] - strengths[:, None, :]
    spread = (wins + wins.transpose(0, 2, 1)) / (2 + np.exp(gaps) + np.exp(-gaps))
    diagonal = spread.sum(axis=2) + ridge
    return np.asarray(diagonal[:, :, None] * np.eye(wins.shape[1]) - spread, dtype=np.float64)


def _errors(wins: Floats, strengths: Floats, ridge: float) -> Floats:
    """Return the standard error of each strength less their mean."""
    size = wins.shape[1]
    centre = np.eye(size) - 1 / size
    spread = centre @ np.linalg.inv(_curvature(wins, strengths, ridge)[0]) @ centre
    return np.asarray(np.sqrt(np.diag(spread)), dtype=np.float64)
