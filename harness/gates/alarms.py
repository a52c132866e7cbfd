"""How often the gates of a run would fail a change that makes nothing worse."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

from harness.figures import figure_kind
from harness.gates.judged import standing_figure
from harness.gates.threshold import gate_figure
from harness.records import Figure, Gate, Row, Run, Standing
from harness.spec.gatespec import BASELINE

_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf(0.975)
_COMPARED = ("no_worse_than", "better_than")


@dataclass(frozen=True, slots=True)
class Alarms:
    """The estimated chance that critical gates fail a run again in which nothing is worse.

    Attributes:
        gates: Critical gates that are counted.
        chance: The sum of theirs, which is too high where they share samples; 1 at most.
        worst: The gate that adds most, None where there is none.
        of_worst: What it adds.
        unknown: Critical gates that are not counted: what they ask for was not there to begin with,
            as a gain over a baseline, there is no interval to go by, or they are of the worst of
            several slices and fail where any of these is not shown to hold.
    """

    gates: int
    chance: float
    worst: Gate | None
    of_worst: float
    unknown: int


def alarms(run: Run) -> Alarms | None:
    """Return how often the critical gates of a run give a false alarm, None where it has none.

    A gate gives one where it fails though its requirement holds. The truth is taken to be what was
    measured, but to meet the requirement: of a comparison with a baseline, no difference; of other
    gates the figure, or the threshold where the figure lies beyond it. The estimate of another run
    like this lies about it as the interval says (normal). One that fails where its interval is
    wholly beyond the threshold then does so in 2.5% at most; one that fails wherever it is not
    shown to hold may do so often, and in 97.5% where no margin is left.
    """
    critical = [gate for gate in run.gates if gate.tier == "critical"]
    if not critical:
        return None
    cells = {(row.evalset, row.cell): row for row in run.rows}
    models = {(one.evalset, one.model): one for one in run.judged.standings}
    found: list[tuple[float, Gate]] = []
    for gate in critical:
        place = gate.evalset, gate.cell
        chance = _alarm(gate, cells.get(place), models.get(place))
        if chance is not None:
            found.append((chance, gate))
    of_worst, worst = max(found, key=lambda one: one[0], default=(0.0, None))
    chance = min(1.0, sum(one for one, _ in found))
    return Alarms(len(found), chance, worst, of_worst, len(critical) - len(found))


def _alarm(gate: Gate, row: Row | None, standing: Standing | None) -> float | None:
    if gate.look is not None and gate.on_inconclusive != "fail":
        # Its error is spent by its plan: it fails where a loss is shown with that, and not else.
        return gate.look.alpha
    figure = _judged(gate, row, standing)
    if figure is None or (gate.bound == "better_than" and gate.against == BASELINE):
        return None
    if gate.slice is not None and gate.slice.of and gate.on_inconclusive == "fail":
        # Any of its slices may be the one that is not shown to hold; one alone is known here.
        return None
    upward = _upward(gate)
    value = figure.value if upward else -figure.value
    half = figure.value - figure.low if upward else figure.high - figure.value
    room = _room(gate, value, upward=upward)
    if half <= 0:
        return 0.0 if gate.verdict == "pass" else None
    z = -_Z if gate.on_inconclusive != "fail" else _Z
    return _NORMAL.cdf(z - _Z * room / half)


def _upward(gate: Gate) -> bool:
    if gate.contrast is None:
        return gate.bound == "at_least"
    try:
        return not figure_kind(gate.figure)[0].smaller
    except KeyError:
        # Of judged models all figures but the share without a verdict are the greater the better.
        return True


def _room(gate: Gate, value: float, *, upward: bool) -> float:
    """Return how far the truth lies within the requirement, in units of the figure."""
    if gate.contrast is None:
        return max(0.0, value - (gate.threshold if upward else -gate.threshold))
    if gate.bound == "better_than":
        return max(0.0, value - gate.threshold)
    if gate.against == BASELINE:
        return gate.threshold
    return max(0.0, value + gate.threshold)


def _judged(gate: Gate, row: Row | None, standing: Standing | None) -> Figure | None:
    """Return what a gate has judged, a difference or a figure; None where there was nothing."""
    one = gate.contrast
    if one is not None:
        return Figure(one.value, one.low, one.high, one.n)
    if gate.bound in _COMPARED:
        return None
    if gate.slice is not None:
        return gate.slice.figure
    if standing is not None:
        return standing_figure(standing, gate.figure, anytime=gate.anytime)
    return gate_figure(row, gate.figure) if row is not None else None
