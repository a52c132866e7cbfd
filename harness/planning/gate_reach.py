"""What a gate could decide at all, before there are samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.figures import UNSCORED, figure_kind
from harness.gates.plan import PlannedGate
from harness.gates.threshold import half_width_detectable
from harness.planning.earlier import EarlierRun
from harness.planning.size import Size
from harness.planning.undecidable import undecidable
from harness.records import Gate
from harness.stats import mde_proportion
from harness.stats.looks import look_alpha
from harness.stats.planned import equal_passes, error_shown, mde_auc, mde_margin, mde_paired_auc

ASSUMED_DISCORDANT = 0.2
"""Share of pairs that only one side has right, where no run says it."""
ASSUMED_AUC = 0.8
"""AUC half-way between two sides, where no run says it."""
ASSUMED_CORRELATION = 0.5
"""Correlation of two AUCs on the same samples, where no run says it."""


@dataclass(frozen=True, slots=True)
class GateReach:
    """What a gate could show.

    Attributes:
        n: Samples, the most that there can be where the data was not read.
        far: Distance from the threshold, or from the margin, that is decided in 80%; infinity
            where none is, None where it is not known before a run.
        basis: On what that rests, in words.
        equal: Chance that a cell as good as the other passes `no_worse_than`, None for others and
            where it is not known.
        undecidable: Why even a perfect result would be inconclusive, "" where it would not.
        alarm: Of a gate that plans its looks, the loss that one of them shows in 80%; infinity
            where none is, None for others and where it is not known.
    """

    gate: PlannedGate
    n: int
    far: float | None
    basis: str
    equal: float | None = None
    undecidable: str = ""
    alarm: float | None = None


def gate_reach(gate: PlannedGate, size: Size, last: EarlierRun | None) -> GateReach:
    """Return what a gate could show with so many samples.

    Args:
        gate: The gate.
        size: Samples of its set.
        last: The last run of the set, whose gates and shares stand in for those to come.
    """
    spec, n = gate.spec, size.n
    if not n:
        return GateReach(gate, 0, None, "the number of samples is not known")
    if spec.slice is not None:
        return GateReach(gate, n, None, "the samples of its slices are known in a run only")
    why = undecidable(gate, n, size.first)
    before = _judged(gate, last)
    if spec.other is None:
        far, basis = _threshold(gate, size, before)
        return GateReach(gate, n, far, basis, undecidable=why)
    far, basis, share = _paired(gate, size, before)
    equal = None
    if spec.bound == "no_worse_than" and far is not None:
        error = math.sqrt(share / n) if share else error_shown(far)
        equal = equal_passes(error, spec.threshold) if 0 < error < math.inf else 0.0
    alarm = None
    if spec.looks is not None and share is not None:
        alarm = mde_margin(n, share, 0.0, alpha=2 * look_alpha(spec.looks))
    return GateReach(gate, n, far, basis, equal, why, alarm)


def _judged(gate: PlannedGate, last: EarlierRun | None) -> Gate | None:
    if last is None:
        return None
    return next((one for one in last.run.gates
                 if (one.evalset, one.id) == (gate.cell.path, gate.id)), None)  # fmt: skip


def _threshold(gate: PlannedGate, size: Size, before: Gate | None) -> tuple[float | None, str]:
    spec, clustered = gate.spec, gate.cell.evalset.data.cluster is not None
    kind, _ = figure_kind(spec.figure)
    if (kind.exact or spec.figure == UNSCORED) and not clustered:
        return mde_proportion(size.n, spec.threshold), "exact"
    if spec.figure == "auc" and not clustered:
        far = mde_auc(size.first, size.n - size.first, spec.threshold)
        return far, "normal scores of equal spread"
    if before is None or before.detectable is None:
        return None, "not known before a run"
    return before.detectable, "as in the last run"


def _paired(
    gate: PlannedGate, size: Size, before: Gate | None
) -> tuple[float | None, str, float | None]:
    """Return the distance, its basis and the share of discordant pairs that it rests on."""
    spec, found = gate.spec, before.contrast if before else None
    kind, _ = figure_kind(spec.figure)
    margin = -spec.threshold if spec.bound == "no_worse_than" else spec.threshold
    if kind.exact and gate.cell.evalset.data.cluster is None:
        if found is not None and found.n:
            # A run without any discordant pair says nothing of the next one's.
            share = max((found.lost + found.won) / found.n, 1 / found.n)
            basis = f"{share:.1%} of pairs differ, as in the last run"
        else:
            share, basis = ASSUMED_DISCORDANT, f"{ASSUMED_DISCORDANT:.0%} of pairs differ, assumed"
        return mde_margin(size.n, share, margin), basis, share
    if found is not None and found.n:
        scaled = math.sqrt(found.n / size.n)
        low, high = found.low * scaled, found.high * scaled
        return half_width_detectable(low, high, most=kind.span), "as in the last run", None
    if spec.figure == "auc":
        far = mde_paired_auc(size.first, size.n - size.first, ASSUMED_AUC, ASSUMED_CORRELATION)
        return far, assumed_auc(), None
    return None, "not known before a run", None


def assumed_auc() -> str:
    """Return in words what is assumed of two AUCs."""
    return (f"AUCs around {ASSUMED_AUC:g} with a correlation of {ASSUMED_CORRELATION:g}, "
            "assumed")  # fmt: skip
