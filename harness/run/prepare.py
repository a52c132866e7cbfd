"""A cell and its data -> requests: rendered and tokenized in one batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import PromptError
from harness.prompts.chat import ChatFormat
from harness.prompts.labeltree import LabelTree, label_tree
from harness.prompts.templates import Prompt
from harness.records import Adapter, Request, Sample, Sampling
from harness.run.plan import Cell
from harness.workers.store import content_key

_ANSWER_TOKENS = 16
_DIGITS = 16
# What contextual calibration takes for inputs without content. Source: arXiv 2102.09690.
_CONTENT_FREE = ("N/A", "", "[MASK]")
# Stands for any text where a prompt is rendered only to know its wording.
_MARK = "0b1e55ed"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cell ready to run.

    Attributes:
        requests: For each sample its requests in order; empty where the sample has an error.
        errors: Why a sample cannot be asked, by its position.
        prompt_tokens: Mean prompt length over all samples, in tokens.
        window: The model's window in tokens.
        bare: The requests for each text without content; empty without contextual calibration,
            or where such a prompt is too long.
        train_rows: Rows that a classifier is trained on, 0 for a prompted model.
        wording: Digest of the prompt without samples and shots.
        conversations: Digest of all prompts as rendered, before the chat template.
    """

    cell: Cell
    samples: tuple[Sample, ...]
    words: Mapping[str, str]
    tree: LabelTree | None
    requests: tuple[tuple[Request, ...], ...]
    errors: Mapping[int, str]
    prompt_tokens: float
    window: int
    bare: tuple[tuple[Request, ...], ...] = ()
    wording: str = ""
    conversations: str = ""
    train_rows: int = 0

    @property
    def asked(self) -> tuple[tuple[Request, ...], ...]:
        """All that is asked of the engine: the samples, then the texts without content."""
        return self.requests + self.bare


def prepare(
    cell: Cell,
    samples: Sequence[Sample],
    shots: Sequence[Sequence[Sample]],
    *,
    prompt: Prompt,
    chat: ChatFormat,
    shared: str,
    adapter: Adapter | None,
) -> Prepared:
    """Render, tokenize and check all samples of a cell.

    Args:
        cell: The cell.
        samples: Its samples, at least one.
        shots: The shots of each sample; empty for zero-shot.
        prompt: Its wording, bound to the label words.
        chat: How its model is spoken to.
        shared: Engine fingerprint, which enters the content keys.
        adapter: LoRA weights, or None.

    Raises:
        PromptError: The prompt or its label words do not fit the model, or a shot spells one of
            its special tokens.
    """
    for shot in {shot.id: shot for row in shots for shot in row}.values():
        if token := chat.control_token(shot.text):
            raise PromptError(f"{cell.path}: cell {cell.id}: shot {shot.id} holds {token!r}, a "
                              "special token of the model; take it out of the pool")  # fmt: skip
    conversations = prompt.conversations(samples, shots, cell.mode.placement)
    texts = chat.texts(conversations)
    rows = chat.encode(texts)
    words = [prompt.separator + word for word in prompt.words.values()]
    sampling, tree = _sampling(cell, chat, texts[0], words, turn=not prompt.prefill)
    longest = max(len(path) for path, _ in tree.questions) if tree else 0
    room = chat.window - longest - sampling.max_tokens

    def ask(row: tuple[int, ...]) -> tuple[Request, ...]:
        asked = [(row, sampling)]
        if tree is not None:
            asked = [(row + path, Sampling(score_ids=ids)) for path, ids in tree.questions]
        return tuple(Request(content_key(shared, r, s, adapter), r, s, adapter) for r, s in asked)

    errors = {
        index: f"too long: {len(row)} prompt tokens and room for the answer exceed the model's "
        f"window of {chat.window}"
        for index, row in enumerate(rows)
        if len(row) > room
    }
    for index, sample in enumerate(samples):
        if token := chat.control_token(sample.text):
            errors[index] = f"the text holds {token!r}, a special token of the model"
    bare: list[tuple[int, ...]] = []
    # A text without content has no shots of its own, and those of one sample speak for no other.
    if cell.evalset.scoring.contextual and all(own == shots[0] for own in shots):
        empty = [
            Sample(id="", text=text, label="")
            for text in _CONTENT_FREE
            if not chat.control_token(text)
        ]
        shown = [shots[0] if shots else ()] * len(empty)
        bare = chat.encode(chat.texts(prompt.conversations(empty, shown, cell.mode.placement)))
    return Prepared(
        cell=cell,
        samples=tuple(samples),
        words=prompt.words,
        tree=tree,
        requests=tuple(() if index in errors else ask(row) for index, row in enumerate(rows)),
        errors=errors,
        prompt_tokens=sum(map(len, rows)) / len(rows),
        window=chat.window,
        bare=tuple(ask(row) for row in bare) if all(len(row) <= room for row in bare) else (),
        wording=_wording(prompt),
        conversations=digest(conversations),
    )


def digest(content: object) -> str:
    """Return a short digest of values that JSON has."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()[:_DIGITS]


def _wording(prompt: Prompt) -> str:
    parts = (prompt.system(_MARK), prompt.user(_MARK, _MARK), prompt.prefill)
    return digest([*parts, *(prompt.shot(_MARK, word) for word in prompt.words.values())])


def _sampling(
    cell: Cell, chat: ChatFormat, text: str, words: Sequence[str], *, turn: bool
) -> tuple[Sampling, LabelTree | None]:
    scoring = cell.evalset.scoring
    if scoring.method == "generate":
        room = (scoring.max_tokens or _ANSWER_TOKENS) + chat.stop_tokens
        # A label is one line of plain text.
        stop = chat.stop if chat.rendering else "\n"
        stops = (stop,) if stop else ()
        return Sampling(max_tokens=room, stop=stops, stop_ids=chat.stop_ids), None
    sequences = chat.continuations(text, words, turn=turn)
    if scoring.method == "choice":
        longest = max(map(len, sequences))
        # A label that another one begins with is one only with an end behind it.
        told = any(a != b and b.startswith(a) for a in words for b in words)
        ends = chat.end_ids if told else ()
        return Sampling(max_tokens=longest + 1, choices=tuple(words), stop_ids=ends), None
    try:
        return Sampling(), label_tree(sequences, end_ids=chat.end_ids)
    except ValueError as error:
        raise PromptError(f"{cell.path}: cell {cell.id}: {error}; choose other targets") from error
