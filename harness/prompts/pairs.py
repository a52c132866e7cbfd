"""Texts as an encoder reads them: in tokens, alone or each with the same second text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.prompts.tokenizers import tokenizing

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class EncodedText:
    """A text in tokens, alone or paired; `segments` as in `Request`."""

    ids: tuple[int, ...]
    segments: tuple[int, ...]
    cut: bool


def encode_texts(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], pair: str | None, limit: int | None
) -> list[EncodedText]:
    """Return texts in tokens; of what is too long the text is cut, at the tokenizer's end.

    Raises:
        PromptError: The tokenizer gives up.
    """
    with tokenizing():
        rows = _tokens(tokenizer, texts, pair, None)
        long = [i for i, (ids, _) in enumerate(rows) if limit is not None and len(ids) > limit]
        cut = _tokens(tokenizer, [texts[i] for i in long], pair, limit)
    shorter = dict(zip(long, cut, strict=True))
    return [EncodedText(*shorter.get(i, row), cut=i in shorter) for i, row in enumerate(rows)]


def _tokens(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], pair: str | None, limit: int | None
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return ids and segments of texts."""
    if not texts:
        return []
    found = tokenizer(
        list(texts),
        None if pair is None else [pair] * len(texts),
        truncation=False if limit is None else "only_first",
        max_length=limit,
        padding=False,
        return_token_type_ids="token_type_ids" in tokenizer.model_input_names,
        verbose=False,
    )
    rows = [tuple(ids) for ids in found["input_ids"]]
    kinds = found.get("token_type_ids", [()] * len(rows))
    return [(ids, tuple(own) if any(own) else ()) for ids, own in zip(rows, kinds, strict=True)]


def tokens_taken(tokenizer: PreTrainedTokenizerBase, pair: str | None) -> int:
    """Return how many tokens stand beside those of a text: marks, and a second text if any."""
    with tokenizing():
        row = tokenizer(pair or "", add_special_tokens=False, verbose=False)["input_ids"]
    return len(row) + int(tokenizer.num_special_tokens_to_add(pair=pair is not None))
