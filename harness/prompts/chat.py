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
from harness.prompts.marks import (
    end_ids,
    end_mark,
    first_token,
    line_breaks,
    mark_ids,
    next_turn,
)
from harness.prompts.pieces import Pieces
from harness.prompts.rendering import Rendering
from harness.records import Json, Message
from harness.spec import ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_SENTINEL = "0b1e55ed"
# Ends a turn of plain text.
_PARAGRAPH = "\n\n"
# Classes that say no more than what tokenizer.json holds.
_GENERAL = ("PreTrainedTokenizerFast", "TokenizersBackend")
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

    def texts(self, conversations: Sequence[Conversation], *, closed: bool = False) -> list[str]:
        """Return the prompts as text; a last assistant turn is left open for its continuation.

        Args:
            conversations: All end with an assistant turn, or none of them.
            closed: End the last turn with its mark instead, and ask for no answer.

        Raises:
            PromptError: The chat template refuses the conversation.
        """
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
) -> ChatFormat:
    """Load a model's tokenizer and find out how it takes conversations.

    Args:
        name: The model's name, for errors.
        spec: Its entry in models.yaml.
        folder: Its weights folder.
        root: The project; a template file lies under `root/prompts`.
        trained: What the model's adapter was trained with, or None.
        where: What names the entry in errors, if that is not in models.yaml.

    Raises:
        PromptError: Another template than the adapter's, no chat template where one is needed,
            or a folder without tokenizer.
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
    ends, stop, mark = _ends(tokenizer, rendering)
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
    )


def _ends(
    tokenizer: PreTrainedTokenizerBase, rendering: Rendering | None
) -> tuple[set[int], str | None, str | None]:
    """Return with which tokens an answer ends, the text to stop at, and the mark that is a text.

    Where a template writes nothing behind an answer, what it writes before the next question ends
    it. The text is None where one of the tokens is there to stop at.
    """
    if rendering is None:
        return line_breaks(tokenizer), _PARAGRAPH, None
    mark = end_mark(rendering)
    end = mark or next_turn(rendering)
    if end is None:
        return set(), None, None
    token = first_token(tokenizer, end.lstrip())
    if token is not None:
        return {token}, None, None
    return set(mark_ids(tokenizer, end)[:1]), end, mark


def _controls(tokenizer: PreTrainedTokenizerBase, mark: str | None) -> re.Pattern[str] | None:
    added = tokenizer.added_tokens_decoder.values()
    # Runs of white space are tokens of their own to some, and end no turn.
    spelled = {str(one.content) for one in added if one.special and str(one.content).strip()}
    spelled |= {mark} if mark else set()
    # The longest first: a token may begin with another one.
    ordered = sorted(spelled, key=lambda text: (-len(text), text))
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Return the tokenizer in a folder, as `AutoTokenizer` does.

    It takes the general class where the folder names that one, and here so is it taken without
    the import of `AutoTokenizer`, which alone costs seconds of processor time.

    Raises:
        OSError: A file is missing or cannot be read.
        ValueError: A file cannot be understood.
    """
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    named = settings.get("tokenizer_class") in _GENERAL and "auto_map" not in settings
    tokenizer: PreTrainedTokenizerBase
    if named and (folder / "tokenizer.json").is_file():
        from transformers import PreTrainedTokenizerFast

        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    else:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder)
    return tokenizer


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
