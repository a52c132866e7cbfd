"""Points of a judge set: which each model's answers meet, and what changes against the reference.

A cell of the matrix is one point of one model; of a jury it counts each judge's verdict alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.analysis.judged_findings import (
    PointCell,
    PointLine,
    PointMoves,
    ProbePoints,
)
from harness.records import Judged, PointMove, ProbeResult

MOVED = 0.5
"""The change of a point's mean from which it is listed: at least half of the answers."""


def probe_matrices(judged: Judged, evalset: str) -> list[ProbePoints]:
    """Return the matrix of points x models of each probe with verdicts on points."""
    groups: dict[str, list[ProbeResult]] = {}
    for one in judged.probes:
        if one.evalset == evalset:
            groups.setdefault(one.probe, []).append(one)
    return [
        ProbePoints(probe, tuple(_line(own, place) for place in range(len(own[0].points))))
        for probe, own in groups.items()
        if any(answer.points for one in own for answer in one.answers)
    ]


def _line(probes: Sequence[ProbeResult], place: int) -> PointLine:
    weights = probes[0].weights
    juries = [
        [rulings[place].verdict for rulings in answer.points.values()]
        for one in probes
        for answer in one.answers
        if len(answer.points) > 1
    ]
    whole = [verdicts for verdicts in juries if None not in verdicts]
    return PointLine(
        place,
        weights[place] if weights else 1.0,
        {one.model: _cell(one, place) for one in probes},
        same=sum(len(set(verdicts)) == 1 for verdicts in whole),
        ruled=len(whole),
    )


def _cell(probe: ProbeResult, place: int) -> PointCell:
    """Return how many answers meet a point; one without every judge's verdict is left out."""
    met, n, unscored = 0.0, 0, 0
    for answer in probe.answers:
        values = [rulings[place].value for rulings in answer.points.values()]
        whole = [value for value in values if value is not None]
        if not whole or len(whole) < len(values):
            unscored += 1
            continue
        met, n = met + sum(whole) / len(whole), n + 1
    return PointCell(met, n, unscored)


def point_moves(matrices: Sequence[ProbePoints], reference: str) -> list[PointMoves]:
    """Return which points each model gained and lost against the reference model.

    A point is gained where it is met by at least half of the answers more than of the reference's,
    and lost where by so many less; one that counts against an answer the other way round. Single
    points are not tested: the figure over all probes is.
    """
    models = dict.fromkeys(model for one in matrices for line in one.lines for model in line.cells)
    return [_moves(matrices, model, reference) for model in models if model != reference]


def _moves(matrices: Sequence[ProbePoints], model: str, reference: str) -> PointMoves:
    gained: list[PointMove] = []
    lost: list[PointMove] = []
    compared = 0
    for probe in matrices:
        for line in probe.lines:
            before, after = (_mean(line.cells, name) for name in (reference, model))
            if before is None or after is None:
                continue
            compared += 1
            change = (after - before) * (1 if line.weight > 0 else -1)
            if abs(change) >= MOVED:
                move = PointMove(probe.probe, line.place, before, after)
                (gained if change > 0 else lost).append(move)
    return PointMoves(model, reference, tuple(gained), tuple(lost), compared)


def _mean(cells: Mapping[str, PointCell], model: str) -> float | None:
    cell = cells.get(model)
    return cell.met / cell.n if cell and cell.n else None
