"""A cell against several runs of another one, or of itself."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from harness.figures.scores import ResultsById
from harness.figures.table import figure_kind
from harness.stats import Difference


def compare_runs(
    first: Sequence[ResultsById],
    second: ResultsById,
    figure: str,
    labels: Sequence[str],
    *,
    part: bool = False,
) -> tuple[Difference, int] | None:
    """Return how a cell differs from one run, or from the mean of several, in a figure.

    Accuracies, recall and AUC take each sample by its mean over the runs. Other figures are
    compared run by run: difference and ends of the interval are the means over the runs, which is
    rather too wide, since the standard error of a mean of estimates is at most the mean of theirs;
    p is twice the mean of their p-values.

    Args:
        first: The runs, one at least.
        second: The cell that is judged.
        figure: One of `paired()`, with its argument.
        labels: The set's.
        part: Whether these are some of the cells' samples, such as a slice.

    Returns:
        The difference, second minus first, and how many samples are left out; None where some run
        cannot be compared. `lost` and `won` are 0 where several runs were compared one by one.

    Source: Vovk and Wang (2020), Biometrika 107:791, for twice the mean of p-values.
    """
    kind, argument = figure_kind(figure)
    if kind.compare is None:
        return None
    if len(first) == 1:
        compare = kind.part if part and kind.part else kind.compare
        return compare(first[0], second, labels, argument)
    if kind.runs is not None:
        several = kind.part_runs if part and kind.part_runs else kind.runs
        return several(first, second, labels, argument)
    pairs = []
    for run in first:
        pair = kind.compare(run, second, labels, argument)
        if pair is None:
            return None
        pairs.append(pair)
    found = [one for one, _ in pairs]
    mean = Difference(
        first=fmean(one.first for one in found),
        second=fmean(one.second for one in found),
        low=fmean(one.low for one in found),
        high=fmean(one.high for one in found),
        p=min(1.0, 2 * fmean(one.p for one in found)),
        lost=0,
        won=0,
        n=min(one.n for one in found),
    )
    return mean, max(left_out for _, left_out in pairs)
