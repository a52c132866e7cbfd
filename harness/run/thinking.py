"""Cells in two rounds where their model thinks: thoughts first, then the answers behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.prompts.thoughttokens import answer_row, read_thought
from harness.reasons import Reason
from harness.records import Output, Request, Thought
from harness.run.ask import Asked, joined
from harness.run.prepared import Prepared, Questions
from harness.run.replies import unfinished


@dataclass(frozen=True, slots=True)
class Rounds:
    """What cells were asked, and what came of it.

    Attributes:
        cells: With the requests of both rounds, as far as the first one was answered.
        asked: What came of all requests.
        wanted: How many there are to be, as far as is known.
        through: Whether the first round was answered.
    """

    cells: tuple[Prepared, ...]
    asked: Asked
    wanted: int
    through: bool

    def has(self, cell: Prepared) -> bool:
        """Return whether all that a cell asks was answered."""
        requests = [request for row in cell.asked for request in row]
        known = all(request.key in self.asked.outputs for request in requests)
        return known and (self.through or not cell.begun)


def in_rounds(cells: Sequence[Prepared], ask: Callable[[Sequence[Request]], Asked]) -> Rounds:
    """Ask all that cells ask: thoughts with the answers that need none, then all other answers.

    Args:
        cells: Of one engine start.
        ask: Returns what comes of requests, which all differ.
    """
    first = {request.key: request for cell in cells for request in cell.first}
    one = ask(list(first.values()))
    if one.failure is not None:
        return Rounds(tuple(cells), one, len(first), through=False)
    through = tuple(think_through(cell, one.outputs) for cell in cells)
    second = {
        request.key: request
        for cell in through
        for row in cell.asked
        for request in row
        if request.key not in first
    }
    two = ask(list(second.values())) if second else Asked({}, 0)
    return Rounds(through, joined(one, two), len(first) + len(second), through=True)


def think_through(prepared: Prepared, outputs: Mapping[str, Output]) -> Prepared:
    """Return a cell with the requests for its answers, each behind its sample's thought.

    Args:
        prepared: Its thoughts were asked for; a cell without any stays as it is.
        outputs: By content key; those of all its thoughts are there.
    """
    questions = prepared.questions
    if questions is None or not prepared.begun:
        return prepared
    rows: list[tuple[int, ...] | Reason] = []
    thoughts: dict[int, Thought] = {}
    for index, one in enumerate(prepared.begun):
        if one is None:
            rows.append(prepared.errors[index])
            continue
        text, request = one
        output = outputs[request.key]
        if output.error is None and index < len(prepared.samples):
            thoughts[index] = read_thought(questions.chat, output)
        rows.append(_row(questions, text, request, output))
    own, bare = rows[: len(prepared.samples)], rows[len(prepared.samples) :]
    # Where one text without content has no answer, the others say too little of what is usual.
    whole = [row for row in bare if not isinstance(row, Reason)]
    return replace(
        prepared,
        requests=tuple(() if isinstance(row, Reason) else questions.ask(row) for row in own),
        errors={index: row for index, row in enumerate(own) if isinstance(row, Reason)},
        bare=tuple(map(questions.ask, whole)) if len(whole) == len(bare) else (),
        thoughts=thoughts,
    )


def _row(
    questions: Questions, text: str, request: Request, output: Output
) -> tuple[int, ...] | Reason:
    """Return the prompt of an answer, or why there is none."""
    chat = questions.chat
    if output.failure is not None:
        return output.failure
    if read_thought(chat, output).end == "open" and chat.plan and chat.plan.thinking:
        return unfinished(output, chat.plan.thinking, room=request.sampling.max_tokens)
    return answer_row(chat, text, request.prompt_ids, output, questions.prefill)
