"""Whether cells of several labels are right more often than a constant answer would be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from harness.analysis.findings import Guessing
from harness.analysis.ranking import grouped
from harness.analysis.tested import Cells
from harness.records import Row
from harness.stats import holm, paired_accuracy, paired_clusters

# With two labels the AUC says it, whose level of guessing is 0.5 whatever the targets are.
_LABELS = 3


def against_guessing(rows: Sequence[Row], cells: Cells) -> Iterable[Guessing]:
    """Yield for each cell of three labels or more its accuracy against the commonest target's.

    The constant answer is the target that most of the cell's own samples have, which no guess
    could know better; the two are compared in pairs, and p is adjusted by Holm's method over the
    cells of an eval set.

    Args:
        rows: Of any sets; those of two labels are left out.
        cells: Their results.
    """
    for own in grouped(rows, lambda row: row.evalset):
        found = [one for row in own if len(row.targets) >= _LABELS and (one := _one(row, cells))]
        adjusted = holm([one.difference.p for one in found])
        yield from (replace(one, adjusted=p) for one, p in zip(found, adjusted, strict=True))


def _one(row: Row, cells: Cells) -> Guessing | None:
    (scores,) = cells.scores([row])
    samples, right = scores.of("accuracy")
    if not len(samples):
        return None
    targets = scores.targets(samples)
    label, times = min(Counter(targets.tolist()).items(), key=lambda item: (-item[1], item[0]))
    guessed = targets == label
    clusters = scores.clusters(samples)
    # Of one cluster, nothing is known of how clusters differ.
    if clusters is not None and len(set(clusters)) < 2:
        return None
    if clusters is None:
        difference = paired_accuracy(guessed, right.astype(np.bool_))
    else:
        difference = paired_clusters(guessed.astype(np.float64), right, clusters)
    return Guessing(row, str(label), times / len(samples), difference, difference.p)
