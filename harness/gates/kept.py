"""Results as a baseline keeps them, of both sides of a comparison with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from harness.records import Result
from harness.stats.probabilities import normalized

# What a baseline keeps of the log-odds; both sides are rounded before they are compared.
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Kept:
    """A cell's baseline and its present results, both as a baseline keeps them, by sample.

    Attributes:
        before: The baseline's first run.
        unchanged: Whether the same weights, adapter, engine, precision and template gave the same
            results to the same prompts, in all runs. The two are then one system, and differ by
            nothing.
        further: The baseline's other runs.
    """

    before: Mapping[str, Result]
    now: Mapping[str, Result]
    unchanged: bool = False
    further: tuple[Mapping[str, Result], ...] = ()

    @property
    def runs(self) -> tuple[Mapping[str, Result], ...]:
        """All runs of the baseline."""
        return (self.before, *self.further)


def gave(results: Mapping[str, Result]) -> dict[str, tuple[object, ...]]:
    """Return what a baseline keeps of each sample's result."""
    return {
        key: (one.target, one.answer, one.calibrated, one.correct, one.log_odds, one.logprobs)
        for key, one in results.items()
    }


def as_kept(one: Result) -> Result:
    """Return a result with the numbers that a baseline keeps of it."""
    logprobs: dict[str, float] = {}
    if len(one.logprobs) > 2:
        row = normalized(np.array([list(one.logprobs.values())], dtype=np.float64))[0]
        logprobs = {
            label: round(float(value), _DECIMALS)
            for label, value in zip(one.logprobs, row, strict=True)
        }
    return replace(one, log_odds=rounded(one.log_odds), logprobs=logprobs)


def rounded(odds: float | None) -> float | None:
    """Return log-odds with the decimals that a baseline keeps, None where they are not finite."""
    return None if odds is None or not math.isfinite(odds) else round(odds, _DECIMALS)
