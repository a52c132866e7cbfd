"""Answers to the samples of a set that another program gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

GIVEN = "given"
"""Mode of the cells whose answers are given, and the mark of their items."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One answer; at most one of `output`, `label` and `error` is there.

    Attributes:
        line: Of the file, counted from 1.
        output: Text that holds a label, to be parsed; None where there is none.
        label: The label itself.
        error: Why the program has no answer.
        logprobs: Natural logarithms of the probability of each label, in the order of the set's
            labels; empty where the program gives none.
    """

    line: int
    output: str | None = None
    label: str | None = None
    error: str | None = None
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class GivenAnswers:
    """All answers of one system: what a cell is made of that asks no model.

    Attributes:
        model: Its name.
        path: The file, as messages name it.
        answers: By id of the sample.
        digest: Of the answers, in any order.
    """

    model: str
    path: str
    answers: Mapping[str, GivenAnswer]
    digest: str

    @property
    def rated(self) -> bool:
        """Whether there are probabilities of the labels."""
        return any(one.logprobs for one in self.answers.values())
