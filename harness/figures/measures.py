"""How the further figures are measured on one cell, and compared between two."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from harness.contracts import Sheet
from harness.figures.pairs import pair
from harness.figures.scores import ResultsById, in_all
from harness.records import Figure
from harness.stats import (
    Difference,
    Floats,
    auc,
    auc_interval,
    clopper_pearson_interval,
    cluster_auc_interval,
    cluster_interval,
    cluster_proportion_interval,
    fixed_mean_interval,
    mean_interval,
    paired_bootstrap,
    paired_clusters,
)
from harness.stats.arrays import Bools, Whole
from harness.stats.confusion import paired_confusion, precision_of
from harness.stats.costs import mean_cost
from harness.stats.probabilities import (
    Estimate,
    corrected_calibration_error,
    coverage_at,
    coverage_interval,
    difference_of,
)

Measure = Callable[[Sheet, str], Figure | None]
"""A figure of the samples that it can count, None where it is not defined; with its argument."""
Compare = Callable[[ResultsById, ResultsById, Sequence[str], str], tuple[Difference, int] | None]
"""Two cells, the labels and the argument -> second minus first, and how many samples are left out;
None where the two cannot be compared."""

CompareRuns = Callable[[Sequence[ResultsById], ResultsById, Sequence[str], str],
                       tuple[Difference, int] | None]  # fmt: skip
"""The same of several runs of the first cell, of which each sample counts by its mean."""

RESAMPLES = 9999
_MeanValues = Callable[[Floats, Whole], Floats]
_Clusters = Sequence[Hashable] | None
_Interval = Callable[[Whole, Whole, int, _Clusters], tuple[float, float, float] | None]
_Paired = Callable[[Whole, Whole, Whole, int, _Clusters], Difference | None]


def proportion(right: Sequence[bool] | Bools, groups: Sequence[str] | None) -> Figure:
    """Return a share of samples with its interval, cluster-robust where samples share clusters."""
    passed, n = int(sum(right)), len(right)
    if groups is None:
        bounds = clopper_pearson_interval(passed, n)
    else:
        bounds = bounded(groups, lambda own: cluster_proportion_interval(right, own))
    return Figure(passed / n, *bounds, n)


def mean(values: Floats, groups: Sequence[str] | None, *, seed: int = 0) -> Figure:
    """Return the mean of values in [0, 1] with its interval."""
    n = len(values)
    if groups is None:
        bounds = mean_interval(values, seed=seed)
    else:
        bounds = bounded(groups, lambda own: cluster_interval(values, own))
    # One sample, or equal ones, tell nothing of the spread.
    if bounds[1] - bounds[0] < 1e-9:
        units = n if groups is None else len(set(groups))
        bounds = fixed_mean_interval(float(values.mean()), units)
    return Figure(float(values.mean()), *bounds, n)


def area(odds: Floats, positives: Sequence[bool], groups: Sequence[str] | None) -> Figure | None:
    """Return the AUC of log-odds with its interval, None where a class has no samples."""
    if not any(positives) or all(positives):
        return None
    if groups is None:
        bounds = auc_interval(odds, positives)
    else:
        bounds = bounded(groups, lambda own: cluster_auc_interval(odds, positives, own))
    return Figure(auc(odds, positives), *bounds, len(positives))


def paired_means(first: Floats, second: Floats, clusters: Sequence[Hashable] | None) -> Difference:
    """Compare two means over the same samples, which may share clusters."""
    if clusters is None:
        return paired_bootstrap(first, second, resamples=RESAMPLES)
    return paired_clusters(first, second, clusters)


def bounded(
    groups: Sequence[str], interval: Callable[[Sequence[str]], tuple[float, float]]
) -> tuple[float, float]:
    """Return an interval within [0, 1]; one group tells nothing, so it gives all of it."""
    if len(set(groups)) < 2:
        return 0.0, 1.0
    low, high = interval(groups)
    return max(0.0, low), min(1.0, high)


def confusion(interval: _Interval, paired: _Paired) -> tuple[Measure, Compare]:
    """Return how a figure of the confusion matrix is measured and compared.

    Args:
        interval: Of targets, answers, the number of labels and clusters.
        paired: Of targets, both sides' answers, the number of labels and clusters.
    """

    def measure(sheet: Sheet, _: str) -> Figure | None:
        own = sheet.only(sheet.answered)
        if not _all_asked(own) or _one_cluster(own):
            return None
        found = interval(own.targets, own.answers, len(own.labels), own.clusters)
        return Figure(*found, len(own.targets)) if found else None

    def compare(
        first: ResultsById, second: ResultsById, labels: Sequence[str], _: str
    ) -> tuple[Difference, int] | None:
        a, b, left_out = aligned(first, second, labels, lambda sheet: sheet.answered)
        if not _all_asked(b) or _one_cluster(b):
            return None
        found = paired(b.targets, a.answers, b.answers, len(labels), b.clusters)
        return (found, left_out) if found else None

    return measure, compare


def recall(sheet: Sheet, label: str) -> Figure | None:
    """Return the share of a label's samples that are given it."""
    own = sheet.only(sheet.answered & (sheet.targets == sheet.place(label)))
    return _right(own)


def compare_recall(
    first: ResultsById, second: ResultsById, labels: Sequence[str], label: str
) -> tuple[Difference, int] | None:
    """Compare the recalls of a label as accuracies of its samples."""
    return compare_recall_runs([first], second, labels, label)


