"""Which solved samples a few-shot prompt shows, and in which order."""

from __future__ import annotations

from harness.contracts import Draw
from harness.errors import SpecError
from harness.records import Sample, ShotOrder
from harness.shots.leaks import copies
from harness.shots.orders import ORDERS, generator_for
from harness.shots.selectors import SELECTORS

__all__ = ["ORDERS", "SELECTORS", "Draw", "own_order", "select_shots"]


def own_order(selector: str) -> ShotOrder:
    """Return the order in which a selector's shots come where nothing else is said."""
    return SELECTORS[selector].own_order or "shuffled"


def select_shots(selector: str, order: str, draw: Draw) -> list[list[Sample]]:
    """Return the shots of each sample; where all share theirs, the same list again and again.

    A pool entry that repeats any of the samples is never drawn.

    Args:
        selector: A name in `SELECTORS`.
        order: A name in `ORDERS`, or the selector's own order.
        draw: From which pool, for which samples, how many.

    Raises:
        SpecError: The pool is too small.
    """
    repeated = {copy.shot for copy in copies(draw.pool, draw.samples)}
    pool = [sample for sample in draw.pool if sample.id not in repeated]
    if len(pool) < draw.k:
        fix = "lower k or give a larger pool" if pool else (
            "give data.shots, data.split or --eval-shots NAME=PATH")  # fmt: skip
        raise SpecError(f"the shot pool has {len(pool)} samples, {draw.k} are wanted; {fix}")
    draw = Draw(pool, draw.samples, draw.labels, draw.k, draw.seed)
    entry = SELECTORS[selector]
    chosen = entry.choose(draw)
    if order != entry.own_order:
        owners = draw.samples if entry.per_sample else (None,)
        chosen = [
            ORDERS[order](shots, draw.labels, generator_for(draw.seed, owner))
            for shots, owner in zip(chosen, owners, strict=True)
        ]
    return chosen if entry.per_sample else chosen * len(draw.samples)
