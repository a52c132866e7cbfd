"""A registered scorer: what it returns is checked before anything is counted."""

from __future__ import annotations

import math

from harness.contracts import Trial
from harness.errors import RegistryError
from harness.reasons import Reason
from harness.records import Score
from harness.records.results import FARTHEST
from harness.registry import RegisteredScorer


class CheckedScorer:
    """A scorer that fails in one line where the registered one fails or gives no verdict."""

    def __init__(self, name: str, entry: RegisteredScorer) -> None:
        self._name, self._entry = name, entry

    def score(self, trial: Trial) -> Score:
        """See `harness.contracts.Scorer`.

        Raises:
            RegistryError: The scorer raised, or returned something that is not a verdict.
        """
        # A request that failed has nothing to read, whatever the scorer makes of empty texts.
        failed = next((one.failure for one in trial.outputs if one.failure is not None), None)
        if failed is not None:
            return Score(None, None, reason=failed)
        try:
            score = self._entry.scorer.score(trial)
        except Exception as error:
            raise self._wrong(trial, f"{type(error).__name__}: {error}") from error
        if problem := _problem(score, trial):
            raise self._wrong(trial, problem)
        return score

    def _wrong(self, trial: Trial, problem: str) -> RegistryError:
        return RegistryError(f"scorer '{self._name}': sample '{trial.sample.id}': {problem}")


def _problem(score: Score, trial: Trial) -> str:
    """Say what is wrong with a verdict, or return an empty string."""
    if not isinstance(score, Score):
        return f"returned {type(score).__name__} {score!r:.60}, not a Score"
    labels = list(trial.words)
    if score.logprobs:
        numbers = isinstance(score.logprobs, tuple) and all(
            isinstance(one, float) and math.isfinite(one) and abs(one) <= FARTHEST
            for one in score.logprobs
        )
        if not numbers or len(score.logprobs) != len(labels):
            return f"logprobs {score.logprobs!r:.60} are not {len(labels)} finite numbers"
    if score.value is None:
        if score.answer is not None:
            return f"gave an answer {score.answer!r:.60} and no verdict on it"
        told = isinstance(score.reason, Reason)
        return "" if told else "gave no verdict and no reason; write trial.unscored(reason)"
    if score.answer not in labels:
        return f"answer {score.answer!r:.60} is not one of {', '.join(labels)}"
    if score.value != float(score.answer == trial.sample.label) or isinstance(score.value, bool):
        return (f"value {score.value!r:.60} is not {float(score.answer == trial.sample.label)}, as "
                f"its answer '{score.answer}' to a sample of '{trial.sample.label}' makes it; "
                "write trial.scored(answer)")  # fmt: skip
    return ""
