"""Many comparisons on the same samples: p-values and intervals that hold together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats.arrays import Floats
from harness.stats.resampling import block_size

FLIPS = 9999
"""Sign patterns that are drawn: a p-value then resolves 0.0001."""

# Two statistics that differ by less are a tie, which rounding must not decide. Sums under random
# signs have seven digits.
_TIE = 2e-5


@dataclass(frozen=True, slots=True)
class Simultaneous:
    """Comparisons of one family, all of them by one critical value.

    Attributes:
        p: Adjusted p-value of each, two-sided.
        critical: The family's critical value: a difference is shown where it is more than that many
            standard errors from 0, which is where its p is below one minus the level.
        errors: Standard error of each.
    """

    p: Floats
    critical: float
    errors: Floats


def max_t(
    estimates: Sequence[float] | Floats,
    columns: Floats,
    *,
    families: Sequence[Hashable] | None = None,
    level: float = 0.95,
    flips: int = FLIPS,
    seed: int = 0,
) -> list[Simultaneous]:
    """Test the comparisons of each family at once, by the greatest of their statistics.

    Under the hypothesis that nothing differs, what a unit adds to a difference could as well have
    had the other sign. The signs of all units are drawn anew many times, the same for all
    comparisons, which keeps how these depend on each other; the greatest statistic of each time is
    what a family's own are held against. All patterns are tried where there are no more of them
    than `flips`. A comparison to which no unit adds anything has p = 1 and error 0.

    Args:
        estimates: The difference of each comparison, of shape [comparisons].
        columns: What each independent unit (sample or cluster) adds to each difference, of shape
            [units, comparisons], 0 where it takes no part; the squares add up to the variance.
        families: The family of each comparison; by default all are of one.
        level: Confidence that all intervals of a family hold together, in (0, 1).
        flips: Sign patterns at most, at least 1.
        seed: Seed of the random signs.

    Returns:
        One for each family, in order of first appearance; its arrays in the order of its members.

    Raises:
        ValueError: If shapes do not fit or a number is not finite.

    Source: Westfall and Young (1993), Resampling-Based Multiple Testing, single-step max-T;
    Romano and Wolf (2005), Econometrica 73:1237.
    """
    values = np.asarray(estimates, dtype=np.float64)
    table = np.asarray(columns, dtype=np.float64)
    names = [0] * len(values) if families is None else list(families)
    if table.ndim != 2 or table.shape[1] != len(values) or len(names) != len(values):
        raise ValueError(f"{len(values)} differences, {len(names)} families for columns of shape "
                         f"{table.shape}")  # fmt: skip
    if not (np.isfinite(values).all() and np.isfinite(table).all()):
        raise ValueError("a difference or a column is not finite")
    errors = np.sqrt((table**2).sum(axis=0))
    usable = np.where(errors > 0, errors, 1.0)
    members = {name: [at for at, own in enumerate(names) if own == name] for name in names}
    tops = _greatest(table / usable, list(members.values()), flips, seed)
    found = []
    for own, top in zip(members.values(), tops, strict=True):
        statistics = np.where(errors[own] > 0, np.abs(values[own]) / usable[own], 0.0)
        p, critical = _against(statistics, top, level)
        found.append(Simultaneous(p, critical, errors[own]))
    return found


def _against(statistics: Floats, top: Floats, level: float) -> tuple[Floats, float]:
    """Return p-values and the critical value, such that p < 1 - level where it is exceeded.

    Args:
        statistics: Of shape [comparisons].
        top: The greatest statistic of each sign pattern, the observed one among them.
        level: Confidence in (0, 1).
    """
    ranked = np.sort(top)
    reached = len(ranked) - np.searchsorted(ranked, statistics - _TIE, side="left")
    p = np.maximum(reached, 1) / len(ranked)
    # As many patterns as may reach a statistic that is still shown.
    allowed = int(np.ceil((1 - level) * len(ranked) - 1e-9)) - 1
    critical = float(ranked[-1 - allowed]) + _TIE
    return np.asarray(np.minimum(p, 1.0)), critical


def _greatest(
    scaled: Floats, members: Sequence[Sequence[int]], flips: int, seed: int
) -> list[Floats]:
    """Return for each family its greatest statistic under each sign pattern."""
    found: list[Floats] = [np.empty(0)] * len(members)
    drawn: list[int] = []
    for place, own in enumerate(members):
        moved = scaled[:, own][np.any(scaled[:, own] != 0, axis=1)]
        if 2 ** len(moved) <= flips + 1:
            bits = np.arange(2 ** len(moved))[:, None] >> np.arange(len(moved)) & 1
            found[place] = np.abs((bits * 2.0 - 1.0) @ moved).max(axis=1)
        else:
            drawn.append(place)
    if drawn:
        used = np.any(scaled[:, [at for place in drawn for at in members[place]]] != 0, axis=1)
        rows, rng = scaled[used].astype(np.float32), np.random.default_rng(seed)
        parts: list[list[Floats]] = [[] for _ in members]
        size = block_size(len(rows))
        for start in range(0, flips, size):
            count = min(size, flips - start)
            bits = np.frombuffer(rng.bytes((count * len(rows) + 7) // 8), dtype=np.uint8)
            signs = np.unpackbits(bits, count=count * len(rows)).astype(np.float32)
            signs *= 2
            signs -= 1
            sums = np.abs(signs.reshape(count, len(rows)) @ rows)
            for place in drawn:
                parts[place].append(sums[:, list(members[place])].max(axis=1).astype(np.float64))
        for place in drawn:
            # What was observed is one of the patterns.
            observed = np.array([np.inf])
            found[place] = np.concatenate([observed, *parts[place]])
    return found
