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
        routes: For each label, steps (question, positions in its ids); the probability of a step is
            that of all its positions together, and that of a label the product of its steps.
        among: Whether the labels have all probability among them: their values, as logits have no
            scale of their own, go through a softmax.
    """

    questions: tuple[tuple[Ids, Ids], ...]
    routes: tuple[tuple[tuple[int, Ids], ...], ...]
    among: bool = False

    def logprobs(self, answers: Sequence[Sequence[float]]) -> tuple[float, ...]:
        """Return each label's log-probability from the answers to the questions, in order."""
        found = tuple(sum(_any(answers[q], at) for q, at in route) for route in self.routes)
        if not self.among:
            return found
        best = max(found)
        # Exact, so that the order of the labels does not enter it.
        total = best + math.log(math.fsum(math.exp(one - best) for one in found))
        return tuple(one - total for one in found)

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
            value = _any(answers[first], at)
            for question, place in further:
                told = totals[question] >= least
                if not told and value - totals[first] > least:
                    return ()
                value += _any(answers[question], place) - (totals[question] if told else 0.0)
            values.append(value)
        return tuple(values)


def _any(answer: Sequence[float], places: Ids) -> float:
    """Return the log-probability of one of some tokens."""
    import numpy as np

    if len(places) == 1:
        return answer[places[0]]
    return float(np.logaddexp.reduce([answer[place] for place in places]))


def label_tree(sequences: Sequence[Ids], *, end_ids: Sequence[int]) -> LabelTree:
    """Build the tree of at least two labels' token sequences.

    Args:
        sequences: Token ids of each label as it continues the prompt.
        end_ids: Tokens with which an answer ends; they tell a label from a longer one that begins
            with it.

    Raises:
        ValueError: Two labels are the same tokens, or one begins with the other and there is no
            end token, or the longer one goes on with such a token.
    """
    if len(set(sequences)) < len(sequences):
        raise ValueError("two labels are the same tokens")
    whole = [
        any(len(other) > len(row) and other[: len(row)] == row for other in sequences)
        for row in sequences
    ]
    if any(whole) and not end_ids:
        raise ValueError("one label begins with another and the model has no end token")
    for row, ends in zip(sequences, whole, strict=True):
        if ends and any((*row, end) == other[: len(row) + 1] for end in end_ids
                        for other in sequences):  # fmt: skip
            raise ValueError("one label is another one and the end token")
    # Each label's ways to be written: by itself, or with one end token or another behind it.
    written = [
        [(*row, end) for end in end_ids] if ends else [row]
        for row, ends in zip(sequences, whole, strict=True)
    ]
    every = [way for ways in written for way in ways]
    paths = sorted({way[:n] for way in every for n in range(len(way))}, key=lambda p: (len(p), p))
    questions: list[tuple[Ids, Ids]] = []
    number: dict[Ids, int] = {}
    for path in paths:
        # A path with one label behind it asks nothing.
        if sum(any(way[: len(path)] == path for way in ways) for ways in written) > 1:
            below = {way[len(path)] for way in every if way[: len(path)] == path}
            number[path] = len(questions)
            questions.append((path, tuple(sorted(below))))
    routes = tuple(
        tuple(
            (number[row[:n]], _places(questions[number[row[:n]]][1], ways, n))
            for n in range(len(ways[0]))
            if row[:n] in number
        )
        for row, ways in zip((ways[0] for ways in written), written, strict=True)
    )
    return LabelTree(questions=tuple(questions), routes=routes)


def _places(ids: Ids, ways: Sequence[Ids], at: int) -> Ids:
    """Return where the tokens with which a label goes on at a position stand among a question's."""
    return tuple(sorted({ids.index(way[at]) for way in ways}))
