"""A pool of shots that shares no text with the samples under test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import LeakError
from harness.records import Sample
from harness.shots.leaks import Copy, copies
from harness.spec.evalset import EvalSet

# Pairs that a line or a report names.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Pool:
    """Where shots are drawn from.

    Attributes:
        entries: What the source has.
        option: `--eval-shots NAME=PATH` if the command line gives it.
        own_source: Whether it has a source of its own, apart from the samples'.
    """

    entries: Sequence[Sample]
    option: str | None = None
    own_source: bool = False


def refuses(spec: EvalSet, *, own_source: bool) -> bool:
    """Return whether a pool that repeats a sample is refused, not fixed."""
    return (spec.data.leaks or ("refuse" if own_source else "drop")) == "refuse"


def without_copies(name: str, spec: EvalSet, pool: Pool, samples: Sequence[Sample]) -> list[Sample]:
    """Return the pool's entries that repeat no sample.

    Raises:
        LeakError: Some repeat one, and the set does not say to drop them.
    """
    found = copies(pool.entries, samples)
    if found and refuses(spec, own_source=pool.own_source):
        many = len(pool.entries)
        problem = (f"{len(found)} of {many} shots repeat a sample: {pairs(found)}; write leaks: "
                   "drop under 'data' to take them out, or give another pool")  # fmt: skip
        raise (
            LeakError(f"{pool.option}: {problem}")
            if pool.option
            else LeakError(f"data.shots: {problem}", path=name)
        )
    repeated = {copy.shot for copy in found}
    return [entry for entry in pool.entries if entry.id not in repeated]


def pairs(found: Sequence[Copy]) -> str:
    """Name the first copies: `shot 7 = sample 12, shot 9 = sample 3 and 5 more`."""
    named = ", ".join(f"shot {copy.shot} = sample {copy.sample}" for copy in found[:_NAMED])
    more = len(found) - _NAMED
    return f"{named} and {more} more" if more > 0 else named
