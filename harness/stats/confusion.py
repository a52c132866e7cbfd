"""Figures of a confusion matrix: intervals and paired differences by influence functions.

A figure is a smooth function of the shares P[target, answer]. How much one sample moves it is its
influence, whose spread over the samples (or their clusters) gives the standard error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.stats.arrays import Floats, Whole
from harness.stats.clusters import cluster_proportion_interval, cluster_sums
from harness.stats.intervals import clopper_pearson_interval, fixed_mean_interval
from harness.stats.paired import Difference, paired_accuracy

_STEP = 1e-20
# Samples that are spread over the matrix before its spread is told.
_MORE = 4.0
Shares = NDArray[np.complex128]
"""Shares of all samples by target and answer, [labels, labels]; complex, to be derived."""


@dataclass(frozen=True, slots=True)
class ConfusionFigure:
    """A figure of a confusion matrix.

    Attributes:
        value: Of the shares; where it is not defined, it is not finite.
        lowest: Least value that there is; the greatest is 1.
    """

    value: Callable[[Shares], complex]
    lowest: float = 0.0


def _balanced(shares: Shares) -> complex:
    return complex((np.diagonal(shares) / shares.sum(axis=1)).mean())


def _macro_f1(shares: Shares) -> complex:
    return complex((2 * np.diagonal(shares) / (shares.sum(axis=1) + shares.sum(axis=0))).mean())


def _matthews(shares: Shares) -> complex:
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    total = shares.sum()
    spread = (total**2 - (rows**2).sum()) * (total**2 - (columns**2).sum())
    return complex((np.trace(shares) * total - (rows * columns).sum()) / np.sqrt(spread))


BALANCED_ACCURACY = ConfusionFigure(_balanced)
"""Mean of the recalls of all labels."""
MACRO_F1 = ConfusionFigure(_macro_f1)
"""Mean over all labels of the harmonic mean of precision and recall."""
MATTHEWS = ConfusionFigure(_matthews, lowest=-1.0)
"""Matthews' correlation coefficient, of several labels by Gorodkin (2004)."""


def precision_of(label: int) -> ConfusionFigure:
    """Return the precision of a label: the share of its answers that are right."""
    return ConfusionFigure(lambda shares: complex(shares[label, label] / shares[:, label].sum()))


def confusion_interval(
    figure: ConfusionFigure,
    targets: Whole,
    answers: Whole,
    labels: int,
    clusters: Sequence[Hashable] | None = None,
    *,
    level: float = 0.95,
) -> tuple[float, float, float] | None:
    """Return a figure with the ends of its interval; None where it is not defined.

    The standard error is that of the influences, cluster-robust (CR1) where samples share
    clusters, as if four more samples were spread over the matrix: answers that are nearly all one
    label leave cells empty, which tell nothing of their spread. The interval is made on the logit
    scale with Student's t. At either end of the scale, as of answers that are all right, Clopper
    and Pearson's interval with the size of the rarest label (or the number of clusters) stands in
    for it.

    Args:
        figure: What is measured.
        targets: Place of each sample's target among the labels, [n].
        answers: Place of each answer, [n].
        labels: How many labels there are.
        clusters: The cluster of each sample; by default each is its own.
        level: Confidence in (0, 1).

    Raises:
        ValueError: If lengths differ, or there are fewer than two clusters.

    Source: Hampel (1974), JASA 69:383, for influence functions; Squire and Trapp (1998), SIAM Rev.
    40:110, for derivatives by a complex step; Agresti and Caffo (2000), Am. Stat. 54:280, for four
    more samples.
    """
    from scipy.special import stdtrit

    found = _influences(figure, targets, answers, labels)
    if found is None:
        return None
    value, influence, widening = found
    span = 1.0 - figure.lowest
    share = (value - figure.lowest) / span
    error, freedom = _error(influence, clusters)
    error *= widening
    if error <= 1e-12 or not 1e-9 < share < 1 - 1e-9:
        counts = np.bincount(targets, minlength=labels)
        units = min(int(counts[counts > 0].min()), len(set(clusters)) if clusters else len(targets))
        low, high = fixed_mean_interval(share, units, alpha=1 - level)
    else:
        half = float(stdtrit(freedom, (1 + level) / 2)) * error / span / (share * (1 - share))
        middle = math.log(share / (1 - share))
        low, high = (1 / (1 + math.exp(-(middle + side))) for side in (-half, half))
    return value, figure.lowest + span * low, figure.lowest + span * high


def balanced_accuracy_interval(
    targets: Whole,
    answers: Whole,
    labels: int,
    clusters: Sequence[Hashable] | None = None,
) -> tuple[float, float, float]:
    """Return the balanced accuracy with the ends of its 95% interval.

    The interval is made of Clopper and Pearson's of each label's recall, so that a rare label whose
    samples are all right is not taken for certain. Where samples share clusters the recalls may
    hang together, and the wider of this and `confusion_interval` is returned.

    Args:
        targets: As for `confusion_interval`; each label is some sample's target.
        answers: Likewise.
        labels: How many labels there are.
        clusters: The cluster of each sample, at least two different ones; by default each is its
            own.

    Source: Zou and Donner (2008), Stat. Med. 27:1693, for an interval made of several.
    """
    values, below, above = [], 0.0, 0.0
    for label in range(labels):
        own = np.flatnonzero(targets == label)
        right = answers[own] == label
        share = float(right.mean())
        groups = None if clusters is None else [clusters[i] for i in own]
        if groups is None:
            low, high = clopper_pearson_interval(int(right.sum()), len(own))
        elif len(set(groups)) < 2:
            low, high = 0.0, 1.0
        else:
            low, high = cluster_proportion_interval(right, groups)
        values.append(share)
        below += ((share - low) / labels) ** 2
        above += ((high - share) / labels) ** 2
    value = sum(values) / labels
    low, high = value - math.sqrt(below), value + math.sqrt(above)
    if clusters is not None:
        found = confusion_interval(BALANCED_ACCURACY, targets, answers, labels, clusters)
        if found is not None:
            low, high = min(low, found[1]), max(high, found[2])
    return value, max(0.0, low), min(1.0, high)


