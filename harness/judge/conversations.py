"""What models are asked for probes, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from harness.judge.replies import Reply
from harness.records import Message, Sampling
from harness.run.free_answers import Speaker, Turn
from harness.run.probe_cells import ProbeCell
from harness.run.replies import Said

Asks = list[tuple[ProbeCell, int, Speaker, Turn]]
"""A probe of a model, the number of its answer, who speaks and what is asked."""


def asks_of(cells: Sequence[ProbeCell], speaker: Speaker) -> Asks:
    """Return what is asked of one model for its probes, n each, tokenized in one batch."""
    places = [(cell, number) for cell in cells for number in range(cell.evalset.answers.n)]
    conversations = [conversation(cell) for cell, _ in places]
    samplings = [_sampling(cell, number) for cell, number in places]
    turns = speaker.turns(conversations, samplings)
    return [(cell, number, speaker, turn)
            for (cell, number), turn in zip(places, turns, strict=True)]  # fmt: skip


def conversation(cell: ProbeCell) -> list[Message]:
    """Return what a model reads of a probe."""
    system = cell.evalset.answers.system
    first: list[Message] = [{"role": "system", "content": system}] if system else []
    return [*first, {"role": "user", "content": cell.probe.question}]


def _sampling(cell: ProbeCell, number: int) -> Sampling:
    spec = cell.evalset.answers
    return Sampling(
        max_tokens=spec.max_tokens,
        temperature=spec.temperature,
        top_p=spec.top_p,
        seed=spec.seed + number,
    )


def reply_of(number: int, seed: int, said: Said) -> Reply:
    """Return an answer to a probe."""
    output = said.output
    return Reply(
        number,
        seed,
        output.text.strip(),
        output.length,
        cut=output.finish_reason == "length",
        problem=output.failure,
        thought=said.thought,
    )
