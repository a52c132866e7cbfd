"""Label words -> the next-token questions that tell them apart, and back to log-probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LabelTree:
    """The branching points of the labels' token sequences.

    Where all labels differ in their first token there is one question. Where some share a
    beginning, each further position at which they are still together is a question of its own,
    asked behind the shared tokens, so that their log-probabilities are exact up to the point
    where each label stands alone.

    Attributes:
        questions: Tokens put behind the prompt, and the ids whose log-probability is wanted.
        routes: For each label, the (question, position in its ids) pairs whose sum is its
            log-probability.
    """

    questions: tuple[tuple[Ids, Ids], ...]
    routes: tuple[tuple[tuple[int, int], ...], ...]

    def logprobs(self, answers: Sequence[Sequence[float]]) -> tuple[float, ...]:
        """Return each label's log-probability from the answers to the questions, in order."""
        return tuple(sum(answers[q][i] for q, i in route) for route in self.routes)

    def constrained(self, answers: Sequence[Sequence[float]], *, floor: float) -> tuple[float, ...]:
        """Return each label's log-probability where nothing but a label can be written.

        Behind the first question the ids of each share all probability, as they do under a
        schema. Those of the first do not, so that the values say how probable the labels are at
        all.

        Args:
            answers: To the questions, in order.
            floor: Probability that the ids of a later question must have together; below it they
                are what rounding left of them.

        Returns:
            Empty where such a question decides more than a share of `floor` of the labels.
        """
        import numpy as np

        totals = [float(np.logaddexp.reduce(answer)) for answer in answers]
        least = math.log(floor)
        values: list[float] = []
        for (first, at), *further in self.routes:
            value = answers[first][at]
            for question, place in further:
                told = totals[question] >= least
                if not told and value - totals[first] > least:
                    return ()
                value += answers[question][place] - (totals[question] if told else 0.0)
            values.append(value)
        return tuple(values)


def label_tree(sequences: Sequence[Ids], *, end_id: int | None) -> LabelTree:
    """Build the tree of at least two labels' token sequences.

    Args:
        sequences: Token ids of each label as it continues the prompt.
        end_id: Token that ends an answer; tells a label from a longer one that begins with it.

    Raises:
        ValueError: Two labels are the same tokens, or one begins with the other and there is no
            end token.
    """
    if len(set(sequences)) < len(sequences):
        raise ValueError("two labels are the same tokens")
    ended = list(sequences)
    for i, row in enumerate(sequences):
        if any(len(other) > len(row) and other[: len(row)] == row for other in sequences):
            if end_id is None:
                raise ValueError("one label begins with another and the model has no end token")
            ended[i] = (*row, end_id)
    if len(set(ended)) < len(ended):
        raise ValueError("one label is another one and the end token")
    paths = sorted({row[:n] for row in ended for n in range(len(row))}, key=lambda p: (len(p), p))
    questions: list[tuple[Ids, Ids]] = []
    number: dict[Ids, int] = {}
    for path in paths:
        below = [row for row in ended if row[: len(path)] == path]
        if len(below) > 1:
            number[path] = len(questions)
            questions.append((path, tuple(sorted({row[len(path)] for row in below}))))
    routes = tuple(
        tuple(
            (number[row[:n]], questions[number[row[:n]]][1].index(row[n]))
            for n in range(len(row))
            if row[:n] in number
        )
        for row in ended
    )
    return LabelTree(questions=tuple(questions), routes=routes)
