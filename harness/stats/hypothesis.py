"""Tests of hypotheses, and the correction for many of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.stats.arrays import Floats
from harness.stats.resampling import block_size


def mcnemar_exact(b: int, c: int) -> float:
    """Return the two-sided exact p-value of McNemar's test.

    Args:
        b: Samples that only the first side has right.
        c: Samples that only the second side has right.

    Raises:
        ValueError: If a count is negative.

    Source: McNemar (1947), Psychometrika 12:153; exact binomial form.
    """
    from scipy.special import betainc

    if b < 0 or c < 0:
        raise ValueError(f"discordant counts {b} and {c} must not be negative")
    if b == c:
        return 1.0
    # As `binomtest`, whose module takes a second of processor time to import: with a probability
    # of a half both tails are equal, and each is an incomplete beta function.
    return min(1.0, 2 * float(betainc(max(b, c), min(b, c) + 1, 0.5)))


def holm(pvalues: Sequence[float]) -> list[float]:
    """Return p-values adjusted for the family-wise error, in the order given.

    Source: Holm (1979), Scand. J. Stat. 6:65.
    """
    if len(pvalues) < 2:
        return [float(p) for p in pvalues]
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(list(pvalues), method="holm")[1]]


def sign_flip_test(
    differences: Sequence[float] | Floats, *, seed: int = 0, resamples: int = 2000
) -> float:
    """Return the two-sided p-value that paired differences lie around zero.

    Under the hypothesis each difference could as well have had the other sign. All sign patterns
    are tried where there are no more than `resamples`, random ones otherwise.

    Args:
        differences: One for each independent unit (sample or cluster), finite, at least one.
        seed: Seed of the random signs.
        resamples: Sign patterns to try at most, at least 1.

    Raises:
        ValueError: If there is no difference or one is not finite.

    Source: Fisher (1935), The Design of Experiments, ch. 3.
    """
    from scipy.stats import permutation_test

    array = np.asarray(differences, dtype=np.float64)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError("a test needs at least one difference, all of them finite")
    moved = array[array != 0]
    # A single difference is as great with its sign flipped; scipy takes two at least.
    if moved.size < 2:
        return 1.0
    # A unit without a difference has no sign to flip.
    found = permutation_test(
        (moved,),
        lambda x, axis=-1: x.sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=block_size(moved.size),
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)
