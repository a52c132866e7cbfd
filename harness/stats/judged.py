"""A rate that an imperfect judge gave, corrected by what is known of the judge."""

from __future__ import annotations

from harness.records import Figure


def judged_rate(
    passed: int,
    n: int,
    *,
    true_positives: int,
    positives: int,
    true_negatives: int,
    negatives: int,
    effective: float | None = None,
    level: float = 0.95,
) -> Figure:
    """Return the rate of good answers behind a judge's verdicts, with its interval.

    The judge's sensitivity q1 and specificity q0 come from answers that people have judged. The
    rate is (passed / n + q0 - 1) / (q0 + q1 - 1), clipped to [0, 1]. The interval adds up the
    uncertainty of all three proportions, each moved towards one half first (as Agresti and Coull
    do), and is clipped to [0, 1] and widened to hold the rate where it does not. At 0 and 1 it is
    no narrower than that of a perfect judge.

    The judge must err on the samples as it does on the gold answers: with harder samples, or
    another source of answers, the correction is wrong and the interval too narrow.

    Args:
        passed: Samples that the judge passed, 0 <= passed <= n.
        n: Judged samples without gold, n >= 1; none of them is among the gold answers.
        true_positives: Good gold answers that the judge passed.
        positives: Good gold answers, at least 1.
        true_negatives: Bad gold answers that the judge failed.
        negatives: Bad gold answers, at least 1.
        effective: How many independent samples the n tell as much as, where they hang together:
            above 0, by default n.
        level: Confidence in (0, 1).

    Raises:
        ValueError: If a count or level is out of range, or the judge is not shown to be better
            than chance: q0 + q1 <= 1, raw or moved.

    Source: Rogan and Gladen (1978), Am. J. Epidemiol. 107:71; Lang and Reiczigel (2014), Prev.
    Vet. Med. 113:13; taken to language models by Lee et al. (2025), arXiv 2511.21140.
    """
    from scipy.stats import norm

    counts = {"judged": (passed, n), "good": (true_positives, positives),
              "bad": (true_negatives, negatives)}  # fmt: skip
    for name, (part, whole) in counts.items():
        if whole < 1 or not 0 <= part <= whole:
            raise ValueError(f"no proportion of {name} answers: {part} of {whole}")
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not in (0, 1)")
    if effective is not None and not 0 < effective <= n:
        raise ValueError(f"{n} samples cannot tell as much as {effective:g} independent ones")
    z = float(norm.ppf((1 + level) / 2))
    raw = _corrected(passed / n, true_positives / positives, true_negatives / negatives)
    weight = float(n) if effective is None else effective
    size, good, bad = weight + z * z, positives + 2, negatives + 2
    p = (passed / n * weight + z * z / 2) / size
    q1, q0 = (true_positives + 1) / good, (true_negatives + 1) / bad
    centre = _corrected(p, q1, q0)
    spread_good, spread_bad = q1 * (1 - q1) / good, q0 * (1 - q0) / bad
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


def _corrected(share: float, sensitivity: float, specificity: float) -> float:
    gain = sensitivity + specificity - 1
    if gain <= 0:
        raise ValueError(
            f"a judge with sensitivity {sensitivity:.3f} and specificity {specificity:.3f} is not "
            "better than chance; its rates cannot be corrected"
        )
    return (share + specificity - 1) / gain
