"""What a selector of shots is given, and what it must offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.records import Sample


@dataclass(frozen=True, slots=True)
class Draw:
    """A draw of k shots.

    Attributes:
        pool: Solved samples to draw from; none of them repeats a sample under test.
        samples: The samples under test.
        labels: The set's labels, in order.
        k: Shots in a prompt, at least 1.
        seed: Of everything that is random.
    """

    pool: Sequence[Sample]
    samples: Sequence[Sample]
    labels: Sequence[str]
    k: int
    seed: int


class ShotSelector(Protocol):
    """Chooses shots for all samples of a set at once."""

    def __call__(self, draw: Draw) -> list[list[Sample]]:
        """Return one list of k shots for all samples, or one list for each sample.

        Raises:
            SpecError: The pool does not have them.
        """
        ...
