"""Scorers turn an engine's outputs into verdicts; they hold no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.prompts.label_words import LabelTree
from harness.records import Output, Sample, Score
from harness.scorers.label import score_label
from harness.scorers.match import score_choice, score_match


@dataclass(frozen=True, slots=True)
class Trial:
    """One sample of one cell, answered.

    Attributes:
        words: The word of each label, in the order of the labels.
        outputs: The engine's outputs to the sample's own requests, in their order.
        tree: How log-probabilities are put together, for method `logprobs`.
    """

    sample: Sample
    words: Mapping[str, str]
    outputs: Sequence[Output]
    tree: LabelTree | None = None


class Scorer(Protocol):
    """Gives the verdict on one trial."""

    def score(self, trial: Trial) -> Score:
        """Return the verdict; without one, a score of None with the reason."""
        ...


class LabelScorer:
    """Method `logprobs`: the most probable label word."""

    def score(self, trial: Trial) -> Score:
        """See `Scorer.score`."""
        if trial.tree is None:
            raise ValueError("method logprobs needs the label tree")
        return score_label(trial.sample.label, list(trial.words), trial.outputs, trial.tree)


class MatchScorer:
    """Method `generate`: the one label word that the whole answer consists of."""

    def score(self, trial: Trial) -> Score:
        """See `Scorer.score`."""
        return score_match(trial.sample.label, trial.words, trial.outputs[0])


class ChoiceScorer:
    """Method `choice`: the label word that the engine was held to."""

    def score(self, trial: Trial) -> Score:
        """See `Scorer.score`."""
        return score_choice(trial.sample.label, trial.words, trial.outputs[0])


SCORERS: dict[str, Scorer] = {
    "logprobs": LabelScorer(),
    "generate": MatchScorer(),
    "choice": ChoiceScorer(),
}
