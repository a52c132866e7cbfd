"""A cell and its data -> requests: rendered and tokenized in one batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from harness.errors import PromptError
from harness.prompts.chat import ChatFormat
from harness.prompts.label_words import LabelTree, label_tree
from harness.prompts.templates import Prompt
from harness.reasons import Reason
from harness.records import Adapter, Request, Sample, Sampling
from harness.run.cells import Cell
from harness.run.prepared import Prepared, Questions

_ANSWER_TOKENS = 16
_DIGITS = 16
# What contextual calibration takes for inputs without content. Source: arXiv 2102.09690.
_CONTENT_FREE = ("N/A", "", "[MASK]")
# Stands for any text where a prompt is rendered only to know its wording.
_MARK = "0b1e55ed"


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
        PromptError: The prompt or its label words do not fit the model, its chat template does not
            show all of a prompt, or a shot spells one of its special tokens.
    """
    for shot in {shot.id: shot for row in shots for shot in row}.values():
        if token := chat.control_token(shot.text):
            raise PromptError(f"{cell.path}: cell {cell.id}: shot {shot.id} holds {token!r}, a "
                              "special token of the model; take it out of the pool")  # fmt: skip
    conversations = prompt.conversations(samples, shots, cell.mode.placement)
    bound = cell.asks != "generate"
    try:
        texts = chat.texts(conversations, bound=bound)
        template = chat.use(conversations[0], bound=bound)
    except PromptError as error:
        raise PromptError(f"{cell.path}: cell {cell.id}: {error}") from error
    gap = prompt.separator if prompt.prefill else chat.gap
    words = [gap + word for word in prompt.words.values()]
    sampling, tree = _sampling(cell, chat, texts[0], words, turn=not prompt.prefill)
    questions = Questions(chat, shared, adapter, sampling, tree, prompt.prefill)
    if chat.thinks:
        texts = chat.thought_texts(conversations)
    rows = chat.encode(texts)
    errors: dict[int, Reason] = {
        index: _too_long(questions, row)
        for index, row in enumerate(rows)
        if questions.room(row) < 0
    }
    errors |= chat.lost(conversations, texts)
    for index, sample in enumerate(samples):
        if token := chat.control_token(sample.text):
            errors[index] = Reason("special_token", {"token": token})
    bare = _without_content(cell, shots, prompt, chat)
    fits = all(questions.room(row) >= 0 for _, row in bare)
    asked = [() if index in errors else questions.ask(row) for index, row in enumerate(rows)]
    begun: list[tuple[str, Request] | None] = []
    if chat.thinks:
        asked = [()] * len(rows)
        begun = [
            None if index in errors else (text, questions.thought(row))
            for index, (text, row) in enumerate(zip(texts, rows, strict=True))
        ]
        begun += [(text, questions.thought(row)) for text, row in bare if fits]
    return Prepared(
        cell=cell,
        samples=tuple(samples),
        words=prompt.words,
        tree=tree,
        requests=tuple(asked),
        errors=errors,
        prompt_tokens=sum(map(len, rows)) / len(rows),
        window=chat.window,
        bare=tuple(questions.ask(row) for _, row in bare) if fits and not begun else (),
        wording=_wording(prompt),
        conversations=digest(conversations),
        questions=questions,
        begun=tuple(begun),
        template=template,
    )


def _too_long(questions: Questions, row: Sequence[int]) -> Reason:
    """Return why a prompt cannot be asked that leaves no room."""
    kind = "no_room_to_think" if questions.chat.thinks else "prompt_too_long"
    return Reason(kind, {"tokens": len(row), "window": questions.chat.window})


def _without_content(
    cell: Cell, shots: Sequence[Sequence[Sample]], prompt: Prompt, chat: ChatFormat
) -> list[tuple[str, tuple[int, ...]]]:
    """Return the prompts of texts without content, as text and in tokens; none if not wanted."""
    # A text without content has no shots of its own, and those of one sample speak for no other.
    if not cell.evalset.scoring.contextual or not all(own == shots[0] for own in shots):
        return []
    empty = [
        Sample(id="", text=text, label="") for text in _CONTENT_FREE if not chat.control_token(text)
    ]
    shown = [shots[0] if shots else ()] * len(empty)
    conversations = prompt.conversations(empty, shown, cell.mode.placement)
    texts = chat.thought_texts(conversations) if chat.thinks else chat.texts(
        conversations, bound=True)  # fmt: skip
    return list(zip(texts, chat.encode(texts), strict=True))


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
    if cell.asks == "generate":
        own = tuple(scoring.until)
        room = scoring.max_tokens or _ANSWER_TOKENS
        if own and not chat.rendering:
            return Sampling(max_tokens=room, stop=own, stop_ids=chat.stop_ids), None
        # A label is one line of plain text.
        stop = chat.stop if chat.rendering else "\n"
        stops = (*own, *([stop] if stop else []))
        room += chat.stop_tokens
        return Sampling(max_tokens=room, stop=stops, stop_ids=chat.stop_ids), None
    sequences = chat.continuations(text, words, turn=turn)
    if cell.asks == "choice":
        longest = max(map(len, sequences))
        # A label that another one begins with is one only with an end behind it.
        told = any(a != b and b.startswith(a) for a in words for b in words)
        ends = chat.end_ids if told else ()
        return Sampling(max_tokens=longest + 1, choices=tuple(words), stop_ids=ends), None
    try:
        return Sampling(), label_tree(sequences, end_ids=chat.end_ids)
    except ValueError as error:
        raise PromptError(f"{cell.path}: cell {cell.id}: {error}; choose other targets") from error
