"""Chat messages -> token ids, a whole batch at once: system role, base models, prefill, one BOS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.errors import PromptError
from harness.prompts.end_marks import mark_ids
from harness.prompts.forms import Conversation, Forms, Shown, lost_texts, plain_text
from harness.prompts.rendering import Rendering
from harness.prompts.thinking import Start, ThoughtPlan
from harness.prompts.tokenize import Pieces
from harness.reasons import Reason
from harness.records import Json, Message, TemplateUse, Thinking

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """How one model is spoken to.

    Attributes:
        pieces: Its tokens of texts.
        rendering: Its chat template and what that is given, or None for plain text.
        forms: Renders its conversations so that all of them is shown, None for plain text.
        bos_id: The token that every prompt begins with exactly once, or None.
        window: Longest prompt and completion together, in tokens.
        end_ids: Tokens with which an answer ends: those at which the model stops by itself, and
            what the template, or plain text, writes behind an answer.
        stop_ids: Those of them at which an engine has to be told to stop.
        controls: Finds the tokenizer's special tokens and its end mark in a text, or None without
            any.
        stop: Text that ends an answer where no token of its own does, or None.
        plan: How the model thinks before it answers; None where its template knows no thought.
        lead: What the template writes between the beginning of a turn and an answer in it; empty
            where a plan says so.
    """

    tokenizer: PreTrainedTokenizerBase
    pieces: Pieces
    rendering: Rendering | None
    forms: Forms | None
    bos_id: int | None
    window: int
    end_ids: tuple[int, ...] = ()
    stop_ids: tuple[int, ...] = ()
    controls: re.Pattern[str] | None = None
    stop: str | None = None
    plan: ThoughtPlan | None = None
    lead: str = ""

    @property
    def gap(self) -> str:
        """White space that an answer begins with where it has no prefill: the end of the lead."""
        return self.lead[len(self.lead.rstrip()) :]

    @property
    def thinking(self) -> Thinking | None:
        """The setting by which the model thinks or not, None where it is left to the template."""
        return self.plan.thinking if self.plan else None

    @property
    def thinks(self) -> bool:
        """Whether the model is to think before every answer, which takes two requests."""
        return self.plan is not None and self.plan.opener is not None

    @property
    def template(self) -> str | None:
        """The Jinja2 chat template, or None for plain text."""
        return self.rendering.template if self.rendering else None

    @property
    def told(self) -> dict[str, Json]:
        """What the template is given beside a conversation: variables, the day, a system text."""
        told: dict[str, Json] = {}
        if self.rendering is not None and (self.rendering.variables or self.rendering.day):
            day = {"day": self.rendering.day.isoformat()} if self.rendering.day else {}
            told["variables"] = {**self.rendering.variables, **day}
        if self.forms is not None and self.forms.system is not None:
            told["system"] = self.forms.system
        return told

    @property
    def fold_system(self) -> bool:
        """Whether a system text before one question goes into that user turn."""
        asked: Conversation = [{"role": "system", "content": "x"}, {"role": "user", "content": "x"}]
        try:
            return self._shown(asked).system == "folded"
        except PromptError:
            return False

    def control_token(self, text: str) -> str | None:
        """Return the first special token of the tokenizer that a text spells, or None.

        Such a text would not be read as text: it would end a turn or begin one.
        """
        found = self.controls.search(text) if self.controls else None
        return found.group() if found else None

    @property
    def stop_tokens(self) -> int:
        """Tokens that an answer needs beyond its own to reach the end of its stop text."""
        return len(mark_ids(self.tokenizer, self.stop)) if self.stop else 0

    def texts(
        self, conversations: Sequence[Conversation], *, closed: bool = False, bound: bool = False
    ) -> list[str]:
        """Return the prompts as text; a last assistant turn is left open for its continuation.

        Args:
            conversations: All end with an assistant turn, or none of them.
            closed: End the last turn with its mark instead, and ask for no answer.
            bound: What follows is held to a form, or only scored, so that no thought can be in it:
                the prompt ends behind one that is closed, whether it holds anything or not, or
                behind the header of an answer.

        Raises:
            PromptError: The chat template refuses the conversation or leaves out a part of it, or
                its prompts end otherwise than those that it was tried with.
        """
        filled = bool(conversations) and conversations[0][-1]["role"] == "assistant"
        start = None if closed else self._start(filled=filled, bound=bound)
        if start is None:
            header = self.lead.rstrip() if bound and not (closed or filled) else ""
            return [text + header for text in self._written(conversations, closed=closed)]
        heads = self._written([_asked(one) for one in conversations])
        opener = (self.plan.opener if self.plan else None) or ""
        return [
            start.behind(head + opener) + (one[-1]["content"] if filled else "")
            for head, one in zip(heads, conversations, strict=True)
        ]

    def use(self, conversation: Conversation, *, bound: bool = False) -> TemplateUse:
        """Return how a conversation that is asked becomes text; `bound` as in `texts`.

        Raises:
            PromptError: As `texts` does.
        """
        filled = conversation[-1]["role"] == "assistant"
        headed = self.thinks or self._start(filled=filled, bound=bound) is not None
        shown = self._shown(_asked(conversation) if headed else conversation)
        if self.rendering is None or self.forms is None:
            return TemplateUse("", system=shown.system)
        use = self.rendering.use(self.forms.system)
        return replace(use, system=shown.system, own_system=shown.own)

    def lost(
        self, conversations: Sequence[Sequence[Message]], texts: Sequence[str]
    ) -> dict[int, Reason]:
        """Return why a prompt is not what was to be said, by its number.

        Args:
            conversations: What was to be said.
            texts: Their prompts: those of thoughts where the model is to think.
        """
        if self.forms is None:
            return {}
        turns = [list(one) for one in conversations]
        return dict(lost_texts([_asked(one) for one in turns] if self.thinks else turns, texts))

    def _start(self, *, filled: bool, bound: bool) -> Start | None:
        """Return where answers begin, None where that is left to the template."""
        start = self.plan.start(filled=filled) if self.plan else None
        return start if start and start.text is not None and (bound or self.thinking) else None

    def _shown(self, conversation: Conversation) -> Shown:
        if self.forms is None:
            return Shown("turn" if conversation[0]["role"] == "system" else "none")
        open_end = conversation[-1]["role"] == "assistant"
        return self.forms.shown(conversation, ask=not open_end, go_on=open_end)

    def thought_texts(self, conversations: Sequence[Conversation]) -> list[str]:
        """Return the prompts, as text, in which a thought begins; a prefill is left out of them.

        Raises:
            PromptError: The chat template refuses the conversation.
        """
        if self.plan is None or self.plan.opener is None:
            raise ValueError("the model is not told to think")
        heads = self._written([_asked(one) for one in conversations])
        return [head + self.plan.opener for head in heads]

    def _written(self, conversations: Sequence[Conversation], *, closed: bool = False) -> list[str]:
        """Return conversations as the template writes them."""
        if self.forms is None:
            return [plain_text(conversation) for conversation in conversations]
        if not conversations:
            return []
        open_end = conversations[0][-1]["role"] == "assistant"
        return self.forms.texts(
            conversations, ask=not (open_end or closed), go_on=open_end and not closed
        )

    def encode(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Return token ids, checked to begin with one BOS if the model has one.

        Raises:
            PromptError: Two BOS tokens stand at the beginning.
        """
        ids = self.pieces.encode(texts)
        bos = self.bos_id
        own = self.tokenizer.bos_token_id
        if bos is not None:
            ids = [row if row[:1] == (bos,) else (bos, *row) for row in ids]
        for row in ids:
            if own is not None and row[:2] == (own, own):
                raise PromptError("the prompt begins with two BOS tokens: the chat template and "
                                  "the prompt both write one; remove it there")  # fmt: skip
        return ids

    def continuations(
        self, text: str, words: Sequence[str], *, turn: bool = False
    ) -> list[tuple[int, ...]]:
        """Return the token ids of each word as it continues a prompt, in context.

        Args:
            text: The prompt.
            words: Texts put directly behind it, leading space included.
            turn: Whether the prompt ends with the beginning of an assistant's turn. A model that
                writes there goes on behind the prompt's own tokens, so where the joined text has
                others the word is tokenized by itself, as training does.

        Raises:
            PromptError: A word's first token would reach back into the prompt, or the tokenizer
                does not know a part of it.
        """
        head, *full = self.encode([text, *(text + word for word in words)])
        found: list[tuple[int, ...]] = []
        for word, row in zip(words, full, strict=True):
            if row[: len(head)] == head and len(row) > len(head):
                found.append(row[len(head) :])
                continue
            (alone,) = self.pieces.encode([word])
            if not turn or not alone:
                raise PromptError(
                    f"the label word {word!r} merges with the end of the prompt when it is "
                    "tokenized; end the prefill at a word boundary"
                )
            found.append(alone)
        for word, row in zip(words, found, strict=True):
            if self.unknown(row):
                raise PromptError(f"the label word {word.strip()!r} holds characters that the "
                                  "model's tokenizer does not know, so that it cannot be written; "
                                  "choose other targets")  # fmt: skip
        return found

    def unknown(self, row: Sequence[int]) -> bool:
        """Return whether tokens stand for what the tokenizer does not know."""
        return self.tokenizer.unk_token_id is not None and self.tokenizer.unk_token_id in row


def _asked(conversation: Conversation) -> Conversation:
    """Return a conversation up to its last question, without the prefill of an answer."""
    return conversation[:-1] if conversation[-1]["role"] == "assistant" else conversation
