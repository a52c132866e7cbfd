"""JSON Schemas as masks over the vocabulary of one tokenizer, by llguidance."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from llguidance import LLMatcher, LLTokenizer
    from transformers import PreTrainedTokenizerBase


class Matcher:
    """Where a completion stands in its schema."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    def allowed(self, size: int) -> torch.Tensor:
        """Return which of the first `size` tokens may come next, shape (size,), bool, on CPU."""
        import torch

        mask = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        return torch.from_numpy(np.unpackbits(mask, count=size, bitorder="little").astype(bool))

    def take(self, token: int) -> bool:
        """Go on by an allowed token; return whether the JSON is complete with it."""
        if not self._matcher.consume_token(token):
            raise ValueError(_first_line(self._matcher.get_error()))
        return self._matcher.is_stopped()


class Schemas:
    """Compiles schemas for a tokenizer, which is read when the first one comes.

    Args:
        tokenizer: A fast one.
        vocab: Number of the model's logits.
        eos_ids: Tokens that end a completion.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, *, vocab: int, eos_ids: Collection[int]
    ) -> None:
        self._tokenizer, self._vocab, self._eos_ids = tokenizer, vocab, sorted(eos_ids)
        self._read: LLTokenizer | None = None
        self._compiled: dict[str, LLMatcher] = {}

    def matcher(self, schema: str) -> Matcher:
        """Return the beginning of a schema.

        Raises:
            ValueError: It is not a JSON Schema, nothing fits it, or it uses what cannot be held to.
        """
        from llguidance import LLMatcher, LLTokenizer

        if schema not in self._compiled:
            try:
                # Compact: a model that may add white space does so until its tokens run out.
                grammar = LLMatcher.grammar_from_json_schema(
                    schema,
                    overrides={
                        "whitespace_flexible": False,
                        "item_separator": ",",
                        "key_separator": ":",
                    },
                )
            except ValueError as error:
                raise ValueError(f"the schema cannot be used: {_first_line(str(error))}") from error
            if self._read is None:
                self._read = LLTokenizer(
                    _described(self._tokenizer), n_vocab=self._vocab, eos_token=self._eos_ids
                )
            made = LLMatcher(self._read, grammar, log_level=0)
            if made.is_error():
                raise ValueError(f"the schema cannot be used: {_first_line(made.get_error())}")
            self._compiled[schema] = made
        return Matcher(self._compiled[schema].deep_copy())


def _described(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the tokenizer's own JSON, so that llguidance finds out how tokens stand for bytes.

    It goes by the decoder. Tokenizers made from GGUF files have one of several steps that begins
    with byte fallback, though their tokens are of the byte level, as their pre-tokenizer says.

    Raises:
        ValueError: If it is not a fast tokenizer.
    """
    from transformers import PreTrainedTokenizerFast

    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ValueError("a schema needs a fast tokenizer, and the model has none")
    parts = json.loads(tokenizer.backend_tokenizer.to_str())
    before = parts["pre_tokenizer"] or {}
    kinds = [step["type"] for step in [before, *before.get("pretokenizers", [])] if step]
    if "ByteLevel" in kinds:
        parts["decoder"] = {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "trim_offsets": False,
            "use_regex": False,
        }
    return json.dumps(parts | {"padding": None, "truncation": None})


def _first_line(error: str) -> str:
    return next(iter(error.splitlines()), "unknown error")[:300]
