"""How good the probabilities of labels are: scores, calibration error, coverage at a budget."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats.arrays import Bools, Floats, Whole
from harness.stats.clusters import cluster_proportion_interval, effective_number
from harness.stats.intervals import clopper_pearson_interval
from harness.stats.paired import Difference
from harness.stats.resampling import group_sums

BINS = 10
_DRAWS = 4000
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with the ends of its interval."""

    value: float
    low: float
    high: float


def normalized(logprobs: Floats) -> Floats:
    """Return log-probabilities that are shared out among the labels only, [n, labels]."""
    top = logprobs.max(axis=1, keepdims=True)
    shared: Floats = logprobs - top - np.log(np.exp(logprobs - top).sum(axis=1, keepdims=True))
    return shared


def brier_values(logprobs: Floats, targets: Whole) -> Floats:
    """Return each sample's Brier score, [n]: half the squared distance from the right answer.

    Args:
        logprobs: Log-probabilities of the labels, [n, labels]; they are normalized.
        targets: Place of each sample's target, [n].

    Source: Brier (1950), Mon. Weather Rev. 78:1; halved, so that it is in [0, 1].
    """
    probabilities = np.exp(normalized(logprobs))
    probabilities[np.arange(len(targets)), targets] -= 1
    return np.asarray((probabilities**2).sum(axis=1) / 2, dtype=np.float64)


def log_losses(logprobs: Floats, targets: Whole) -> Floats:
    """Return minus the log-probability of each sample's target among the labels, in nats, [n]."""
    losses: Floats = -normalized(logprobs)[np.arange(len(targets)), targets]
    return losses


def confidence_bins(confidence: Floats, bins: int = BINS) -> Whole:
    """Return each sample's bin, [n]; bins hold equally many, but for equal confidences."""
    edges = np.quantile(confidence, np.linspace(0, 1, bins + 1))
    return np.searchsorted(edges[1:-1], confidence, side="left").astype(np.intp)


def calibration_error(confidence: Floats, right: Bools, bins: int = BINS) -> float:
    """Return the plain expected calibration error, in [0, 1].

    It is the mean over the samples of the distance, in each bin of the confidence, between the
    share of right answers and the mean confidence. Chance alone gives every bin a distance: of
    100 samples with true probabilities it is about 0.09. `corrected_calibration_error` allows for
    that.

    Args:
        confidence: Probability of each answer, [n].
        right: Whether it is right, [n].
        bins: Bins with equally many samples.

    Source: Naeini, Cooper and Hauskrecht (2015), AAAI; bins of equal size by Nixon et al. (2019).
    """
    return float(np.abs(_gaps(confidence, right, bins).sum(axis=0)).sum()) / len(right)


