"""Several draws of shots on the same samples: how much of their spread is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats.arrays import Bools
from harness.stats.clusters import cluster_sums


@dataclass(frozen=True, slots=True)
class Spread:
    """The accuracies of several draws on the same samples.

    Attributes:
        mean: Of the accuracies; `low` and `high` are the least and the greatest.
        sd: Standard deviation of the accuracies over the draws.
        chance_sd: What it would be on average if all draws were equally good.
        share: Part of the variance over the draws that is a difference between the draws, which
            other samples would show again; 0 where chance explains all of it.
        p: Cochran's Q test that all draws are equally good.
        draws: How many; `n` samples each.
    """

    mean: float
    low: float
    high: float
    sd: float
    chance_sd: float
    share: float
    p: float
    draws: int
    n: int


def spread_over_draws(
    right: Sequence[Sequence[bool]] | Bools, *, clusters: Sequence[str] | None = None
) -> Spread:
    """Return the spread of accuracies over draws, split by a two-way layout of variance.

    Where samples share clusters, the layout is of draws and clusters, a cluster counting by the sum
    of its samples; the test is then the permutation test of such sums that Cochran's Q is of
    single answers, by the same chi-squared approximation.

    Args:
        right: Whether each answer is right, of shape [draws, samples]: at least 2 draws, 2 samples.
        clusters: The cluster of each sample, two at least; by default each is its own.

    Raises:
        ValueError: If the shape is another, lengths differ or there are fewer than two clusters.

    Source: Cochran (1950), Biometrika 37:256, and Pitman (1938), Biometrika 29:322, for the test;
    Searle, Casella and McCulloch (1992), Variance Components, ch. 4, for the estimate from the
    mean squares of draws and residuals.
    """
    from scipy.special import chdtrc

    table = np.asarray(right, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2:
        raise ValueError(f"answers have shape {table.shape}, not [draws, samples] of 2 or more")
    draws, n = table.shape
    if clusters is not None:
        # A cluster's share in the mean, so that the mean over clusters is that over samples.
        sums = np.array([cluster_sums(row, clusters)[0] for row in table])
        table = sums * sums.shape[1] / n
    units = table.shape[1]
    means = table.mean(axis=1)
    residual = table - means[:, None] - table.mean(axis=0)[None, :] + table.mean()
    between = float(units * means.var(ddof=1))
    within = float((residual**2).sum() / ((draws - 1) * (units - 1)))
    # Under the hypothesis a unit's values could stand in any order: this is their variance in it.
    shuffled = float(table.var(axis=0, ddof=1).mean())
    q = (draws - 1) * between / shuffled if shuffled > 0 else 0.0
    return Spread(
        mean=float(means.mean()),
        low=float(means.min()),
        high=float(means.max()),
        sd=float(means.std(ddof=1)),
        chance_sd=float(np.sqrt(within / units)),
        share=max(0.0, 1 - within / between) if between > 0 else 0.0,
        p=float(chdtrc(draws - 1, q)),
        draws=draws,
        n=n,
    )
