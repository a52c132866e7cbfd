"""Gates that cannot pass, whatever the samples turn out to be."""

from __future__ import annotations

import numpy as np

from harness.figures import UNSCORED, figure_kind
from harness.gates.plan import PlannedGate
from harness.stats import clopper_pearson_interval
from harness.stats.paired import paired_accuracy


def undecidable(gate: PlannedGate, n: int, first: int | None = None) -> str:
    """Say why even a perfect result of a gate would be inconclusive, or return an empty string.

    Perfect is: all samples right, none unscored; against another side, no answer differs, or for
    `better_than` all pairs are won. Nothing is said of slices, and of figures of which the best
    value has not the narrowest interval, such as AUC.

    Args:
        gate: The gate.
        n: Samples, at least 1.
        first: Of the set's first label, half of them by default.
    """
    spec, (kind, _) = gate.spec, figure_kind(gate.spec.figure)
    if spec.slice is not None:
        return ""
    if spec.figure == "auc":
        fewest = min(n // 2 if first is None else first, n)
        few = min(fewest, n - fewest)
        return f"an AUC of {few} samples of the rarer label has no interval" if few < 2 else ""
    if not (kind.exact or spec.figure == UNSCORED):
        return ""
    counted = f"{n} samples"
    if spec.bound == "at_least":
        low = clopper_pearson_interval(n, n)[0]
        return "" if low >= spec.threshold else (
            f"with {counted} even {spec.figure} 1 has an interval down to {low:.3f}")  # fmt: skip
    if spec.bound == "at_most":
        high = clopper_pearson_interval(0, n)[1]
        return "" if high <= spec.threshold else (
            f"with {counted} even {spec.figure} 0 has an interval up to {high:.3f}")  # fmt: skip
    none, every = np.zeros(n, dtype=np.bool_), np.ones(n, dtype=np.bool_)
    if spec.bound == "no_worse_than":
        low = paired_accuracy(every, every).low
        return (
            ""
            if low >= -spec.threshold
            else (
                f"with {counted} a loss of {-low:.3f} cannot be excluded even if no answer differs"
            )
        )
    low = paired_accuracy(none, every).low
    return (
        ""
        if low > spec.threshold
        else (
            f"with {counted} a gain above {max(low, 0):.3f} is not shown even if all pairs are won"
        )
    )