def corrected_calibration_error(
    confidence: Floats,
    right: Bools,
    clusters: Sequence[Hashable] | None = None,
    *,
    bins: int = BINS,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """Return the expected calibration error without what chance adds to it, and its interval.

    The distances of the bins, all made greater or smaller by one factor, are taken for the true
    ones, and normal noise with their (cluster-robust) variances is added. The estimate belongs to
    the factor at which the plain error that was seen is the median of those drawn, the ends of the
    interval to those at which it is a quantile of them; 0 where chance alone gives as much.

    No error is less than the distance between accuracy and mean confidence. So the interval reaches
    to where the exact one of the accuracy puts that: a few answers that are all right, or happen to
    be right as often as they are sure, show no noise and prove nothing. Where all bins are off to
    one side, and the error is that distance, its lower end goes down to it as well.

    Args:
        confidence: Probability of each answer, [n].
        right: Whether it is right, [n].
        clusters: The cluster of each sample; by default each is its own.
        bins: Bins with equally many samples.
        seed: Seed of the noise.
        level: Confidence in (0, 1).

    Source: Carpenter (1999), JRSS B 61:159, for intervals by inverting a simulated test.
    """
    rows = _gaps(confidence, right, bins)
    n, gaps = len(rows), rows.sum(axis=0) / len(rows)
    units = rows if clusters is None else group_sums(rows, clusters)
    off = units - units.mean(axis=0)
    factor = len(units) / (len(units) - 1) if len(units) > 1 else 1.0
    noise = factor * (off.T @ off) / n**2
    # Bins whose answers are all right show no spread; what their confidences say is the least.
    within = confidence_bins(confidence, bins)
    told = np.bincount(within, weights=confidence * (1 - confidence), minlength=bins) / n**2
    least = np.maximum(told - np.diagonal(noise), 0)
    noise[np.arange(bins), np.arange(bins)] += least
    drawn = np.random.default_rng(seed).multivariate_normal(
        np.zeros(bins), noise, size=_DRAWS, method="eigh"
    )
    seen = float(np.abs(gaps).sum())

    def error(share: float) -> float:
        """Return the error at which the share of the draws below what was seen is this one."""
        low, high = 0.0, 1.0
        while _share_below(high * gaps, drawn, seen) > share and high < 1e3:
            low, high = high, 2 * high
        if low == 0 and _share_below(0 * gaps, drawn, seen) <= share:
            return 0.0
        for _ in range(40):
            middle = (low + high) / 2
            if _share_below(middle * gaps, drawn, seen) > share:
                low = middle
            else:
                high = middle
        return min(1.0, high * seen)

    alpha = (1 - level) / 2
    near, far = _distances(confidence, right, clusters, level)
    low, high = error(1 - alpha), max(error(alpha), far)
    one_way = bool((gaps >= -1e-12).all() or (gaps <= 1e-12).all())
    return Estimate(error(0.5), min(low, near) if one_way else low, high)


def _distances(
    confidence: Floats, right: Bools, clusters: Sequence[Hashable] | None, level: float
) -> tuple[float, float]:
    """Return how near and how far the mean confidence can be from the accuracy."""
    if clusters is None:
        low, high = clopper_pearson_interval(int(right.sum()), len(right), level=level)
    else:
        low, high = cluster_proportion_interval(right, clusters, level=level)
    middle = float(confidence.mean())
    return max(0.0, low - middle, middle - high), max(high - middle, middle - low)


def _share_below(gaps: Floats, drawn: Floats, seen: float) -> float:
    return float((np.abs(gaps + drawn).sum(axis=1) < seen).mean())


def coverage_at(confidence: Floats, right: Bools, budget: float) -> float:
    """Return the greatest share of samples, most confident first, with no more errors than allowed.

    Args:
        confidence: Probability of each answer, [n]; equal ones are taken together or not at all.
        right: Whether it is right, [n].
        budget: Share of errors that is allowed among the samples that are answered.

    Source: El-Yaniv and Wiener (2010), JMLR 11:1605, for risk and coverage.
    """
    taken, wrong = _prefixes(confidence, right)
    return _greatest(taken, wrong <= budget * taken + 1e-9, len(right))


def coverage_interval(
    confidence: Floats,
    right: Bools,
    budget: float,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
) -> tuple[float, float]:
    """Return an interval of the coverage at an error budget.

    From the greatest coverage whose errors are shown to be within the budget, to the greatest whose
    errors are not shown to exceed it, by Clopper and Pearson's bounds of each error rate; where
    samples share clusters, with as many samples as tell as much of the rate of all errors.

    Source: Geifman and El-Yaniv (2017), NeurIPS, for bounds of the risk at a coverage.
    """
    from scipy.stats import beta

    taken, wrong = _prefixes(confidence, right)
    shrink = 1.0 if clusters is None else effective_number(right, clusters) / len(right)
    alpha = (1 - level) / 2
    n, k = taken * shrink, wrong * shrink
    with np.errstate(invalid="ignore"):
        most = np.where(wrong >= taken, 1.0, beta.ppf(1 - alpha, k + 1, n - k))
        least = np.where(wrong == 0, 0.0, beta.ppf(alpha, k, n - k + 1))
    own = coverage_at(confidence, right, budget)
    low = _greatest(taken, most <= budget, len(right))
    high = _greatest(taken, least <= budget, len(right))
    return min(low, own), max(high, own)


def difference_of(first: Estimate, second: Estimate, right: tuple[Bools, Bools]) -> Difference:
    """Return how two figures of the same samples differ, from the interval of each.

    The two count as independent; on the same samples they are correlated, so that the interval is
    rather too wide. p is that of a normal distribution with the half of the interval that reaches
    towards 0.

    Args:
        first: The first side's figure.
        second: The second side's.
        right: Whether each answer of either side is right, [n].

    Source: Zou and Donner (2008), Stat. Med. 27:1693.
    """
    from scipy.special import ndtr

    value = second.value - first.value
    below = math.hypot(second.value - second.low, first.high - first.value)
    above = math.hypot(second.high - second.value, first.value - first.low)
    towards = below if value > 0 else above
    p = 1.0 if value == 0 or towards == 0 else float(2 * ndtr(-abs(value) / towards * _Z))
    old, new = right
    lost, won = int((old & ~new).sum()), int((~old & new).sum())
    low, high = max(-1.0, value - below), min(1.0, value + above)
    return Difference(first.value, second.value, low, high, p, lost, won, len(old))


def _gaps(confidence: Floats, right: Bools, bins: int) -> Floats:
    """Return each sample's distance in the column of its bin, [n, bins]."""
    if len(confidence) != len(right) or not len(right):
        raise ValueError(f"{len(confidence)} confidences, {len(right)} answers")
    rows = np.zeros((len(right), bins))
    rows[np.arange(len(right)), confidence_bins(confidence, bins)] = right - confidence
    return rows


def _prefixes(confidence: Floats, right: Bools) -> tuple[Floats, Floats]:
    """Return how many samples are answered down to each confidence, and how many wrongly."""
    if len(confidence) != len(right) or not len(right):
        raise ValueError(f"{len(confidence)} confidences, {len(right)} answers")
    order = np.argsort(-confidence, kind="stable")
    ends = np.append(confidence[order][1:] < confidence[order][:-1], True)
    taken = np.arange(1, len(order) + 1, dtype=np.float64)
    return taken[ends], np.cumsum(~right[order]).astype(np.float64)[ends]


def _greatest(taken: Floats, allowed: Bools, n: int) -> float:
    return float(taken[allowed].max()) / n if allowed.any() else 0.0
