"""Scorers turn an engine's outputs into verdicts; they hold no I/O."""

from __future__ import annotations

from harness.contracts import Scorer, Trial
from harness.records import Score
from harness.registry import Table, current
from harness.scorers.exact import ExactScorer
from harness.scorers.label import score_label
from harness.scorers.match import score_choice, score_match
from harness.scorers.registered import CheckedScorer
from harness.spec.scoringspec import ScoringSpec

__all__ = ["SCORERS", "ChoiceScorer", "LabelScorer", "MatchScorer", "Scorer", "Trial", "scorer_of"]


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


def _registered() -> dict[str, Scorer]:
    return {name: CheckedScorer(name, entry) for name, entry in current().scorers.items()}


SCORERS: Table[Scorer] = Table(
    {"logprobs": LabelScorer(), "generate": MatchScorer(), "choice": ChoiceScorer()}, _registered
)
"""Scorers by name, registered ones included."""


def scorer_of(method: str, scoring: ScoringSpec) -> Scorer:
    """Return the scorer of a cell.

    Args:
        method: How its answers are read.
        scoring: Of its set.
    """
    if method == "generate" and scoring.read is not None:
        return ExactScorer(scoring.read)
    return SCORERS[method]
