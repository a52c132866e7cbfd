"""One estimate from several comparisons on the same samples, and whether these differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats.arrays import Floats
from harness.stats.intervals import student


@dataclass(frozen=True, slots=True)
class Pooled:
    """The mean of several differences.

    Attributes:
        value: The mean.
        low: Lower end of its 95% interval; `high` the upper one.
        p: Two-sided p-value of a mean of 0; it is below 0.05 where the interval leaves out 0.
        draws: Draws that it is the mean of. With one, it speaks of that draw alone.
        units: Independent units (samples or clusters).
    """

    value: float
    low: float
    high: float
    p: float
    draws: int
    units: int


def pooled(
    estimates: Sequence[float] | Floats, influences: Floats, *, level: float = 0.95
) -> Pooled | None:
    """Return the mean over draws, with an interval for draws that are still to come.

    Two sources of chance are crossed: the units, which all draws share, and the draws. What the
    units alone make of the spread between draws is taken from it; what is left belongs to the
    draws. The interval is the wider of two: Student's t with Satterthwaite's degrees of freedom,
    and the mean of both sources' own quantiles, weighted by their variances (Cochran's); with three
    draws either alone is too narrow where one source prevails. With one draw nothing is known of
    others, and the interval speaks of the units alone. Units have as many degrees of freedom as
    their fourth moment leaves them, so that ten which move the mean are not counted as a thousand
    because of those that hardly do. Of several cells that share each draw, such as wordings and
    placements of the same shots, average over these first.

    Args:
        estimates: The difference in each draw, of shape [draws].
        influences: What each unit moves each difference by, of shape [units, draws]: a difference
            is its truth plus the sum of its column; columns sum to 0.
        level: Confidence in (0, 1).

    Returns:
        None where fewer than two units tell anything.

    Raises:
        ValueError: If shapes do not fit or a number is not finite.

    Source: Satterthwaite (1946), Biometrics Bull. 2:110, for both degrees of freedom; Cochran
    (1964), Biometrics 20:191; Searle, Casella and McCulloch (1992), Variance Components, ch. 4, for
    crossed random effects.
    """
    values, table = _checked(estimates, influences)
    units, draws = table.shape
    if units < 2:
        return None
    mean = float(values.mean())
    small = units / (units - 1)
    by_units = float((table.mean(axis=1) ** 2).sum()) * small
    more, total = 0.0, 0.0
    if draws > 1:
        total = float(values.var(ddof=1))
        noise = float(table.var(axis=1, ddof=1).sum()) * small
        more = max(0.0, total - noise) / draws
    if by_units + more <= 1e-24:
        return None
    parts = _Parts(by_units, _freedom(table.mean(axis=1)), more, total / draws, draws)
    half, p = parts.half(1 - level), parts.level_of(abs(mean))
    return Pooled(mean, max(-1.0, mean - half), min(1.0, mean + half), p, draws, units)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The variance of a mean over draws, by its sources."""

    by_units: float
    freedom: float
    by_draws: float
    spread: float
    draws: int

    def half(self, alpha: float) -> float:
        """Return half of the interval's width at this two-sided level."""
        error, freedom = self._both()
        both = student(alpha, freedom) * error
        if self.draws == 1:
            return both
        own = student(alpha, self.draws - 1) * self.by_draws
        return max(both, (own + student(alpha, self.freedom) * self.by_units) / error)

    def level_of(self, distance: float) -> float:
        """Return the two-sided level whose half-width is this distance."""
        from scipy.optimize import brentq
        from scipy.special import stdtr

        def lack(log_alpha: float) -> float:
            return self.half(math.exp(log_alpha)) - distance

        error, freedom = self._both()
        least = math.log(1e-9)
        if self.draws == 1 or lack(least) < 0:
            return float(2 * stdtr(freedom, -distance / error))
        return 1.0 if lack(-1e-12) >= 0 else math.exp(float(brentq(lack, least, -1e-12)))

    def _both(self) -> tuple[float, float]:
        """Return the standard error and Satterthwaite's degrees of freedom."""
        variance = self.by_units + self.by_draws
        if self.draws == 1:
            return math.sqrt(variance), self.freedom
        ends = self.spread**2 / (self.draws - 1) + self.by_units**2 / self.freedom
        return math.sqrt(variance), variance**2 / ends


def _freedom(moved: Floats) -> float:
    """Return the degrees of freedom of a sum of squares, from 1 to one less than its terms."""
    squares = moved**2
    fourth, most = float(squares @ squares), len(moved) - 1.0
    return min(most, max(1.0, 3 * float(squares.sum()) ** 2 / fourth - 1)) if fourth else most


def differ(estimates: Sequence[float] | Floats, influences: Floats) -> float | None:
    """Return the p-value that several differences on the same units have one true value.

    Hotelling's test of the contrasts between them, which allows for how they depend on each other.

    Args:
        estimates: Of shape [comparisons].
        influences: As for `pooled`, of shape [units, comparisons].

    Returns:
        None where there are too few units to tell, or fewer than two comparisons.

    Raises:
        ValueError: If shapes do not fit or a number is not finite.

    Source: Hotelling (1931), Ann. Math. Stat. 2:360.
    """
    from scipy.stats import f

    values, table = _checked(estimates, influences)
    units, size = table.shape
    if size < 2 or units < 2:
        return None
    steps = values[1:] - values[0]
    moved = table[:, 1:] - table[:, :1]
    cover = moved.T @ moved * (units / (units - 1))
    freedom = int(np.linalg.matrix_rank(cover, hermitian=True))
    if freedom == 0 or units <= freedom + 1:
        return None
    statistic = float(steps @ np.linalg.pinv(cover, hermitian=True) @ steps)
    scale = (units - freedom) / (freedom * (units - 1))
    return float(f.sf(statistic * scale, freedom, units - freedom))


def _checked(estimates: Sequence[float] | Floats, influences: Floats) -> tuple[Floats, Floats]:
    values = np.asarray(estimates, dtype=np.float64)
    table = np.asarray(influences, dtype=np.float64)
    if table.ndim != 2 or not len(values) or table.shape[1] != len(values):
        raise ValueError(f"{len(values)} differences for influences of shape {table.shape}")
    if not (np.isfinite(values).all() and np.isfinite(table).all()):
        raise ValueError("a difference or an influence is not finite")
    return values, table
