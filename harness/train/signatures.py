"""Texts as sets of word triples, and the MinHash signatures by which such sets are compared."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from datasketch import MinHash

PERMUTATIONS = 128
Hashes = NDArray[np.uint32]
_BETWEEN_WORDS = re.compile(r"[^\w ]+")
# Each counts as a word, since no spaces part them.
_CHINESE = re.compile("[\u4e00-\u9fff]")
_ODD = np.uint32(0x9E3779B1)
# Texts whose triples are in memory at once.
_BLOCK = 20_000


def word_hashes(text: str) -> Hashes:
    """Return 32 bits for each word of a text, in order; of `normal_text` where form is nothing."""
    words = _CHINESE.sub(r" \g<0> ", _BETWEEN_WORDS.sub(" ", text))
    coded = words.encode("utf-8", "surrogatepass").split()
    return np.fromiter(map(zlib.crc32, coded), dtype=np.uint32, count=len(coded))


def signatures(texts: Sequence[Hashes]) -> Hashes:
    """Return the MinHash signatures of texts' word triples, [texts, PERMUTATIONS].

    A text of fewer than three words is one triple. The permutations are datasketch's; their minima
    are taken over many texts at once, as one at a time takes five times as long.

    Args:
        texts: The hashes of each text's words, in order.

    Source: Broder (1997), On the resemblance and containment of documents.
    """
    found = np.empty((len(texts), PERMUTATIONS), dtype=np.uint32)
    for start in range(0, len(texts), _BLOCK):
        _fill(found[start : start + _BLOCK], texts[start : start + _BLOCK])
    return found


def sketch(signature: Hashes | None = None) -> MinHash:
    """Return a signature as datasketch has it, which indexes and compares them."""
    from datasketch import MinHash

    if signature is None:
        return MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine32")
    return MinHash(hashvalues=signature, seed=1, scheme="affine32")


def _fill(out: Hashes, texts: Sequence[Hashes]) -> None:
    nothing = np.zeros(3, dtype=np.uint32)
    padded = [
        np.append(words, nothing[len(words) :]) if len(words) < 3 else words for words in texts
    ]
    lengths = np.array([len(words) for words in padded])
    flat = np.concatenate(padded)
    mixed = ((flat[:-2] * _ODD ^ flat[1:-1]) * _ODD ^ flat[2:]) * _ODD
    # Without the triples that begin in one text and end in the next.
    inside = np.ones(len(flat), dtype=np.bool_)
    ends = lengths.cumsum()
    inside[ends - 1] = inside[ends - 2] = False
    triples = mixed[inside[:-2]]
    triples ^= triples >> np.uint32(15)
    starts = np.concatenate([[0], (lengths - 2).cumsum()[:-1]])
    for place, (a, b) in enumerate(zip(*sketch().permutations, strict=True)):
        out[:, place] = np.minimum.reduceat(triples * a + b, starts)
