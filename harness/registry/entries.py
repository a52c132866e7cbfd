"""What is kept of each thing that is registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from harness.contracts import Asks, Scorer, Sheet, ShotSelector
from harness.records import ExtensionKind, Figure
from harness.stats import Difference, Floats

Name = tuple[ExtensionKind, str]
"""Of which kind something is, and how it is called."""
Measure = Callable[[Sheet], Figure | None]
"""A figure of a cell's samples, None where they do not define it."""
Compare = Callable[[Sheet, Sheet], Difference | None]
"""Second minus first on the same samples, in the same order; None where they do not define it."""
Values = Callable[[Sheet], Floats]
"""A number for each sample, [n], of which the figure is the mean."""


@dataclass(frozen=True, slots=True)
class RegisteredScorer:
    """A way to read an answer; see `Registry.scorer`."""

    scorer: Scorer
    asks: Asks


@dataclass(frozen=True, slots=True)
class RegisteredSelector:
    """A way to choose shots; see `Registry.selector`."""

    choose: ShotSelector
    per_sample: bool


@dataclass(frozen=True, slots=True)
class RegisteredFigure:
    """A figure, given by `measure` and perhaps `compare`, or by `values`; see `Registry`."""

    need: Literal["answers", "logprobs"]
    title: str
    smaller: bool
    lowest: float
    highest: float
    measure: Measure | None = None
    compare: Compare | None = None
    values: Values | None = None


@dataclass(frozen=True, slots=True)
class RegisteredEngine:
    """An engine: its module, the folder that this is imported from, and what keys its outputs."""

    module: str
    folder: str
    version: str
