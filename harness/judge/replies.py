"""What models answered to probes, before anyone judges it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.reasons import Reason
from harness.records import Thought
from harness.spec.judgeset import JudgeSet, ProbeSpec


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered to a probe; see `JudgedAnswer`."""

    number: int
    seed: int
    text: str = ""
    tokens: int = 0
    cut: bool = False
    problem: Reason | None = None
    thought: Thought | None = None


Replies = Mapping[tuple[str, str], Sequence[Reply]]
"""By model and probe, each by number."""


def texts_of(evalset: JudgeSet, replies: Replies, probe: ProbeSpec) -> list[str]:
    """Return all answers to a probe, in the order of the set's models."""
    return [
        reply.text
        for model in evalset.models
        for reply in replies.get((model, probe.id), ())
        if reply.problem is None
    ]
