"""Chat messages -> token ids, a whole batch at once: system role, base models, prefill, one BOS."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2.exceptions import TemplateError

from harness.errors import PromptError
from harness.prompts.marks import LLAMA3, end_mark, is_text, llama3_template, mark_ids
from harness.prompts.pieces import Pieces
from harness.records import Message
from harness.spec import ModelSpec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_SENTINEL = "0b1e55ed"
# Classes that say no more than what tokenizer.json holds.
_GENERAL = ("PreTrainedTokenizerFast", "TokenizersBackend")
Conversation = list[Message]


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """How one model is spoken to.

    Attributes:
        pieces: Its tokens of texts.
        template: Jinja2 chat template, or None for plain text.
        fold_system: Put the system text into the first user turn.
        bos_id: The token that every prompt begins with exactly once, or None.
        end_id: The token that ends a turn, or None.
        window: Longest prompt and completion together, in tokens.
        controls: Finds the tokenizer's special tokens and `stop` in a text, or None without any.
        stop: Text that ends a turn where no special token does, or None.
    """

    tokenizer: PreTrainedTokenizerBase
    pieces: Pieces
    template: str | None
    fold_system: bool
    bos_id: int | None
    end_id: int | None
    window: int
    controls: re.Pattern[str] | None = None
    stop: str | None = None

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
        if self.template is None:
            return [_plain(conversation) for conversation in conversations]
        folded = [_fold(c) for c in conversations] if self.fold_system else list(conversations)
        if not folded:
            return []
        open_end = folded[0][-1]["role"] == "assistant"
        try:
            rendered = self.tokenizer.apply_chat_template(
                folded,
                chat_template=self.template,
                tokenize=False,
                add_generation_prompt=not (open_end or closed),
                continue_final_message=open_end and not closed,
            )
        except (TemplateError, TypeError, ValueError) as error:
            raise PromptError(f"the chat template refuses the conversation: {error}; give another "
                              "chat_template in models.yaml") from error  # fmt: skip
        return [str(text) for text in rendered]

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

    def continuations(self, text: str, words: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the token ids of each word as it continues a prompt, in context.

        Args:
            text: The prompt.
            words: Texts put directly behind it, leading space included.

        Raises:
            PromptError: A word's first token would reach back into the prompt.
        """
        head, *full = self.encode([text, *(text + word for word in words)])
        for word, row in zip(words, full, strict=True):
            if row[: len(head)] != head or len(row) == len(head):
                raise PromptError(
                    f"the label word {word!r} merges with the end of the prompt when it is "
                    "tokenized; end the prefill at a word boundary"
                )
        return [row[len(head) :] for row in full]


def open_format(
    name: str, spec: ModelSpec, folder: Path, *, root: Path, trained: str | None = None
) -> ChatFormat:
    """Load a model's tokenizer and find out how it takes conversations.

    Args:
        name: The model's name, for errors.
        spec: Its entry in models.yaml.
        folder: Its weights folder.
        root: The project; a template file lies under `root/prompts`.
        trained: The chat template that the model's adapter was trained with, or None.

    Raises:
        PromptError: Another template than the adapter's, no chat template where one is needed,
            or a folder without tokenizer.
    """
    try:
        tokenizer = load_tokenizer(folder)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise PromptError(
            f"models.yaml: {name}: no usable tokenizer in {folder}: {first}"
        ) from error
    template = _template(name, spec, tokenizer, root, trained)
    trial = tokenizer("a")["input_ids"]
    bos = tokenizer.bos_token_id
    own_window = config.get("text_config", config).get("max_position_embeddings")
    window = spec.max_model_len or own_window
    if window is None:
        raise PromptError(f"models.yaml: {name}: its config names no window; add max_model_len")
    fold = False
    if template is not None:
        fold = not (_keeps_system(tokenizer, template) if spec.system_role == "auto"
                    else spec.system_role)  # fmt: skip
    mark = end_mark(tokenizer, template) if template is not None else None
    stop = mark if mark is not None and is_text(tokenizer, mark) else None
    return ChatFormat(
        tokenizer=tokenizer,
        pieces=Pieces(tokenizer),
        template=template,
        fold_system=fold,
        bos_id=bos if bos is not None and trial[:1] == [bos] else None,
        end_id=tokenizer.eos_token_id if stop is None else None,
        window=int(window),
        controls=_controls(tokenizer, stop),
        stop=stop,
    )


def _controls(tokenizer: PreTrainedTokenizerBase, stop: str | None) -> re.Pattern[str] | None:
    added = tokenizer.added_tokens_decoder.values()
    # Runs of white space are tokens of their own to some, and end no turn.
    spelled = {str(one.content) for one in added if one.special and str(one.content).strip()}
    spelled |= {stop} if stop else set()
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


def _template(
    name: str,
    spec: ModelSpec,
    tokenizer: PreTrainedTokenizerBase,
    root: Path,
    trained: str | None,
) -> str | None:
    if trained is not None and spec.chat_template is None:
        return trained
    found = _named_template(name, spec, tokenizer, root)
    if trained is not None and found != trained:
        raise PromptError(f"models.yaml: {name}: chat_template {spec.chat_template} is not the one "
                          "that the adapter was trained with; remove the key")  # fmt: skip
    return found


def _named_template(
    name: str, spec: ModelSpec, tokenizer: PreTrainedTokenizerBase, root: Path
) -> str | None:
    wanted = spec.chat_template or ("plain" if spec.base else "own")
    if wanted == "plain":
        return None
    if wanted == LLAMA3:
        return llama3_template(tokenizer)
    if wanted != "own":
        path = root / "prompts" / wanted
        if not path.is_file():
            raise PromptError(f"models.yaml: {name}: no chat template prompts/{wanted}; create it")
        return path.read_text(encoding="utf-8")
    own = tokenizer.chat_template
    if isinstance(own, Mapping):
        own = own.get("default")
    if own is None:
        raise PromptError(f"models.yaml: {name}: its tokenizer has no chat template; set "
                          "chat_template to plain or to a file under prompts/")  # fmt: skip
    return str(own)


def _keeps_system(tokenizer: PreTrainedTokenizerBase, template: str) -> bool:
    """Return whether the template shows a system message; some raise, some drop it silently."""
    probe = [{"role": "system", "content": _SENTINEL}, {"role": "user", "content": "x"}]
    try:
        shown = tokenizer.apply_chat_template(probe, chat_template=template, tokenize=False)
    except (TemplateError, TypeError, ValueError):
        return False
    return _SENTINEL in str(shown)


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
