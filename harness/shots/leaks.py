"""Copies of samples in a pool of shots: equal but for their form, or nearly equal."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from harness.characters import without_unseen
from harness.records import Sample
from harness.shots.tfidf import similarities, tfidf

NEAR = 0.9
"""Cosine of two texts' TF-IDF from which on one counts as a near copy of the other."""

_BREAKS = re.compile(r"</?br\b[^>]*>", re.IGNORECASE)

_DOTTED, _DOTLESS = "\u0451", "\u0435"  # two Cyrillic letters


@dataclass(frozen=True, slots=True)
class Copy:
    """A pool entry that repeats a sample; both by id."""

    shot: str
    sample: str


# One text is compared for every draw of shots; a pool and its samples fit.
@lru_cache(maxsize=1 << 16)
def normal_text(text: str) -> str:
    """Return the form in which copies are equal.

    HTML breaks and entities, invisible characters, Unicode forms (NFKC), case, white space and
    the dots of ё do not count.
    """
    return " ".join(folded(text).split())


def folded(text: str) -> str:
    """Return a text in the form in which copies are equal but for white space; lines stay lines."""
    plain = without_unseen(_BREAKS.sub("\n", html.unescape(text)))
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())
    return plain.replace(_DOTTED, _DOTLESS)


def copies(pool: Sequence[Sample], samples: Sequence[Sample]) -> list[Copy]:
    """Return the pool entries whose text equals that of a sample, in the order of the pool."""
    known: dict[str, str] = {}
    for sample in samples:
        known.setdefault(normal_text(sample.text), sample.id)
    return [
        Copy(entry.id, known[text]) for entry in pool if (text := normal_text(entry.text)) in known
    ]


def near_copies(
    pool: Sequence[Sample], samples: Sequence[Sample], *, level: float = NEAR
) -> list[Copy]:
    """Return the pool entries that are close to a sample, each with the closest.

    Args:
        pool: Solved samples.
        samples: Samples under test.
        level: Cosine of TF-IDF over words, in (0, 1].
    """
    if not pool or not samples:
        return []
    texts = [normal_text(one.text) for one in (*samples, *pool)]
    vectors, _ = tfidf(tuple(texts), ())
    if vectors.shape[1] == 0:
        return []
    found: list[Copy] = []
    # float32 rounds the cosine of equal vectors to a little less than 1.
    level -= 1e-6
    for start, block in similarities(vectors[len(samples) :], vectors[: len(samples)]):
        best = block.argmax(axis=1)
        for row, column in enumerate(best):
            if block[row, column] >= level:
                found.append(Copy(pool[start + row].id, samples[column].id))
    return found
