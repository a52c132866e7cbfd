"""Dialogues that say the same as an earlier one: exactly, or in most of their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.records import Message
from harness.shots.leaks import normal_text
from harness.train.signatures import PERMUTATIONS, signatures, sketch, word_hashes

if TYPE_CHECKING:
    from datasketch import MinHash


def first_of_equals(dialogues: Sequence[Sequence[Message]]) -> list[bool]:
    """Return for each dialogue whether no earlier one says the same in the same turns.

    White space and case within a turn are left aside; where a turn ends is not.
    """
    seen: set[tuple[tuple[str, str], ...]] = set()
    out: list[bool] = []
    for messages in dialogues:
        normal = tuple((turn["role"], normal_text(turn["content"])) for turn in messages)
        out.append(normal not in seen)
        seen.add(normal)
    return out


def first_of_alikes(texts: Sequence[str], similarity: float) -> list[bool]:
    """Return for each text whether no earlier kept one is alike.

    Alike are texts whose sets of word triples have an estimated Jaccard similarity of at least
    `similarity`. Candidates come from locality-sensitive hashing, and each is checked by the
    MinHash estimate, whose standard error is about 0.04 at 128 permutations.

    Source: Broder (1997), On the resemblance and containment of documents.
    """
    from datasketch import MinHashLSH

    index = MinHashLSH(threshold=similarity, num_perm=PERMUTATIONS)
    hashes: dict[int, MinHash] = {}
    hashes_of = [word_hashes(normal_text(text)) for text in texts]
    out: list[bool] = []
    for number, signature in enumerate(signatures(hashes_of)):
        minhash = sketch(signature)
        alike = any(minhash.jaccard(hashes[key]) >= similarity for key in index.query(minhash))
        out.append(not alike)
        if not alike:
            index.insert(number, minhash)
            hashes[number] = minhash
    return out
