"""A cell's first prompt in pieces of tokens, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.records import CellPrompt, Sample
from harness.run.cells import Cell
from harness.run.prepared import Prepared

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Tokens that are kept of the beginning of a prompt, and of its end.
_HALF = 2048
# A character takes no more tokens, even one by one for its bytes.
_LONGEST = 8
_BROKEN = "\ufffd"


def shown_prompt(prepared: Prepared) -> CellPrompt | None:
    """Return the prompt of the first sample that was asked, None where none was or of a classifier.

    Of a model that thinks it is the prompt of the answer, with the thought.
    """
    if prepared.questions is None:
        return prepared.known.shown if prepared.known else None
    found = next((i for i, requests in enumerate(prepared.requests) if requests), None)
    if found is None:
        return None
    ids, tokenizer = prepared.requests[found][0].prompt_ids, prepared.questions.chat.tokenizer
    return shown_ids(tokenizer, ids, cell=prepared.cell, sample=prepared.samples[found])


def shown_ids(
    tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], *, cell: Cell, sample: Sample
) -> CellPrompt:
    """Return a prompt's tokens in pieces, of a long one its beginning and its end.

    Args:
        tokenizer: Of the model.
        ids: The prompt.
        cell: Whose it is.
        sample: What it asks about.
    """
    left_out = max(0, len(ids) - 2 * _HALF)
    head = token_pieces(tokenizer, ids[:_HALF] if left_out else ids)
    tail = token_pieces(tokenizer, ids[-_HALF:]) if left_out else []
    both = head + tail
    return CellPrompt(
        evalset=cell.path,
        cell=cell.id,
        sample=sample.id,
        pieces=tuple(text for text, _ in both),
        ids=tuple(own for _, own in both),
        place=len(head) if left_out else 0,
        left_out=left_out,
    )


def token_pieces(
    tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]
) -> list[tuple[str, tuple[int, ...]]]:
    """Return a text in pieces, each with its tokens: one, or those that a character takes."""
    if not ids:
        return []
    # Behind another token, since decoders take the space from the beginning of a text.
    before = ids[:1]
    start = len(_decoded(tokenizer, [before])[0])
    texts = [one[start:] for one in _decoded(tokenizer, [[*before, token] for token in ids])]
    found: list[tuple[str, tuple[int, ...]]] = []
    held: list[int] = []
    for token, text in zip(ids, texts, strict=True):
        held.append(token)
        if len(held) > 1:
            text = _decoded(tokenizer, [[*before, *held]])[0][start:]
        if _BROKEN not in text or len(held) == _LONGEST:
            found.append((text, tuple(held)))
            held = []
    if held:
        found.append((_decoded(tokenizer, [[*before, *held]])[0][start:], tuple(held)))
    return found


def _decoded(tokenizer: PreTrainedTokenizerBase, rows: Sequence[Sequence[int]]) -> list[str]:
    texts: list[str] = tokenizer.batch_decode(
        rows, skip_special_tokens=False, clean_up_tokenization_spaces=False
    )
    return texts
