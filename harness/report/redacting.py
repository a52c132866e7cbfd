"""Leaving out of a run what was written by samples, models and judges."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.figures.slices import spoken
from harness.reasons import Reason, changed
from harness.records import (
    BaselineCheck,
    Gate,
    Judged,
    JudgedAnswer,
    PointRuling,
    Result,
    Row,
    Ruling,
    Thought,
)

_SPAN = re.compile(r"\d+-\d+|\d+\+")


def redact(result: Result) -> Result:
    """Return the result without the sample's text and the model's, its thought and reason too."""
    if not (result.text or result.completion or result.reason or result.thought):
        return result
    hidden = _hidden(result.reason)
    return replace(result, text="", completion="", reason=hidden, thought=_mute(result.thought))


def redact_rows(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return the rows with redacted reasons."""
    return tuple(replace(row, reasons=changed(row.reasons, Reason.redacted)) for row in rows)


def redact_judged(judged: Judged) -> Judged:
    """Return what judge sets came to without the models' answers and the judges' words.

    Questions and points are the project's own and stay.
    """
    probes = tuple(
        replace(probe, answers=tuple(map(_answer, probe.answers))) for probe in judged.probes
    )
    pairs = tuple(
        replace(pair, forward=_ruling(pair.forward), backward=_ruling(pair.backward))
        for pair in judged.pairs
    )
    return replace(
        judged,
        probes=probes,
        pairs=pairs,
        canaries=tuple(replace(one, ruling=_ruling(one.ruling)) for one in judged.canaries),
        judges=tuple(
            replace(one, unscored=changed(one.unscored, Reason.redacted), void=_hidden(one.void))
            for one in judged.judges
        ),
        standings=tuple(
            replace(one, reasons=changed(one.reasons, Reason.redacted), void=_hidden(one.void))
            for one in judged.standings
        ),
    )


def redact_gates(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """Return the gates with redacted reasons, in their lines too."""
    return tuple(map(_gate, gates))


def _gate(gate: Gate) -> Gate:
    if gate.reason is None:
        return gate
    hidden = gate.reason.redacted()
    return replace(gate, reason=hidden, line=gate.line.replace(gate.reason.text, hidden.text))


Masks = Mapping[tuple[str, str, str], str]
"""Eval set, column and value of a slice -> what stands for the value."""


def slice_masks(results: Sequence[Result]) -> Masks:
    """Return a number for each value of a column, which is text of the data; spans stay."""
    masks: dict[tuple[str, str, str], str] = {}
    seen: dict[tuple[str, str], int] = {}
    for one in results:
        for column, value in one.slices.items():
            key = one.evalset, column, value
            if value and key not in masks and not _SPAN.fullmatch(value):
                seen[one.evalset, column] = seen.get((one.evalset, column), 0) + 1
                masks[key] = f"value {seen[one.evalset, column]}"
    return masks


def mask_result(result: Result, masks: Masks) -> Result:
    """Return the result with the values of its slices masked."""
    if not result.slices:
        return result
    slices = {column: masks.get((result.evalset, column, value), value)
              for column, value in result.slices.items()}  # fmt: skip
    return replace(result, slices=slices)


def mask_gate(gate: Gate, masks: Masks) -> Gate:
    """Return the gate without the name of the worst slice; a slice that it names itself stays."""
    told = gate.slice
    if told is None or not told.of or (gate.evalset, told.column, told.value) not in masks:
        return gate
    mask = masks[gate.evalset, told.column, told.value]
    shown, masked = (spoken(told.column, value, told.kind) for value in (told.value, mask))
    return replace(gate, slice=replace(told, value=mask), line=gate.line.replace(shown, masked))


def mask_baseline(check: BaselineCheck, masks: Masks) -> BaselineCheck:
    """Return a comparison with a baseline with the values of its slices masked."""
    slices = tuple(
        replace(one, value=masks.get((check.evalset, one.column, one.value), one.value))
        for one in check.slices
    )
    refused = check.refused and check.refused.redacted()
    return replace(check, refused=refused, slices=slices)


def _answer(answer: JudgedAnswer) -> JudgedAnswer:
    rulings = {judge: _ruling(one) for judge, one in answer.rulings.items()}
    points = {judge: tuple(map(_on_point, own)) for judge, own in answer.points.items()}
    return replace(answer, text="", earlier=(), problem=_hidden(answer.problem), rulings=rulings,
                   thought=_mute(answer.thought), points=points)  # fmt: skip


def _on_point(ruling: PointRuling) -> PointRuling:
    return replace(ruling, quote="", problem=_hidden(ruling.problem),
                   thought=_mute(ruling.thought))  # fmt: skip


def _ruling(ruling: Ruling) -> Ruling:
    return replace(ruling, reason="", problem=_hidden(ruling.problem),
                   thought=_mute(ruling.thought))  # fmt: skip


def _mute(thought: Thought | None) -> Thought | None:
    """Return a thought without its text; its length stays."""
    return replace(thought, text="") if thought else None


def _hidden(reason: Reason | None) -> Reason | None:
    return reason.redacted() if reason else None
