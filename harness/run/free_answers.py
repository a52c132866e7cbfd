"""Conversations -> requests to one model, whether it takes tokens or, as an endpoint, text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import PromptError
from harness.prompts.chat import ChatFormat
from harness.prompts.open_format import open_format
from harness.prompts.thinking import plan_name
from harness.prompts.thoughttokens import (
    answer_row,
    closing_tokens,
    read_thought,
    thought_sampling,
)
from harness.reasons import Reason
from harness.records import (
    Adapter,
    Message,
    Output,
    Request,
    Sampling,
    Tell,
    TemplateUse,
    Thinking,
)
from harness.run.replies import Said, failed, said, unfinished
from harness.run.served import Served
from harness.run.session import EngineSession
from harness.run.thoughtnotes import template_notes
from harness.spec.endpointspec import PREFIX
from harness.spec.thinkingspec import setting
from harness.workers.store import content_key

# What an endpoint's window is taken for: it refuses by itself what is too long.
_ENDPOINT_WINDOW = 1 << 20


@dataclass(frozen=True, slots=True)
class Turn:
    """An answer that is asked of a model: in one request, or in two where it thinks before.

    Attributes:
        sampling: Of the answer.
        first: The only request, or that for the thought; or why nothing can be asked.
        text: The prompt in which the thought begins; empty where the model does not think.
    """

    sampling: Sampling
    first: Request | Reason
    text: str = ""


@dataclass(frozen=True, slots=True)
class Speaker:
    """How one model is asked.

    Attributes:
        chat: Its tokenizer and template; None for an endpoint.
        shared: Fingerprint of its engine.
        adapter: LoRA weights, or None.
        thinking: Whether it thinks before it answers; None where nothing says so.
        name: The model's, for errors.
        system: Of an endpoint: system text of conversations that have none; None for none.
        remote: Of an endpoint: the model's name there.
    """

    chat: ChatFormat | None
    shared: str
    adapter: Adapter | None = None
    thinking: Thinking | None = None
    name: str = ""
    system: str | None = None
    remote: str = ""

    @property
    def window(self) -> int:
        """The model's window in tokens."""
        return self.chat.window if self.chat else _ENDPOINT_WINDOW

    @property
    def controls(self) -> re.Pattern[str] | None:
        """Finds what the model would not read as text, or None."""
        return self.chat.controls if self.chat else None

    @property
    def thinks(self) -> bool:
        """Whether an answer takes a second request, behind the thought that the first brings."""
        return self.chat is not None and self.chat.thinks

    @property
    def manner(self) -> str:
        """Whether it thinks before what is held to a form; empty where nothing decides that."""
        if self.chat is not None:
            return plan_name(self.chat.plan)
        return self.thinking.name if self.thinking else ""

    def texts(
        self, conversations: Sequence[Sequence[Message]], *, bound: bool = False
    ) -> list[str]:
        """Return prompts as the model reads them; see `ChatFormat.texts`.

        Raises:
            PromptError: The chat template refuses a conversation.
        """
        if self.chat is None:
            raise ValueError("an endpoint takes conversations, not text")
        return self.chat.texts([list(one) for one in conversations], bound=bound)

    def use(self, conversation: Sequence[Message], *, bound: bool = False) -> TemplateUse | None:
        """Return how a conversation becomes text, None at an endpoint, which does not say.

        Raises:
            PromptError: As `texts` does.
        """
        return None if self.chat is None else self.chat.use(list(conversation), bound=bound)

    def of_ids(self, row: tuple[int, ...], sampling: Sampling) -> Request:
        """Return the request of a tokenized prompt."""
        key = content_key(self.shared, row, sampling, self.adapter)
        return Request(key, row, sampling, self.adapter)

    def turns(
        self, conversations: Sequence[Sequence[Message]], samplings: Sequence[Sampling]
    ) -> list[Turn]:
        """Return an answer to be asked for in each conversation; tokenized in one batch.

        Args:
            conversations: None of them ends with an assistant turn.
            samplings: Of the answers, one each; all are held to a schema, or none.

        Raises:
            PromptError: The chat template refuses a conversation, or leaves out a part of it.
        """
        chat = self.chat
        if chat is None:
            return self._sent(conversations, samplings)
        turns = [list(conversation) for conversation in conversations]
        bound = any(sampling.schema for sampling in samplings)
        try:
            texts = chat.thought_texts(turns) if chat.thinks else chat.texts(turns, bound=bound)
        except PromptError as error:
            raise PromptError(f"{self.name}: {error}") from error
        if not chat.thinks:
            samplings = [self._ended(sampling) for sampling in samplings]
        rows, lost = chat.encode(texts), chat.lost(turns, texts)
        made = [
            self._turn(chat, text, row, sampling)
            for text, row, sampling in zip(texts, rows, samplings, strict=True)
        ]
        return [
            Turn(turn.sampling, lost[number]) if number in lost else turn
            for number, turn in enumerate(made)
        ]

    def answer(self, turn: Turn, outputs: Mapping[str, Output]) -> Request | Reason | None:
        """Return the request that brings a turn's answer, or why there is none.

        Args:
            turn: Of a model that thinks.
            outputs: By key; None is returned where that of the turn's thought is not there.
        """
        if isinstance(turn.first, Reason):
            return turn.first
        chat = self.chat
        if chat is None or not chat.thinks:
            return turn.first
        output = outputs.get(turn.first.key)
        if output is None:
            return None
        if output.failure is not None:
            return output.failure
        if read_thought(chat, output).end == "open" and chat.plan and chat.plan.thinking:
            room = turn.first.sampling.max_tokens
            return unfinished(output, chat.plan.thinking, room=room)
        row = answer_row(chat, turn.text, turn.first.prompt_ids, output, "")
        return row if isinstance(row, Reason) else self.of_ids(row, self._ended(turn.sampling))

    def said(self, turn: Turn, outputs: Mapping[str, Output], *, fix: Reason) -> Said | None:
        """Return what the model said, None where an engine that failed owes it.

        Args:
            turn: The answer that was asked for.
            outputs: By key, of one round or both.
            fix: What gives more room to an answer that its thought left none.
        """
        if isinstance(turn.first, Reason):
            return Said(Output("", finish_reason="error", error=turn.first))
        request = self.answer(turn, outputs)
        first = outputs.get(turn.first.key)
        if request is None or first is None:
            return None
        thought = read_thought(self.chat, first) if self.chat and self.thinks else None
        if isinstance(request, Reason):
            return Said(failed(first, request), thought)
        output = outputs.get(request.key)
        if output is None:
            return None
        # What was asked behind a thought, or is held to a form, has none in it.
        if self.chat is not None and (self.thinks or turn.sampling.schema):
            return Said(output, thought)
        return said(output, self.chat, room=request.sampling.max_tokens, fix=fix)

    def _turn(self, chat: ChatFormat, text: str, row: tuple[int, ...], sampling: Sampling) -> Turn:
        room = self.window - len(row) - sampling.max_tokens
        if chat.plan is None or chat.plan.thinking is None or not chat.thinks:
            if room < 0:
                return Turn(sampling, self._too_long(row, sampling.max_tokens))
            return Turn(sampling, self.of_ids(row, sampling))
        room -= closing_tokens(chat)
        least = chat.plan.thinking.limit if chat.plan.thinking.budgeted else 1
        if room < least:
            return Turn(sampling, self._too_long(row, self.window - len(row) - room + least))
        first = self.of_ids(row, thought_sampling(chat, sampling, room=room))
        return Turn(sampling, first, text)

    def _too_long(self, row: Sequence[int], wanted: int) -> Reason:
        facts = {"tokens": len(row), "wanted": wanted, "window": self.window}
        return Reason("no_room_to_answer", facts)

    def _sent(
        self, conversations: Sequence[Sequence[Message]], samplings: Sequence[Sampling]
    ) -> list[Turn]:
        """Return answers to be asked for at an endpoint, where a thought and its answer are one."""
        found: list[Turn] = []
        for conversation, sampling in zip(conversations, samplings, strict=True):
            asked = sampling
            if self.thinking is not None:
                more = sampling.max_tokens + self.thinking.limit
                asked = replace(sampling, max_tokens=more,
                                thinking="on" if self.thinking.on else "off")  # fmt: skip
            messages = tuple((turn["role"], turn["content"]) for turn in conversation)
            if self.system is not None and messages[0][0] != "system":
                messages = (("system", self.system), *messages)
            key = content_key(self.shared, (), asked, None, messages=messages)
            found.append(Turn(asked, Request(key, (), asked, messages=messages)))
        return found

    def _ended(self, sampling: Sampling) -> Sampling:
        """Let the answer end where the template, or plain text, ends a turn."""
        if self.chat is None or sampling.schema:
            return sampling
        return replace(
            sampling,
            max_tokens=sampling.max_tokens + self.chat.stop_tokens,
            stop=(*sampling.stop, *([self.chat.stop] if self.chat.stop else ())),
            stop_ids=self.chat.stop_ids,
        )


def open_speaker(session: EngineSession, served: Served, *, root: Path, tell: Tell) -> Speaker:
    """Return how a model of a session is asked; its adapter has been checked.

    Args:
        session: Of its engine.
        served: The model.
        root: The project.
        tell: Told what is to be known of how it thinks.

    Raises:
        PromptError: It has no usable tokenizer or template, or one that does not think as it is to.
    """
    thinking = setting(served.spec.thinking)
    if session.endpoint:
        name, system = served.model, served.spec.system
        remote = (served.spec.source or "").removeprefix(PREFIX)
        return Speaker(
            None, session.shared, thinking=thinking, name=name, system=system, remote=remote
        )
    chat = open_format(
        served.model,
        *session.spoken(served, thinking=thinking is not None),
        root=root,
        trained=session.adapter_chats.get(served.model),
        thinking=thinking,
    )
    for note in template_notes(served.model, chat, thinking):
        tell(note)
    adapter = session.adapters.get(served.model)
    return Speaker(chat, session.shared, adapter, thinking, name=served.model)
