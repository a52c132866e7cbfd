"""What the looks that gates plan show of comparisons with baselines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.records import Contrast, Gate, Look


def looks_of(gates: Sequence[Gate]) -> Mapping[tuple[str, str, str], Look]:
    """Return the looks at whole cells, or judged models, by eval set, cell and figure."""
    return {
        (gate.evalset, gate.cell, gate.figure): gate.look
        for gate in gates
        if gate.look is not None and gate.slice is None
    }


def at_look(one: Contrast, look: Look | None, *, smaller: bool = False) -> bool | None:
    """Return whether one of the planned looks shows a difference, in either direction.

    Args:
        one: The comparison.
        look: None where no gate plans any.
        smaller: Whether less of the figure is better.
    """
    if look is None:
        return None
    end = one.low if smaller else one.high
    wider = (look.end - one.value) / (end - one.value) if end != one.value else 1.0
    low, high = (one.value + wider * (side - one.value) for side in (one.low, one.high))
    return low > 0 or high < 0


def told_contrast(one: Contrast) -> Contrast:
    """Return a comparison without a detectable difference that no pairs could ever show."""
    known = one.detectable is not None and math.isfinite(one.detectable)
    return one if known else replace(one, detectable=None)
