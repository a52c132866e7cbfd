"""What a gate could decide at all, before there are samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.figures import UNSCORED, figure_kind
from harness.figures.slices import Part, parts_among, spoken
from harness.gates.plan import PlannedGate
from harness.gates.threshold import gate_figure
from harness.planning.earlier import EarlierRun
from harness.planning.seen import Seen, Watched
from harness.planning.size import Group, Size, group_of, whole_set
from harness.planning.undecidable import undecidable
from harness.records import Row
from harness.spec.slicespec import slice_target
from harness.stats import mde_proportion
from harness.stats.planned import (
    equal_passes,
    error_shown,
    mde_look,
    mde_margin,
    pairs_error,
    shown_by,
)
from harness.stats.planned_auc import mde_auc, mde_paired_auc
from harness.stats.slices import ALPHA

ASSUMED_DISCORDANT = 0.2
"""Share of pairs that only one side has right, where no run says it."""
ASSUMED_AUC = 0.8
"""AUC half-way between two sides, where no run says it."""
ASSUMED_CORRELATION = 0.5
"""Correlation of two AUCs on the same samples, where no run says it."""
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class GateReach:
    """What a gate could show.

    Attributes:
        n: Samples that its figure is of, the most that there can be where the data was not read.
        far: Distance from the threshold, or from the margin, that is decided in 80%; infinity
            where none is, None where it is not known before a run.
        basis: On what that rests, in words.
        equal: Chance that a cell as good as the other passes `no_worse_than`, None for others and
            where it is not known.
        undecidable: Why even a perfect result would be inconclusive, "" where it would not.
        alarm: Of a gate that plans its looks, the loss by which one of them fails in 80%; infinity
            where none does, None for others and where it is not known.
        part: Of a gate on a slice, the slice; of one on the worst slice, that which shows least.
        parts: Slices of which the worst is judged, 0 for others.
    """

    gate: PlannedGate
    n: int
    far: float | None
    basis: str
    equal: float | None = None
    undecidable: str = ""
    alarm: float | None = None
    part: str = ""
    parts: int = 0


def gate_reach(
    gate: PlannedGate, size: Size, last: EarlierRun | None, watched: Watched
) -> GateReach:
    """Return what a gate could show with so many samples.

    Args:
        gate: The gate.
        size: Samples of its set.
        last: The last run of the set, whose cells stand in for those to come.
        watched: What else was seen of them.
    """
    if not size.n:
        return GateReach(gate, 0, None, "the number of samples is not known")
    reach = _Reach(gate, last, watched, size)
    if gate.spec.slice is not None:
        return _of_slices(gate, size, reach)
    group = whole_set(size, gate.cell.evalset.labels)
    why = undecidable(gate, n, group.first) if (n := reach.counted(group)) else ""
    return replace(reach.on(group, 1), undecidable=why)


def _of_slices(gate: PlannedGate, size: Size, reach: _Reach) -> GateReach:
    """Return what a gate on a slice could show, of the worst slice by the one that shows least."""
    if size.loaded is None:
        return GateReach(gate, size.n, None, "its slices are known where the data is read")
    samples, labels = size.loaded.samples, gate.cell.evalset.labels
    columns = {one.name: one.min for one in gate.cell.evalset.slices}
    column, value = slice_target(gate.spec.slice or "", columns)
    values = [dict(one.slices) for one in samples]
    if column is not None and value is not None:
        places = [place for place, own in enumerate(values) if own.get(column) == value]
        parts, worst = [Part(column, value, "value", 1, tuple(places))] if places else [], 0
    else:
        parts = parts_among(values, columns, only=column)
        worst = len(parts)
    if not parts:
        return GateReach(gate, 0, None, "no sample of this slice is in the data")
    found = [
        replace(
            reach.on(group_of([samples[place] for place in part.places], labels), max(1, worst)),
            part=spoken(part.column, part.value, part.kind),
            parts=worst,
        )
        for part in parts
    ]
    # Where nothing is known, it is not known of the smallest one either.
    return max(found, key=lambda one: (one.far is None, one.far or 0.0, -one.n))


class _Reach:
    """What one gate could show on some of its samples; what was seen before is looked up once."""

    def __init__(
        self, gate: PlannedGate, last: EarlierRun | None, watched: Watched, size: Size
    ) -> None:
        self._gate = gate
        self._kind, self._argument = figure_kind(gate.spec.figure)
        self._row = _row_of(gate, last)
        self._clustered = gate.cell.evalset.data.cluster is not None
        self._seen: Seen | str = ""
        self._area: float | None = None
        if gate.spec.other is not None:
            known = [one.id for one in size.loaded.samples] if size.loaded is not None else []
            self._seen = watched.seen(gate, last, known)
            if gate.spec.figure == "auc" and isinstance(self._seen, str):
                self._area = watched.area(gate)

    def counted(self, group: Group) -> int:
        """Return how many of the samples the figure counts: of recall, those of its label."""
        return group.labels.get(self._argument, group.n) if self._kind.exact else group.n

    def on(self, group: Group, tests: int) -> GateReach:
        """Return what could be shown on these samples.

        Args:
            group: The samples.
            tests: Slices that are judged together.
        """
        spec, n = self._gate.spec, self.counted(group)
        if n == 0:
            return GateReach(self._gate, 0, None, f"no sample is of {self._argument}")
        if spec.other is None:
            far, basis = self._threshold(group, n, ALPHA / tests)
            return GateReach(self._gate, n, far, basis)
        far, basis, error = self._paired(group, n, ALPHA / tests)
        equal = alarm = None
        if spec.bound == "no_worse_than" and error is not None:
            at = error(0.0)
            equal = equal_passes(at, spec.threshold, alpha=ALPHA / tests) if at > 0 else None
        if spec.looks is not None and error is not None:
            alarm = mde_look(error, spec.threshold, looks=spec.looks,
                             units=min(n, group.units), tests=tests,
                             room=self._kind.span)  # fmt: skip
        return GateReach(self._gate, n, far, basis, equal, "", alarm)

    def _threshold(self, group: Group, n: int, alpha: float) -> tuple[float | None, str]:
        spec = self._gate.spec
        if (self._kind.exact or spec.figure == UNSCORED) and not self._clustered:
            return mde_proportion(n, spec.threshold, alpha=alpha), "exact"
        if spec.figure == "auc" and not self._clustered:
            far = mde_auc(group.first, group.n - group.first, spec.threshold, alpha=alpha)
            return far, "normal scores of equal spread"
        row = self._row
        figure = gate_figure(row, spec.figure) if row is not None else None
        if row is None or figure is None:
            return None, "not known before a run"
        error = (figure.high - figure.low) / 2 / _Z * math.sqrt((row.n + row.unscored) / group.n)
        most = max(spec.threshold - self._kind.lowest, self._kind.highest - spec.threshold)
        return _within(shown_by(error, alpha=alpha), most), "as in the last run"

    def _paired(
        self, group: Group, n: int, alpha: float
    ) -> tuple[float | None, str, Callable[[float], float] | None]:
        """Return the distance, its basis and the standard error by the true difference."""
        spec, seen = self._gate.spec, self._seen
        margin = -spec.threshold if spec.bound == "no_worse_than" else spec.threshold
        if self._kind.exact and not self._clustered:
            if isinstance(seen, str):
                said = f"{ASSUMED_DISCORDANT:.0%} of pairs differ, assumed{_because(seen)}"
                seen = Seen(math.nan, ASSUMED_DISCORDANT, said)
            far = mde_margin(n, seen.share, margin, noise=seen.noise, alpha=alpha)
            return far, seen.said, pairs_error(n, seen.share, noise=seen.noise)
        if isinstance(seen, Seen):
            error = seen.error / math.sqrt(n)
            far = _within(shown_by(error, alpha=alpha), self._kind.span)
            return far, seen.said, lambda _: error
        if spec.figure == "auc" and not self._clustered:
            far = mde_paired_auc(group.first, group.n - group.first, self._area or ASSUMED_AUC,
                                 ASSUMED_CORRELATION, alpha=alpha)  # fmt: skip
            error = error_shown(far, alpha=alpha)
            basis = f"{assumed_auc(self._area)}{_because(seen)}"
            return far, basis, None if math.isinf(far) else lambda _: error
        return None, f"not known before a run{_because(seen)}", None


def _row_of(gate: PlannedGate, last: EarlierRun | None) -> Row | None:
    if last is None:
        return None
    return next((one for one in last.run.rows
                 if (one.evalset, one.cell) == (gate.cell.path, gate.cell.id)), None)  # fmt: skip


def _within(far: float, most: float) -> float:
    return far if far <= most else math.inf


def _because(why: str) -> str:
    return f": {why}" if why else ""


def assumed_auc(area: float | None = None) -> str:
    """Return in words what is assumed of two AUCs, one of which may be known."""
    if area is not None:
        return (f"AUCs around the baseline's {area:.2f}, a correlation of {ASSUMED_CORRELATION:g} "
                "assumed")  # fmt: skip
    return (f"AUCs around {ASSUMED_AUC:g} with a correlation of {ASSUMED_CORRELATION:g}, "
            "assumed")  # fmt: skip
