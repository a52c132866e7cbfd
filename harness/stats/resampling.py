"""What the bootstrap intervals share: blocks of resamples that fit memory, percentiles."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from harness.stats.arrays import Floats, Whole

# Numbers that one block of bootstrap resamples may hold: 32 MiB of float64.
_BLOCK = 4_194_304


def resampled_shares(places: Whole, resamples: int, width: int, rng: np.random.Generator) -> Floats:
    """Return shares of each place among draws with replacement, of shape [resamples, width]."""
    drawn = places[rng.integers(0, len(places), size=(resamples, len(places)))]
    drawn += np.arange(resamples)[:, None] * width
    counts = np.bincount(drawn.ravel(), minlength=resamples * width)
    return counts.reshape(resamples, width) / len(places)


def blocks(resamples: int, width: int) -> Iterator[int]:
    """Yield numbers of resamples, each of `width` numbers, that make up `resamples`."""
    size = min(resamples, block_size(width))
    for start in range(0, resamples, size):
        yield min(size, resamples - start)


def percentiles(values: Floats, level: float) -> tuple[float, float]:
    """Return the bounds of the central `level` of the values."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def block_size(width: int) -> int:
    """Return how many resamples of `width` numbers fit into one block, at least 1."""
    return max(1, _BLOCK // max(1, width))


def group_sums(rows: Floats, groups: Sequence[Hashable]) -> Floats:
    """Return the sums of the rows of each group, of shape [groups, width].

    Raises:
        ValueError: If the lengths differ.
    """
    if len(groups) != len(rows):
        raise ValueError(f"{len(groups)} groups for {len(rows)} rows")
    places: dict[Hashable, int] = {}
    which = np.array([places.setdefault(one, len(places)) for one in groups], dtype=np.intp)
    sums = np.zeros((len(places), rows.shape[1]))
    np.add.at(sums, which, rows)
    return sums


def resampled_sums(rows: Floats, *, seed: int, resamples: int) -> Floats:
    """Return sums over as many rows as there are, drawn with replacement: [resamples, width]."""
    rng, places = np.random.default_rng(seed), np.arange(len(rows))
    found = [
        resampled_shares(places, block, len(rows), rng) @ rows * len(rows)
        for block in blocks(resamples, len(rows))
    ]
    return np.concatenate(found)


def expanded_level(level: float, n: int) -> float:
    """Return the level at which a percentile interval over n units holds `level`.

    The percentile bootstrap is too narrow with few units: its spread lacks n / (n - 1), and its
    quantiles are those of a normal distribution, not of Student's t.

    Source: Hesterberg (2015), Am. Stat. 69:371, the expanded percentile interval.
    """
    from scipy.special import ndtr, stdtrit

    half = float(stdtrit(n - 1, (1 + level) / 2)) * (n / (n - 1)) ** 0.5
    return 2 * float(ndtr(half)) - 1
