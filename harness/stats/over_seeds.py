"""Two sides with several draws of shots each, on the same samples: each sample counts once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.stats.arrays import Bools, Floats
from harness.stats.auc import mean_placements, placements, two_classes
from harness.stats.hypothesis import sign_flip_test
from harness.stats.intervals import fixed_mean_interval, fixed_means_interval
from harness.stats.paired import Difference, paired_accuracy
from harness.stats.paired_auc import area_difference

# Sign patterns to try: a p-value then resolves 0.0001, which Holm's correction needs.
_SIGNS = 9999


def pooled_accuracy(
    first: Sequence[Sequence[bool]] | Bools,
    second: Sequence[Sequence[bool]] | Bools,
    *,
    influence: Floats | None = None,
) -> Difference:
    """Compare two mean accuracies over draws, the sample being the unit.

    A sample's answers under several draws are no independent evidence, so each sample enters by its
    mean over a side's draws. The p-value is a sign-flip permutation test's (9,999 seeded sign
    patterns, or all of them where there are fewer), the interval is cluster-robust: mean and
    standard error of the samples' differences with Student's t. Of sides that no sample tells
    apart it is Newcombe's; where all samples differ alike, it is made of Clopper and Pearson's of
    both means. Where no sample was won, it reaches as far as Clopper and Pearson's bound of a
    share as great as the loss, and likewise where none was lost. It speaks of these draws; those
    to come are not sampled.

    Args:
        first: Whether each answer of the first side is right, of shape [draws, samples].
        second: The same for the second side; its number of draws may be another.
        influence: By how much each sample moves the difference beside being right or wrong, [n], as
            for `paired_accuracy`.

    Returns:
        The difference; `lost` and `won` count the samples with a lower and a higher second mean.

    Raises:
        ValueError: If there are no draws, no samples, or their numbers differ.

    Source: Fisher (1935), The Design of Experiments, ch. 3; Liang and Zeger (1986), Biometrika
    73:13, with clusters of one sample.
    """
    from scipy.special import stdtrit

    a, b = _means(first), _means(second)
    if a.shape != b.shape:
        raise ValueError(f"no pairs: {a.size} and {b.size} samples")
    step = b - a
    # Means of a few zeros and ones: what rounds to nothing is nothing.
    step[np.abs(step) < 1e-12] = 0.0
    n = int(step.size)
    lost, won = int((step < 0).sum()), int((step > 0).sum())
    if not step.any() or n == 1:
        bare = paired_accuracy(a > 0.5, b > 0.5, influence=influence)
        return Difference(float(a.mean()), float(b.mean()), bare.low, bare.high, 1.0, lost, won, n)
    moved = step if influence is None else step + influence
    p = sign_flip_test(moved, resamples=_SIGNS)
    half = float(stdtrit(n - 1, 0.975) * moved.std(ddof=1) / np.sqrt(n))
    means, value = (float(a.mean()), float(b.mean())), float(step.mean())
    low, high = max(-1.0, value - half), min(1.0, value + half)
    if half < 1e-9:
        low, high = fixed_means_interval(*means, n)
    # As `paired_accuracy`: what was not seen at all may still happen.
    elif won == 0:
        low = min(low, -fixed_mean_interval(-value, n)[1])
    elif lost == 0:
        high = max(high, fixed_mean_interval(value, n)[1])
    return Difference(*means, low, high, p, lost, won, n)


def pooled_auc(
    first: Sequence[Sequence[float]] | Floats,
    second: Sequence[Sequence[float]] | Floats,
    positives: Sequence[bool] | Bools,
    *,
    clusters: Sequence[str] | None = None,
) -> Difference:
    """Compare two mean AUCs over draws, the sample (or its cluster) being the unit.

    As `area_difference`, each sample's placement being its mean over a side's draws.

    Args:
        first: Scores of the first side, of shape [draws, samples].
        second: Scores of the second side, in the same order of samples.
        positives: Whether each sample is of the positive class.
        clusters: The cluster of each sample; by default each is its own.

    Raises:
        ValueError: If there are no draws, numbers of samples differ, a score is NaN, or a class
            has fewer than two samples or clusters.

    Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44:837; Obuchowski (1997),
    Biometrics 53:567, for several scores of one unit.
    """
    a, b = (_mean_placements(side, positives) for side in (first, second))
    return area_difference(a, b, np.asarray(positives, dtype=np.bool_), clusters)


def _means(right: Sequence[Sequence[bool]] | Bools) -> Floats:
    table = np.asarray(right, dtype=np.float64)
    if table.ndim != 2 or table.size == 0:
        raise ValueError(f"answers have shape {table.shape}, not [draws, samples]")
    return np.asarray(table.mean(axis=0))


def _mean_placements(
    scores: Sequence[Sequence[float]] | Floats, positives: Sequence[bool] | Bools
) -> tuple[Floats, Floats]:
    """Per positive the mean share of negatives below it; per negative that of positives above."""
    if len(scores) == 0:
        raise ValueError("no draws")
    return mean_placements([placements(*two_classes(draw, positives)) for draw in scores])
