"""What models answered to probes, before anyone judges it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.reasons import Reason
from harness.records import Message, Thought
from harness.spec.judgeset import JudgeSet
from harness.spec.probespec import ProbeSpec


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered to a probe; see `JudgedAnswer`.

    Attributes:
        earlier: Its answers to the turns of a dialogue before the last that give none.
    """

    number: int
    seed: int
    text: str = ""
    tokens: int = 0
    cut: bool = False
    problem: Reason | None = None
    thought: Thought | None = None
    earlier: tuple[str, ...] = ()


Replies = Mapping[tuple[str, str], Sequence[Reply]]
"""By model and probe, each by number."""


def filled(before: Sequence[Message], earlier: Sequence[str]) -> tuple[Message, ...]:
    """Return what was said before a question, a model's own answers where there are blanks.

    Args:
        before: See `ProbeSpec.before`.
        earlier: The model's answers; where they end, so does the dialogue.
    """
    own, said = iter(earlier), list[Message]()
    for one in before:
        if not one["content"]:
            answer = next(own, None)
            if answer is None:
                break
            one = Message(role=one["role"], content=answer)
        said.append(one)
    return tuple(said)


def earlier_of(evalset: JudgeSet, replies: Replies, probe: ProbeSpec) -> tuple[str, ...]:
    """Return the answers earlier in a dialogue of the first model that has answered a probe."""
    return next(
        (
            reply.earlier
            for model in evalset.models
            for reply in replies.get((model, probe.id), ())
            if reply.problem is None
        ),
        (),
    )


def texts_of(evalset: JudgeSet, replies: Replies, probe: ProbeSpec) -> list[str]:
    """Return all answers to a probe, in the order of the set's models."""
    return [
        reply.text
        for model in evalset.models
        for reply in replies.get((model, probe.id), ())
        if reply.problem is None
    ]
