"""Lengths of answers and dialogues in characters and tokens, and their statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.prompts.tokenizers import tokenizing
from harness.train.filters import CountTokens
from harness.train.rows import Dialogue

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PERCENTILES = (5, 25, 75, 95, 99)


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths of each dialogue's answers together, and of all its turns, by what they measure.

    Attributes:
        columns: `answer, characters`, `answer, tokens` and so on, equal in order.
    """

    columns: dict[str, list[int]]

    def of(self, positions: Sequence[int]) -> Lengths:
        """Return the lengths of some of the dialogues."""
        return Lengths({name: [column[at] for at in positions]
                        for name, column in self.columns.items()})  # fmt: skip


def measure(dialogues: Sequence[Dialogue], count_tokens: CountTokens | None) -> Lengths:
    """Return the lengths of dialogues; the marks of a chat template are not counted.

    Args:
        dialogues: The dialogues.
        count_tokens: Number of tokens of each text; None measures characters alone.
    """
    texts = {
        "answer": ["\n".join(dialogue.replies) for dialogue in dialogues],
        "dialogue": [dialogue.text for dialogue in dialogues],
    }
    columns: dict[str, list[int]] = {}
    for name, own in texts.items():
        columns[f"{name}, characters"] = list(map(len, own))
        if count_tokens:
            columns[f"{name}, tokens"] = count_tokens(own)
    return Lengths(columns)


def summary(values: Sequence[int]) -> dict[str, float]:
    """Return n, mean, minimum, maximum and percentiles (linear interpolation) of lengths."""
    points = {f"p{p}": float(v) for p, v in zip(PERCENTILES, np.percentile(values, PERCENTILES),
                                                strict=True)}  # fmt: skip
    low = {name: points[name] for name in ("p5", "p25")}
    high = {name: value for name, value in points.items() if name not in low}
    return {
        "n": len(values),
        "mean": float(np.mean(values)),
        "minimum": min(values),
        **low,
        "median": float(np.median(values)),
        **high,
        "maximum": max(values),
    }


def token_counter(tokenizer: PreTrainedTokenizerBase) -> CountTokens:
    """Return a function that counts the tokens of texts, special tokens left out."""

    def count(texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        with tokenizing():
            rows = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return [len(ids) for ids in rows]

    return count
