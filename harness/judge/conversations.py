"""What models are asked for probes, turn by turn, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.errors import PromptError
from harness.judge.replies import Reply, filled
from harness.reasons import Reason
from harness.records import Message, Output, Request, Sampling
from harness.run.ask import Asked, ask_rounds, joined
from harness.run.free_answers import Speaker, Turn
from harness.run.probe_cells import ProbeCell
from harness.run.replies import Said
from harness.run.session import EngineSession
from harness.workers.store import Store

_FIX = Reason("raise_answer_tokens")


@dataclass(frozen=True, slots=True)
class Talk:
    """One of a model's answers to a probe, on its way there through the turns of a dialogue.

    Attributes:
        number: Of the answer.
        speaker: Who is asked.
        turn: What is asked last.
        earlier: The model's own answers before that.
    """

    cell: ProbeCell
    number: int
    speaker: Speaker
    turn: Turn
    earlier: tuple[str, ...] = ()

    @property
    def left(self) -> int:
        """How many own answers follow that to this turn."""
        return self.cell.probe.blanks - len(self.earlier)

    def said(self, outputs: Mapping[str, Output]) -> Said | None:
        """Return what came of the last turn; see `Speaker.said`."""
        return self.speaker.said(self.turn, outputs, fix=_FIX)

    def reply(self, said: Said) -> Reply:
        """Return the answer to the probe."""
        output = said.output
        return Reply(
            self.number,
            self.cell.evalset.answers.seed + self.number,
            output.text.strip(),
            output.length,
            cut=output.finish_reason == "length",
            problem=output.failure,
            thought=said.thought,
            earlier=self.earlier,
        )


def check_dialogue(cell: ProbeCell, speaker: Speaker) -> None:
    """Try whether a model's template shows all of a probe's turns, before anything is asked.

    Raises:
        PromptError: It does not.
    """
    if not cell.probe.turns:
        return
    try:
        speaker.use(conversation(cell, ["x"] * cell.probe.blanks))
    except PromptError as error:
        raise PromptError(f"{speaker.name}: probe {cell.probe.id}: {error}") from error


def talks_of(cells: Sequence[ProbeCell], speaker: Speaker) -> list[Talk]:
    """Return what is asked of one model for its probes first, n each, tokenized in one batch."""
    places = [(cell, number) for cell in cells for number in range(cell.evalset.answers.n)]
    turns = turns_of(speaker, [(cell, number, ()) for cell, number in places]) if places else []
    return [Talk(cell, number, speaker, turn)
            for (cell, number), turn in zip(places, turns, strict=True)]  # fmt: skip


def ask_talks(
    session: EngineSession, talks: Sequence[Talk], store: Store, *, window: int
) -> tuple[list[Talk], Asked]:
    """Ask for all answers, those of dialogues one after another, and return how far each came.

    Args:
        session: Its engine is started if something is to be asked.
        talks: At their first turns.
        store: Of outputs.
        window: The longest of the models' windows in tokens.
    """
    talks, whole = list(talks), Asked({}, stored=0)
    while True:
        known = whole.outputs

        def behind(
            outputs: Mapping[str, Output],
            talks: Sequence[Talk] = tuple(talks),
            known: Mapping[str, Output] = known,
        ) -> list[Request]:
            found = _behind(talks, {**known, **outputs})
            return [request for request in found if request.key not in known]

        first = [request for request in _first(talks) if request.key not in known]
        whole = joined(whole, ask_rounds(session, first, behind, store, window=window))
        following = _following(talks, whole.outputs)
        if whole.failure is not None or following == talks:
            return following, whole
        talks = following


def requests_due(talks: Iterable[Talk], outputs: Mapping[str, Output]) -> int:
    """Return how many requests all talks take, as far as is known, those that were made included.

    Args:
        talks: As far as they came.
        outputs: What was made, by key.
    """
    talks = list(talks)
    known = {one.key for one in (*_first(talks), *_behind(talks, outputs))} | set(outputs)
    return len(known) + sum(one.left for one in talks)


def conversation(cell: ProbeCell, earlier: Sequence[str] = ()) -> list[Message]:
    """Return what a model reads of a probe, up to the first turn that has no answer yet.

    Args:
        cell: The probe.
        earlier: The model's own answers in the dialogue.
    """
    system = cell.evalset.answers.system
    first: list[Message] = [{"role": "system", "content": system}] if system else []
    said = filled(cell.probe.before, earlier)
    whole = len(said) == len(cell.probe.before)
    last: list[Message] = [{"role": "user", "content": cell.probe.asked}] if whole else []
    return [*first, *said, *last]


def _first(talks: Iterable[Talk]) -> list[Request]:
    return [one.turn.first for one in talks if isinstance(one.turn.first, Request)]


def _behind(talks: Iterable[Talk], outputs: Mapping[str, Output]) -> list[Request]:
    found = [one.speaker.answer(one.turn, outputs) for one in talks if one.speaker.thinks]
    return [request for request in found if isinstance(request, Request)]


def turns_of(
    speaker: Speaker, places: Sequence[tuple[ProbeCell, int, Sequence[str]]]
) -> list[Turn]:
    """Return what is asked for: answers to probes, by number, behind the model's earlier ones."""
    conversations = [conversation(cell, earlier) for cell, _, earlier in places]
    return speaker.turns(conversations, [_sampling(cell, number) for cell, number, _ in places])


def _following(talks: Sequence[Talk], outputs: Mapping[str, Output]) -> list[Talk]:
    """Return talks at their next turns; as they are at the last, or where an answer is missing."""
    told: dict[int, str] = {}
    for place, one in enumerate(talks):
        said = one.said(outputs) if one.left else None
        if said is not None and said.output.failure is None:
            told[place] = said.output.text.strip()
    found = list(talks)
    for model in dict.fromkeys(talks[place].cell.model for place in told):
        own = {place: replace(talks[place], earlier=(*talks[place].earlier, text))
               for place, text in told.items() if talks[place].cell.model == model}  # fmt: skip
        speaker = next(iter(own.values())).speaker
        turns = turns_of(speaker, [(one.cell, one.number, one.earlier) for one in own.values()])
        for (place, one), turn in zip(own.items(), turns, strict=True):
            found[place] = replace(one, turn=_plain(turn, one))
    return found


def _plain(turn: Turn, talk: Talk) -> Turn:
    """Return a turn, refused where the answer before it would be read as more than text."""
    controls = talk.speaker.controls
    found = controls.search(talk.earlier[-1]) if controls else None
    if found is None:
        return turn
    return replace(turn, first=Reason("special_token_in_turn", {"token": found.group()}))


def _sampling(cell: ProbeCell, number: int) -> Sampling:
    spec = cell.evalset.answers
    return Sampling(
        max_tokens=spec.max_tokens,
        temperature=spec.temperature,
        top_p=spec.top_p,
        seed=spec.seed + number,
    )
