"""Texts -> word ids of a vocabulary of their own, for classifiers that are trained from scratch."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.shots.leaks import normal_text

PADDING, UNKNOWN = 0, 1
_WORD = re.compile(r"\w+(?:['\N{RIGHT SINGLE QUOTATION MARK}]\w+)*")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that have an id of their own: from 2 on, the most frequent first."""

    ids: Mapping[str, int]

    @property
    def size(self) -> int:
        """Ids in use, padding and the unknown word included."""
        return len(self.ids) + 2

    def encode(self, texts: Iterable[str], *, limit: int | None = None) -> list[tuple[int, ...]]:
        """Return the word ids of each text; a text without a word has none.

        Args:
            texts: The texts.
            limit: Words that are kept of each text: the first half and the last half of them.
        """
        rows = (words(text) for text in texts)
        return [tuple(self.ids.get(word, UNKNOWN) for word in _ends(row, limit)) for row in rows]


def words(text: str) -> list[str]:
    """Return the words of a text, in the form in which near copies of it are equal."""
    return _WORD.findall(normal_text(text))


def vocabulary(texts: Iterable[str], *, size: int) -> Vocabulary:
    """Return the `size` most frequent words of the texts; equally frequent ones by the alphabet."""
    counts = Counter(word for text in texts for word in words(text))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))[:size]
    return Vocabulary({word: rank + 2 for rank, word in enumerate(ranked)})


def _ends(row: Sequence[str], limit: int | None) -> Sequence[str]:
    if limit is None or len(row) <= limit:
        return row
    tail = limit // 2
    return [*row[: limit - tail], *row[len(row) - tail :]]
