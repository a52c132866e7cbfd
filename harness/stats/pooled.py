"""One estimate from several comparisons on the same samples, and whether these differ."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.stats.arrays import Floats
from harness.stats.intervals import student

# Of three prompts that stand for others, too little is known of these.
FEWEST_WORDINGS = 4


@dataclass(frozen=True, slots=True)
class Pooled:
    """The mean of several differences.

    Attributes:
        value: The mean.
        low: Lower end of its 95% interval; `high` the upper one.
        p: Two-sided p-value of a mean of 0; it is below 0.05 where the interval leaves out 0.
        draws: Draws that it is the mean of. With one, it speaks of that draw alone.
        units: Independent units (samples or clusters).
        wordings: Prompts that stand for others like them. With one, it speaks of its prompts alone.
    """

    value: float
    low: float
    high: float
    p: float
    draws: int
    units: int
    wordings: int = 1


def pooled(
    estimates: Sequence[float] | Floats,
    influences: Floats,
    *,
    draws: Sequence[Hashable] | None = None,
    wordings: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Pooled | None:
    """Return the mean of differences, with an interval for draws and prompts that are yet to come.

    Sources of chance are crossed: the units, which all differences share, the draws, and the
    prompts if they are a sample of others. What the units alone make of the spread between draws
    is taken from it; what is left belongs to the draws, and likewise for prompts. The interval is
    the wider of two: Student's t with Satterthwaite's degrees of freedom, and the mean of the
    quantiles of what is drawn and of units, weighted by their variances (Cochran's); with three
    draws either alone is too narrow where one source prevails. With one draw nothing is known of
    others, and the interval speaks of that one. Units have as many degrees of freedom as their
    fourth moment leaves them, so that ten which move the mean are not counted as a thousand because
    of those that hardly do.

    Args:
        estimates: The differences, of shape [differences]. With several draws or random prompts
            each draw has the same cells, and each prompt.
        influences: What each unit moves each difference by, of shape [units, differences]: a
            difference is its truth plus the sum of its column; columns sum to 0.
        draws: The draw of each difference; by default each is one of its own.
        wordings: The prompt of each difference, where prompts stand for others like them; None
            where they stand for themselves.
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
    units, size = table.shape
    if units < 2:
        return None
    named = range(size) if draws is None else draws
    sources = [_source(values, table, names) for names in (named, wordings or ()) if names]
    drawn = [one for one in sources if one is not None]
    moved = table.mean(axis=1)
    by_units = float((moved**2).sum()) * units / (units - 1)
    if by_units + sum(one.more for one in drawn) <= 1e-24:
        return None
    parts = _Parts(by_units, _freedom(moved), tuple(drawn))
    mean = float(values.mean())
    half, p = parts.half(1 - level), parts.level_of(abs(mean))
    low, high = max(-1.0, mean - half), min(1.0, mean + half)
    prompts = len(set(wordings)) if wordings else 1
    return Pooled(mean, low, high, p, len(set(named)), units, prompts)


def averaged(
    values: Floats, influences: Floats, groups: Sequence[Hashable]
) -> tuple[Floats, Floats]:
    """Return the mean difference and influence of each group, in order of appearance."""
    names = list(dict.fromkeys(groups))
    weights = np.array([[one == name for name in names] for one in groups], dtype=np.float64)
    weights /= weights.sum(axis=0)
    return values @ weights, influences @ weights


@dataclass(frozen=True, slots=True)
class _Source:
    """What draws, or prompts, add to the variance of a mean.

    Attributes:
        more: What is theirs alone.
        spread: With what the units make of it, as it is estimated.
        freedom: Degrees of freedom of `spread`.
    """

    more: float
    spread: float
    freedom: int


def _source(values: Floats, table: Floats, names: Sequence[Hashable]) -> _Source | None:
    """Return what the names' own differences add; None of one name, of which nothing is known."""
    of_names, moved = averaged(values, table, names)
    size, units = len(of_names), len(table)
    if size < 2:
        return None
    total = float(of_names.var(ddof=1))
    noise = float(moved.var(axis=1, ddof=1).sum()) * units / (units - 1)
    return _Source(max(0.0, total - noise) / size, total / size, size - 1)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The variance of a mean, by its sources."""

    by_units: float
    freedom: float
    drawn: tuple[_Source, ...]

    def half(self, alpha: float) -> float:
        """Return half of the interval's width at this two-sided level."""
        error, freedom = self._both()
        both = student(alpha, freedom) * error
        more, ends = sum(one.more for one in self.drawn), self._ends()
        if not more:
            return max(both, student(alpha, self.freedom) * error)
        own = student(alpha, sum(one.spread for one in self.drawn) ** 2 / ends) * more
        return max(both, (own + student(alpha, self.freedom) * self.by_units) / error)

    def level_of(self, distance: float) -> float:
        """Return the two-sided level whose half-width is this distance."""
        from scipy.optimize import brentq
        from scipy.special import stdtr

        def lack(log_alpha: float) -> float:
            return self.half(math.exp(log_alpha)) - distance

        error, freedom = self._both()
        least = math.log(1e-9)
        if not self.drawn or lack(least) < 0:
            return float(2 * stdtr(freedom, -distance / error))
        return 1.0 if lack(-1e-12) >= 0 else math.exp(float(brentq(lack, least, -1e-12)))

    def _both(self) -> tuple[float, float]:
        """Return the standard error and Satterthwaite's degrees of freedom."""
        variance = self.by_units + sum(one.more for one in self.drawn)
        if not self.drawn:
            return math.sqrt(variance), self.freedom
        ends = self._ends() + self.by_units**2 / self.freedom
        return math.sqrt(variance), variance**2 / ends

    def _ends(self) -> float:
        return sum(one.spread**2 / one.freedom for one in self.drawn)


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
    from scipy.special import fdtrc

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
    return float(fdtrc(freedom, units - freedom, statistic * scale))


def _checked(estimates: Sequence[float] | Floats, influences: Floats) -> tuple[Floats, Floats]:
    values = np.asarray(estimates, dtype=np.float64)
    table = np.asarray(influences, dtype=np.float64)
    if table.ndim != 2 or not len(values) or table.shape[1] != len(values):
        raise ValueError(f"{len(values)} differences for influences of shape {table.shape}")
    if not (np.isfinite(values).all() and np.isfinite(table).all()):
        raise ValueError("a difference or an influence is not finite")
    return values, table
