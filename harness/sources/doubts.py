"""What is to be said of the samples and the shot pool of an eval set that can be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.records import Note, Sample
from harness.shots.leaks import near_copies, normal_text
from harness.spec.evalset import EvalSet


def data_notes(
    name: str, spec: EvalSet, samples: Sequence[Sample], pool: Sequence[Sample]
) -> Iterator[Note]:
    """Yield the notes on what was drawn from a set's sources.

    Args:
        name: How notes name the eval set.
        spec: The eval set.
        samples: All that were drawn.
        pool: Entries of the shot pool that repeat no sample.
    """
    wanted = spec.data.samples.n
    if wanted is not None and len(samples) < wanted:
        yield Note("fewer", name, {"drawn": len(samples), "wanted": wanted})
    texts = Counter(normal_text(sample.text) for sample in samples)
    if repeated := texts.total() - len(texts):
        yield Note("repeated", name, {"count": repeated})
    # Without few-shot modes nobody sees the pool.
    if any(mode.k for mode in spec.modes) and (found := near_copies(pool, samples)):
        named = tuple(f"{copy.shot} = {copy.sample}" for copy in found)
        yield Note("near_copies", name, {"count": len(found), "pool": len(pool), "pairs": named})
