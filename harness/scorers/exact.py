"""Reads free answers exactly, as a set's `scoring.read` says."""

from __future__ import annotations

from harness.contracts import Trial
from harness.reasons import Reason
from harness.records import Score
from harness.spec.readspec import ReadSpec


class ExactScorer:
    """Method `generate` with `read`: the label whose word the part that is read equals."""

    def __init__(self, read: ReadSpec) -> None:
        self._read = read

    def score(self, trial: Trial) -> Score:
        """See `harness.contracts.Scorer`.

        Raises:
            HarnessError: A pattern takes too long.
        """
        output = trial.outputs[0]
        if output.failure is not None:
            return Score(None, None, reason=output.failure)
        return self._verdict(trial, output.text, cut=output.finish_reason == "length")

    def _verdict(self, trial: Trial, text: str, *, cut: bool) -> Score:
        # What would have followed could be the rest of another word; what is found stands.
        if cut and not self._read.find:
            return Score(None, None, reason=Reason("answer_cut"))
        if not text.strip():
            return Score(None, None, reason=Reason("empty_answer"))
        part = self._read.found(text)
        said = None if part is None else self._read.compared(part)
        for label, word in trial.words.items():
            if said == self._read.compared(self._read.lead + word):
                return Score(float(label == trial.sample.label), label)
        return Score(None, None, reason=Reason("no_label"))
