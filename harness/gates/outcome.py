"""The outcome of a gate: before its verdict, and with it; whether an inconclusive one fails."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.reasons import Reason
from harness.records import Gate, Verdict

if TYPE_CHECKING:
    from harness.spec import GateSpec
    from harness.spec.judgeset import JudgedGateSpec

_ADVISORY = " (advisory)"


def open_gate(
    spec: GateSpec | JudgedGateSpec, *, evalset: str, cell: str, gate_id: str, against: str = ""
) -> Gate:
    """Return a gate on a cell, or on a judged model, before its verdict: failed, with no line."""
    return Gate(
        evalset=evalset,
        cell=cell,
        figure=spec.figure,
        bound=spec.bound,
        threshold=spec.threshold,
        verdict="fail",
        failed=True,
        line="",
        id=gate_id,
        against=against,
        on_inconclusive=spec.on_inconclusive,
        tier=spec.tier,
    )


def decided(gate: Gate, verdict: Verdict, shown: str) -> Gate:
    """Return the gate with its verdict, which ends the line that begins with `shown`."""
    advisory = gate.tier == "advisory"
    ending = f"fail{_ADVISORY}" if verdict == "fail" and advisory else verdict
    if verdict == "inconclusive":
        ends = {"pass": ", which passes", "warn": " (warning)", "fail": ", which fails"}
        ending = f"inconclusive{_ADVISORY if advisory else ends[gate.on_inconclusive]}"
    lost = verdict == "fail" or (verdict == "inconclusive" and gate.on_inconclusive == "fail")
    return replace(gate, verdict=verdict, failed=lost and not advisory, line=f"{shown} - {ending}")


def failed(gate: Gate, shown: str, reason: Reason | None) -> Gate:
    """Return a gate that fails for a reason, which ends the line that begins with `shown`."""
    advisory = gate.tier == "advisory"
    said = f"fail{_ADVISORY if advisory else ''}"
    line = f"{shown} - {said}{f': {reason.text}' if reason else ''}"
    return replace(gate, verdict="fail", failed=not advisory, line=line, reason=reason)