def compare_recall_runs(
    first: Sequence[ResultsById], second: ResultsById, labels: Sequence[str], label: str
) -> tuple[Difference, int] | None:
    """Compare the recalls of a label with those of several runs."""
    *before, now = ({key: one for key, one in cell.items() if one.target == label}
                    for cell in (*first, second))  # fmt: skip
    return pair(before, [now], "accuracy", positive=labels[0])


def precision(sheet: Sheet, label: str) -> Figure | None:
    """Return the share of the samples given a label that are of it."""
    own = sheet.only(sheet.answers == sheet.place(label))
    return _right(own)


def compare_precision(
    first: ResultsById, second: ResultsById, labels: Sequence[str], label: str
) -> tuple[Difference, int] | None:
    """Compare the precisions of a label by the influence of each sample."""
    a, b, left_out = aligned(first, second, labels, lambda sheet: sheet.answered)
    if len(b.targets) < 2 or _one_cluster(b):
        return None
    figure = precision_of(b.place(label))
    found = paired_confusion(figure, b.targets, a.answers, b.answers, len(labels), b.clusters)
    return (found, left_out) if found else None


def mean_of(values: _MeanValues, *, within: bool) -> tuple[Measure, Compare]:
    """Return how a mean over the samples' probabilities is measured and compared.

    Args:
        values: Of log-probabilities and targets.
        within: Whether a value is in [0, 1].
    """
    most = 1.0 if within else math.inf

    def costs(sheet: Sheet) -> Floats:
        each = [values(sheet.logprobs, np.full_like(sheet.targets, place))
                for place in range(len(sheet.labels))]  # fmt: skip
        return np.stack(each, axis=1)

    def measure(sheet: Sheet, _: str) -> Figure | None:
        own = sheet.only(sheet.rated)
        if len(own.targets) < (1 if within else 2) or _one_cluster(own):
            return None
        found = mean_cost(costs(own), own.targets, own.clusters)
        if found is None:
            # One sample, or all labels alike in each: costs of twice as much may be unseen.
            span = 1.0 if within else 2 * math.log(len(own.labels))
            bare = mean(values(own.logprobs, own.targets) / span, own.clusters)
            return Figure(bare.value * span, bare.low * span, bare.high * span, bare.n)
        return Figure(found.value, max(0.0, found.low), min(most, found.high), len(own.targets))

    def compare(
        first: ResultsById, second: ResultsById, labels: Sequence[str], _: str
    ) -> tuple[Difference, int] | None:
        a, b, left_out = aligned(first, second, labels, lambda sheet: sheet.rated)
        if len(b.targets) < 2 or _one_cluster(b):
            return None
        old, new = (values(side.logprobs, side.targets) for side in (a, b))
        found = mean_cost(costs(b) - costs(a), b.targets, b.clusters)
        if found is None:
            return paired_means(old, new, b.clusters), left_out
        low, high = max(-most, found.low), min(most, found.high)
        lost, won, n = int((new < old).sum()), int((new > old).sum()), len(b.targets)
        whole = float(old.mean()), float(new.mean())
        return Difference(*whole, low, high, found.p, lost, won, n), left_out

    return measure, compare


def _estimated(
    estimate: Callable[[Floats, Bools, _Clusters, str], Estimate],
) -> tuple[Measure, Compare]:
    def measure(sheet: Sheet, argument: str) -> Figure | None:
        own = sheet.only(sheet.rated)
        if len(own.targets) < 2 or _one_cluster(own):
            return None
        found = estimate(*own.confidence, own.clusters, argument)
        return Figure(found.value, found.low, found.high, len(own.targets))

    def compare(
        first: ResultsById, second: ResultsById, labels: Sequence[str], argument: str
    ) -> tuple[Difference, int] | None:
        a, b, left_out = aligned(first, second, labels, lambda sheet: sheet.rated)
        if len(b.targets) < 2 or _one_cluster(b):
            return None
        sides = [estimate(*side.confidence, b.clusters, argument) for side in (a, b)]
        right = a.confidence[1], b.confidence[1]
        return difference_of(sides[0], sides[1], right), left_out

    return measure, compare


def calibration_error() -> tuple[Measure, Compare]:
    """Return how the expected calibration error is measured and compared."""
    return _estimated(
        lambda confidence, right, clusters, _: corrected_calibration_error(
            confidence, right, clusters
        )
    )


def coverage() -> tuple[Measure, Compare]:
    """Return how the coverage at an error budget is measured and compared."""

    def estimate(confidence: Floats, right: Bools, clusters: _Clusters, budget: str) -> Estimate:
        bounds = coverage_interval(confidence, right, float(budget), clusters)
        return Estimate(coverage_at(confidence, right, float(budget)), *bounds)

    return _estimated(estimate)


def aligned(
    first: ResultsById, second: ResultsById, labels: Sequence[str], counts: Callable[[Sheet], Bools]
) -> tuple[Sheet, Sheet, int]:
    """Return both cells on the samples that both count, and how many are left out."""
    _, (old, new) = in_all([first, second])
    sheets = [Sheet.of(side, labels) for side in (old, new)]
    mask = counts(sheets[0]) & counts(sheets[1])
    asked = len({*first, *second})
    return sheets[0].only(mask), sheets[1].only(mask), asked - int(mask.sum())


def _right(sheet: Sheet) -> Figure | None:
    """Return the share of right answers, None where there are none."""
    if not len(sheet.targets):
        return None
    return proportion(np.asarray(sheet.answers == sheet.targets), sheet.clusters)


def _all_asked(sheet: Sheet) -> bool:
    """Return whether every label is some sample's target."""
    return len(np.unique(sheet.targets)) == len(sheet.labels)


def _one_cluster(sheet: Sheet) -> bool:
    return sheet.clusters is not None and len(set(sheet.clusters)) < 2
