"""A rate that imperfect judges gave, corrected by what is known of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.records import Figure


@dataclass(frozen=True, slots=True)
class GoldCounts:
    """What a judge made of answers that people have judged.

    Attributes:
        true_positives: Good answers that it passed.
        positives: Good answers, at least 1.
        true_negatives: Bad answers that it failed.
        negatives: Bad answers, at least 1.
    """

    true_positives: int
    positives: int
    true_negatives: int
    negatives: int


def judged_rate(
    passed: int,
    n: int,
    judges: Sequence[tuple[GoldCounts, float]],
    *,
    effective: float | None = None,
    level: float = 0.95,
) -> Figure:
    """Return the rate of good answers behind judges' verdicts, with its interval.

    A judge's sensitivity q1 and specificity q0 come from answers that people have judged. The
    rate is (passed / n + q0 - 1) / (q0 + q1 - 1), clipped to [0, 1]. The interval adds up the
    uncertainty of all three proportions, each moved towards one half first (as Agresti and Coull
    do), and is clipped to [0, 1] and widened to hold the rate where it does not. At 0 and 1 it is
    no narrower than that of a perfect judge.

    Of several judges whose verdicts are pooled, q1 and q0 are the means, weighted by their shares
    of the n verdicts. As they were measured on the same gold answers, their errors there may go
    together: the standard errors add up, as if they did wholly.

    The judges must err on the samples as they do on the gold answers: with harder samples, or
    another source of answers, the correction is wrong and the interval too narrow.

    Args:
        passed: Verdicts that are a pass, 0 <= passed <= n.
        n: Verdicts, n >= 1, on answers none of which is among the gold ones.
        judges: Each with the number of its verdicts, above 0; of one judge any number will do.
        effective: How many independent verdicts the n tell as much as, where they are correlated:
            above 0, by default n.
        level: Confidence in (0, 1).

    Raises:
        ValueError: If a count or level is out of range, or the judges are not shown to be better
            than chance: q0 + q1 <= 1, raw or moved.

    Source: Rogan and Gladen (1978), Am. J. Epidemiol. 107:71; Lang and Reiczigel (2014), Prev.
    Vet. Med. 113:13; taken to language models by Lee et al. (2025), arXiv 2511.21140.
    """
    from scipy.special import ndtri

    _check_counts(passed, n, [known for known, _ in judges])
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not in (0, 1)")
    if effective is not None and not 0 < effective <= n:
        raise ValueError(f"{n} samples cannot tell as much as {effective:g} independent ones")
    if not judges or min(verdicts for _, verdicts in judges) <= 0:
        raise ValueError("a rate is corrected by one judge at least, and each has verdicts")
    total = sum(verdicts for _, verdicts in judges)
    good = [(known.true_positives, known.positives, v / total) for known, v in judges]
    bad = [(known.true_negatives, known.negatives, v / total) for known, v in judges]
    z = float(ndtri((1 + level) / 2))
    raw = _corrected(passed / n, _mean(good), _mean(bad))
    weight = float(n) if effective is None else effective
    size = weight + z * z
    p = (passed / n * weight + z * z / 2) / size
    good, bad = _moved(good), _moved(bad)
    q1, q0 = _mean(good), _mean(bad)
    centre = _corrected(p, q1, q0)
    spread_good, spread_bad = _spread(good), _spread(bad)
    shift = 2 * z * z * (centre * spread_good - (1 - centre) * spread_bad)
    variance = p * (1 - p) / size + centre**2 * spread_good + (1 - centre) ** 2 * spread_bad
    half = z * variance**0.5 / (q0 + q1 - 1)
    value = min(1.0, max(0.0, raw))
    low, high = (min(1.0, max(0.0, centre + shift + side * half)) for side in (-1, 1))
    # Even a perfect judge leaves as much room as this where all or none are good: Clopper and
    # Pearson's bounds.
    if value == 0:
        high = max(high, 1 - ((1 - level) / 2) ** (1 / weight))
    if value == 1:
        low = min(low, ((1 - level) / 2) ** (1 / weight))
    return Figure(value, min(low, value), max(high, value), n)


def _check_counts(passed: int, n: int, judges: Sequence[GoldCounts]) -> None:
    counts = [("judged", passed, n)]
    for known in judges:
        counts += [("good", known.true_positives, known.positives),
                   ("bad", known.true_negatives, known.negatives)]  # fmt: skip
    for name, part, whole in counts:
        if whole < 1 or not 0 <= part <= whole:
            raise ValueError(f"no proportion of {name} answers: {part} of {whole}")


_Share = tuple[int, int, float]
"""A judge's part of the whole, and the weight of its verdicts."""


def _moved(shares: Sequence[_Share]) -> list[_Share]:
    return [(part + 1, whole + 2, weight) for part, whole, weight in shares]


def _mean(shares: Sequence[_Share]) -> float:
    return sum(weight * part / whole for part, whole, weight in shares)


def _spread(shares: Sequence[_Share]) -> float:
    """Return the variance of the mean share if all errors went together."""
    errors = ((part / whole * (1 - part / whole) / whole) ** 0.5 for part, whole, _ in shares)
    return float(sum(w * one for one, (_, _, w) in zip(errors, shares, strict=True)) ** 2)


def _corrected(share: float, sensitivity: float, specificity: float) -> float:
    gain = sensitivity + specificity - 1
    if gain <= 0:
        raise ValueError(
            f"a judge with sensitivity {sensitivity:.3f} and specificity {specificity:.3f} is not "
            "better than chance; its rates cannot be corrected"
        )
    return (share + specificity - 1) / gain
