"""Chat messages -> token ids, a whole batch at once: system role, base models, prefill, one BOS."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import PromptError
from harness.prompts.chosen import AdapterChat, choose_template, choose_variables
from harness.prompts.marks import answer_ends, end_ids, mark_ids
from harness.prompts.pieces import Pieces
from harness.prompts.rendering import Rendering
from harness.prompts.thinking import ThoughtPlan, open_plan
from harness.prompts.tokenizers import load_tokenizer
from harness.records import Json, Message, Thinking
from harness.spec import ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_SENTINEL = "0b1e55ed"
Conversation = list[Message]


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """How one model is spoken to.

    Attributes:
        pieces: Its tokens of texts.
        rendering: Its chat template and what that is given, or None for plain text.
        fold_system: Put the system text into the first user turn.
        bos_id: The token that every prompt begins with exactly once, or None.
        window: Longest prompt and completion together, in tokens.
        end_ids: Tokens with which an answer ends: those at which the model stops by itself, and
            what the template, or plain text, writes behind an answer.
        stop_ids: Those of them at which an engine has to be told to stop.
        controls: Finds the tokenizer's special tokens and its end mark in a text, or None without
            any.
        stop: Text that ends an answer where no token of its own does, or None.
        plan: How the model thinks before it answers; None where its template knows no thought.
    """

    tokenizer: PreTrainedTokenizerBase
    pieces: Pieces
    rendering: Rendering | None
    fold_system: bool
    bos_id: int | None
    window: int
    end_ids: tuple[int, ...] = ()
    stop_ids: tuple[int, ...] = ()
    controls: re.Pattern[str] | None = None
    stop: str | None = None
    plan: ThoughtPlan | None = None

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
        """What the template is given beside a conversation: its variables, and the day."""
        if self.rendering is None or not (self.rendering.variables or self.rendering.day):
            return {}
        day = {"day": self.rendering.day.isoformat()} if self.rendering.day else {}
        return {"variables": {**self.rendering.variables, **day}}

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
                the prompt ends behind one that is closed, whether it holds anything or not.

        Raises:
            PromptError: The chat template refuses the conversation, or its prompts end otherwise
                than those that it was tried with.
        """
        filled = bool(conversations) and conversations[0][-1]["role"] == "assistant"
        start = self.plan.start(filled=filled) if self.plan and not closed else None
        if start is None or start.text is None or not (bound or self.thinking):
            return self._written(conversations, closed=closed)
        heads = self._written([_asked(one) for one in conversations])
        opener = (self.plan.opener if self.plan else None) or ""
        return [
            start.behind(head + opener) + (one[-1]["content"] if filled else "")
            for head, one in zip(heads, conversations, strict=True)
        ]

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
        if self.rendering is None:
            return [_plain(conversation) for conversation in conversations]
        folded = [_fold(c) for c in conversations] if self.fold_system else list(conversations)
        if not folded:
            return []
        open_end = folded[0][-1]["role"] == "assistant"
        return self.rendering.texts(
            folded, ask=not (open_end or closed), go_on=open_end and not closed
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
            PromptError: A word's first token would reach back into the prompt.
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
        return found


def open_format(
    name: str,
    spec: ModelSpec,
    folder: Path,
    *,
    root: Path,
    trained: AdapterChat | None = None,
    where: str = "",
    thinking: Thinking | None = None,
) -> ChatFormat:
    """Load a model's tokenizer and find out how it takes conversations.

    Args:
        name: The model's name, for errors.
        spec: Its entry in models.yaml.
        folder: Its weights folder.
        root: The project; a template file lies under `root/prompts`.
        trained: What the model's adapter was trained with, or None.
        where: What names the entry in errors, if that is not in models.yaml.
        thinking: Whether it thinks before it answers; None leaves it to the template.

    Raises:
        PromptError: Another template than the adapter's, no chat template where one is needed,
            a folder without tokenizer, or a template that does not think as it is to.
    """
    where = where or f"models.yaml: {name}"
    try:
        tokenizer = load_tokenizer(folder)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise PromptError(f"{where}: no usable tokenizer in {folder}: {first}") from error
    template = choose_template(where, spec, tokenizer, root, trained)
    trial = tokenizer("a")["input_ids"]
    bos = tokenizer.bos_token_id
    own_window = config.get("text_config", config).get("max_position_embeddings")
    window = spec.max_model_len or own_window
    if window is None:
        raise PromptError(f"{where}: its config names no window; add max_model_len")
    rendering, fold = None, False
    if template is not None:
        rendering = choose_variables(where, spec, tokenizer, template, trained)
        fold = not (_keeps_system(rendering) if spec.system_role == "auto" else spec.system_role)
    elif spec.template:
        raise PromptError(f"{where}: template: plain text has no variables; remove it")
    own = end_ids(tokenizer, folder)
    ends, stop, mark = answer_ends(tokenizer, rendering)
    plan = open_plan(where, rendering, thinking)
    if rendering is not None and plan is not None:
        rendering = rendering.given(plan.variables)
    return ChatFormat(
        tokenizer=tokenizer,
        pieces=Pieces(tokenizer),
        rendering=rendering,
        fold_system=fold,
        bos_id=bos if bos is not None and trial[:1] == [bos] else None,
        window=int(window),
        end_ids=tuple(sorted(own | ends)),
        stop_ids=() if stop else tuple(sorted(ends - own)),
        controls=_controls(tokenizer, mark),
        stop=stop,
        plan=plan,
    )


def _controls(tokenizer: PreTrainedTokenizerBase, mark: str | None) -> re.Pattern[str] | None:
    added = tokenizer.added_tokens_decoder.values()
    # Runs of white space are tokens of their own to some, and end no turn.
    spelled = {str(one.content) for one in added if one.special and str(one.content).strip()}
    spelled |= {mark} if mark else set()
    # The longest first: a token may begin with another one.
    ordered = sorted(spelled, key=lambda text: (-len(text), text))
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _keeps_system(rendering: Rendering) -> bool:
    """Return whether the template shows a system message; some raise, some drop it silently."""
    probe: Conversation = [
        {"role": "system", "content": _SENTINEL},
        {"role": "user", "content": "x"},
    ]
    try:
        (shown,) = rendering.texts([probe])
    except PromptError:
        return False
    return _SENTINEL in shown


def _asked(conversation: Conversation) -> Conversation:
    """Return a conversation up to its last question, without the prefill of an answer."""
    return conversation[:-1] if conversation[-1]["role"] == "assistant" else conversation


def _fold(conversation: Conversation) -> Conversation:
    if conversation[0]["role"] != "system":
        return conversation
    system, first, *rest = conversation
    joined = f"{system['content']}\n\n{first['content']}"
    return [{"role": first["role"], "content": joined}, *rest]


def _plain(conversation: Conversation) -> str:
    """Return a conversation as text: each turn a paragraph, each answer under its question."""
    *turns, last = conversation
    parts = [m["content"] + ("\n" if m["role"] == "user" else "\n\n") for m in turns]
    return "".join(parts) + last["content"] + ("\n" if last["role"] == "user" else "")
