"""Gold pairs that nearly repeat an earlier one: no further evidence of what a judge is worth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.judge.gold import GoldPair, GoldSet
from harness.records import Note
from harness.records.notes import Fact
from harness.shots.leaks import NEAR, normal_text
from harness.shots.tfidf import similarities, tfidf


def without_near_copies(gold: GoldSet) -> tuple[GoldSet, tuple[str, ...]]:
    """Return a set without the pairs that nearly repeat one before them, and what was left out.

    Near is a pair whose instruction and answers together, in whichever order, have a cosine of
    TF-IDF over words of at least `harness.shots.leaks.NEAR` with an earlier pair's.

    Returns:
        The set, and a line `COPY = EARLIER` for each pair that was left out, by id.
    """
    vectors, _ = tfidf(tuple(map(_text, gold.pairs)), ())
    if vectors.shape[1] == 0:
        return gold, ()
    earlier: dict[int, int] = {}
    for start, block in similarities(vectors, vectors):
        for row, cosines in enumerate(block, start=start):
            near = np.flatnonzero(cosines[:row] >= NEAR - 1e-6).tolist()
            if (first := next((one for one in near if one not in earlier), None)) is not None:
                earlier[row] = first
    pairs = tuple(pair for number, pair in enumerate(gold.pairs) if number not in earlier)
    ids = [pair.id for pair in gold.pairs]
    return replace(gold, pairs=pairs), tuple(f"{ids[n]} = {ids[of]}" for n, of in earlier.items())


def note_near_copies(gold: GoldSet, left_out: tuple[str, ...]) -> Note:
    """Return the note that a gold set's near copies were left out."""
    facts: dict[str, Fact] = {
        "count": len(left_out),
        "total": len(gold.pairs) + len(left_out),
        "pairs": left_out,
    }
    return Note("near_gold", gold.name, facts)


def _text(pair: GoldPair) -> str:
    return normal_text("\n".join((pair.instruction, pair.first, pair.second)))