def paired_balanced_accuracy(
    targets: Whole,
    first: Whole,
    second: Whole,
    labels: int,
    clusters: Sequence[Hashable] | None = None,
) -> Difference:
    """Compare two balanced accuracies on the same samples.

    As `paired_confusion`, and the interval is never narrower than the one made of Newcombe's of
    each label's recalls, which knows that a rare label whose answers do not differ is not certain.

    Args:
        targets: As for `paired_confusion`; each label is some sample's target.
        first: Likewise.
        second: Likewise.
        labels: How many labels there are.
        clusters: The cluster of each sample, at least two different ones; by default each is its
            own.
    """
    found = paired_confusion(BALANCED_ACCURACY, targets, first, second, labels, clusters)
    if found is None:
        raise ValueError("a label is no sample's target")
    below = above = 0.0
    for label in range(labels):
        own = targets == label
        one = paired_accuracy(first[own] == label, second[own] == label)
        below += ((one.value - one.low) / labels) ** 2
        above += ((one.high - one.value) / labels) ** 2
    low = max(-1.0, min(found.low, found.value - math.sqrt(below)))
    high = min(1.0, max(found.high, found.value + math.sqrt(above)))
    return replace(found, low=low, high=high)


def paired_confusion(
    figure: ConfusionFigure,
    targets: Whole,
    first: Whole,
    second: Whole,
    labels: int,
    clusters: Sequence[Hashable] | None = None,
) -> Difference | None:
    """Compare a figure of two sides on the same samples; None where one is not defined.

    The influences are subtracted sample by sample. Where they do not differ, as of equal answers,
    the interval is Newcombe's of the two accuracies (of one sample a cluster), and p is 1.

    Args:
        figure: What is compared.
        targets: Place of each sample's target among the labels, [n].
        first: Place of the first side's answer to each sample, [n].
        second: The same of the second side.
        labels: How many labels there are.
        clusters: The cluster of each sample; by default each is its own.

    Raises:
        ValueError: As `confusion_interval`.
    """
    from scipy.special import stdtr, stdtrit

    sides = [_influences(figure, targets, answers, labels) for answers in (first, second)]
    if sides[0] is None or sides[1] is None:
        return None
    (old, before, one), (new, after, other) = sides[0], sides[1]
    error, freedom = _error(after - before, clusters)
    error *= max(one, other)
    right = [targets == first, targets == second]
    lost, won = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
    most = 1.0 - figure.lowest
    if error <= 1e-12:
        _, _, firsts = cluster_sums(np.zeros(len(targets)), clusters)
        bare = paired_accuracy(right[0][firsts], right[1][firsts])
        low, high, p = min(most * bare.low, new - old), max(most * bare.high, new - old), 1.0
    else:
        quantile = float(stdtrit(freedom, 0.975))
        low, high = new - old - quantile * error, new - old + quantile * error
        p = float(2 * stdtr(freedom, -abs(new - old) / error))
    return Difference(old, new, max(-most, low), min(most, high), p, lost, won, len(targets))


def _influences(
    figure: ConfusionFigure, targets: Whole, answers: Whole, labels: int
) -> tuple[float, Floats, float] | None:
    """Return a figure, how much each sample moves it, [n], and by what its error is too small.

    Returns:
        None where it is not defined.
    """
    if len(targets) != len(answers) or not len(targets):
        raise ValueError(f"{len(targets)} targets, {len(answers)} answers")
    counts = np.zeros((labels, labels))
    np.add.at(counts, (targets, answers), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = figure.value((counts / len(targets)).astype(np.complex128)).real
        if not math.isfinite(value):
            return None
        influence = _influence(figure, counts)
    deviation = _deviation(influence, counts)
    more = counts + _MORE / labels**2
    smooth = _deviation(_influence(figure, more), more)
    widening = max(1.0, smooth / deviation) if deviation > 1e-12 else 1.0
    return value, influence[targets, answers], widening


def _influence(figure: ConfusionFigure, counts: Floats) -> Floats:
    """Return how much a sample of each cell moves a figure, [labels, labels]; 0 of empty cells."""
    shares = counts / counts.sum()
    slopes = np.zeros_like(shares)
    for place in zip(*np.nonzero(counts), strict=True):
        moved = shares.astype(np.complex128)
        moved[place] += 1j * _STEP
        slopes[place] = figure.value(moved).imag / _STEP
    return np.asarray(np.where(counts > 0, slopes - (slopes * shares).sum(), 0.0))


def _deviation(influence: Floats, counts: Floats) -> float:
    return math.sqrt(float((counts * influence**2).sum() / counts.sum()))


def _error(influence: Floats, clusters: Sequence[Hashable] | None) -> tuple[float, int]:
    """Return the standard error of a mean of influences, and the degrees of freedom of t."""
    sums, _, _ = cluster_sums(influence, clusters)
    units = len(sums)
    if units < 2:
        return 0.0, 1
    error = math.sqrt(units / (units - 1) * float(sums @ sums)) / influence.size
    return error, units - 1
