"""What a scorer is given, and what it must offer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from harness.reasons import Reason
from harness.records import Output, Sample, Score

Asks = Literal["logprobs", "generate", "choice"]
"""What is asked of the model for a scorer: log-probabilities of the label words, a free answer, or
one that is constrained to the label words."""


class Tree(Protocol):
    """How log-probabilities of tokens become those of labels."""

    def logprobs(self, answers: Sequence[Sequence[float]]) -> tuple[float, ...]:
        """Return each label's log-probability from the `logprobs` of all outputs, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Trial:
    """One sample of one cell, answered.

    Attributes:
        words: The word of each label, in the order of the labels.
        outputs: The engine's outputs to the sample's own requests, in their order; one where a
            free or a constrained answer is asked.
        tree: How log-probabilities are put together, None where none are asked.
    """

    sample: Sample
    words: Mapping[str, str]
    outputs: Sequence[Output]
    tree: Tree | None = None

    def scored(self, answer: str, *, logprobs: tuple[float, ...] = ()) -> Score:
        """Return the verdict on an answer that was read: right where it is the sample's label."""
        return Score(float(answer == self.sample.label), answer, logprobs=logprobs)

    def unscored(self, reason: str) -> Score:
        """Return that there is no verdict, which counts neither as right nor as wrong.

        Args:
            reason: Why, in a few words; equal ones are counted together. A report without texts
                leaves them out.
        """
        return Score(None, None, reason=Reason("scorer", {"said": reason}) if reason else None)


class Scorer(Protocol):
    """Gives the verdict on one trial."""

    def score(self, trial: Trial) -> Score:
        """Return the verdict; without one, a score of None with the reason."""
        ...
