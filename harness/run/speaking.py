"""Conversations -> requests to one model, whether it takes tokens or, as an endpoint, text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.prompts.chat import ChatFormat, open_format
from harness.records import Adapter, Message, Request, Sampling
from harness.run.session import EngineSession, Served
from harness.workers.store import content_key

# What an endpoint's window is taken for: it refuses by itself what is too long.
_ENDPOINT_WINDOW = 1 << 20


@dataclass(frozen=True, slots=True)
class Speaker:
    """How one model is asked.

    Attributes:
        chat: Its tokenizer and template; None for an endpoint.
        shared: Fingerprint of its engine.
        adapter: LoRA weights, or None.
    """

    chat: ChatFormat | None
    shared: str
    adapter: Adapter | None = None

    @property
    def window(self) -> int:
        """The model's window in tokens."""
        return self.chat.window if self.chat else _ENDPOINT_WINDOW

    @property
    def controls(self) -> re.Pattern[str] | None:
        """Finds what the model would not read as text, or None."""
        return self.chat.controls if self.chat else None

    def texts(self, conversations: Sequence[Sequence[Message]]) -> list[str]:
        """Return prompts as the model reads them.

        Raises:
            PromptError: The chat template refuses a conversation.
        """
        if self.chat is None:
            raise ValueError("an endpoint takes conversations, not text")
        return self.chat.texts([list(conversation) for conversation in conversations])

    def of_texts(self, texts: Sequence[str], samplings: Sequence[Sampling]) -> list[Request | str]:
        """Return a request for each text, or why it cannot be asked; tokenized in one batch."""
        if self.chat is None:
            raise ValueError("an endpoint takes conversations, not text")
        found: list[Request | str] = []
        for row, sampling in zip(self.chat.encode(texts), samplings, strict=True):
            if len(row) + sampling.max_tokens > self.window:
                found.append(f"too long: {len(row)} prompt tokens and room for "
                             f"{sampling.max_tokens} exceed the model's window of "
                             f"{self.window}")  # fmt: skip
                continue
            found.append(self.of_ids(row, sampling))
        return found

    def of_ids(self, row: tuple[int, ...], sampling: Sampling) -> Request:
        """Return the request of a tokenized prompt."""
        key = content_key(self.shared, row, sampling, self.adapter)
        return Request(key, row, sampling, self.adapter)

    def requests(
        self, conversations: Sequence[Sequence[Message]], samplings: Sequence[Sampling]
    ) -> list[Request | str]:
        """Return a request for each conversation, or why it cannot be asked.

        Raises:
            PromptError: The chat template refuses a conversation.
        """
        if self.chat is not None:
            ended = [self._ended(sampling) for sampling in samplings]
            return self.of_texts(self.texts(conversations), ended)
        found: list[Request | str] = []
        for conversation, sampling in zip(conversations, samplings, strict=True):
            messages = tuple((turn["role"], turn["content"]) for turn in conversation)
            key = content_key(self.shared, (), sampling, None, messages=messages)
            found.append(Request(key, (), sampling, messages=messages))
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


def open_speaker(session: EngineSession, served: Served, *, root: Path) -> Speaker:
    """Return how a model of a session is asked; its adapter has been checked.

    Raises:
        PromptError: It has no usable tokenizer or template.
    """
    if session.endpoint:
        return Speaker(None, session.shared)
    chat = open_format(
        served.model,
        served.spec,
        session.asset.path,
        root=root,
        trained=session.adapter_chats.get(served.model),
    )
    return Speaker(chat, session.shared, session.adapters.get(served.model))
