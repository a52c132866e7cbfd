"""Reads the answer off the log-probabilities of the label words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.contracts.scoring import Tree
from harness.reasons import Reason
from harness.records import Output, Score
from harness.records.results import FARTHEST


def score_label(target: str, labels: Sequence[str], outputs: Sequence[Output], tree: Tree) -> Score:
    """Return the verdict: the label with the highest log-probability is the answer.

    Args:
        target: The right label.
        labels: All labels, in the order of the tree's routes.
        outputs: Answers to the tree's questions, in their order.
        tree: How they add up.
    """
    for output in outputs:
        if output.failure is not None:
            return Score(None, None, reason=output.failure)
    logprobs = tree.logprobs([output.logprobs for output in outputs])
    if not all(math.isfinite(value) and abs(value) <= FARTHEST for value in logprobs):
        return Score(None, None, reason=Reason("label_not_finite"))
    best = max(logprobs)
    if logprobs.count(best) > 1:
        return Score(None, None, reason=Reason("equal_labels"), logprobs=logprobs)
    answer = labels[logprobs.index(best)]
    return Score(float(answer == target), answer, logprobs=logprobs)
