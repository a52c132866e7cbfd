"""Whether a model thinks before it answers, and the thoughts that come of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

THOUGHT_TOKENS = 4096
"""Longest thought in tokens where `thinking: on` says nothing else."""

ThoughtEnd = Literal["closed", "cut", "open"]
"""How a thought ended: by the model, for it at its budget, or not at all."""

ThoughtPlace = Literal["none", "absent", "empty", "before", "behind"]
"""Where answers were asked: of a template that knows no thought; with thinking switched off and
nothing in the thought's place; behind an empty thought; where the model would begin its thought;
behind the thought that it wrote."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """The setting `thinking` of a model or a mode.

    Attributes:
        limit: Longest thought in tokens, 0 where the model is not to think.
        budgeted: Whether a thought of that length is closed for the model and the answer asked
            behind it; else it counts as unfinished, and its sample as unscored.
    """

    limit: int = 0
    budgeted: bool = False

    @property
    def on(self) -> bool:
        """Whether the model is to think."""
        return self.limit > 0

    @property
    def name(self) -> str:
        """Such as `off`, `on`, `limit 8192` or `budget 256`."""
        if not self.on:
            return "off"
        if self.budgeted:
            return f"budget {self.limit}"
        return "on" if self.limit == THOUGHT_TOKENS else f"limit {self.limit}"

    @property
    def suffix(self) -> str:
        """What a cell's id ends in: `nothink`, `think` or such as `think256`."""
        return f"think{self.limit if self.budgeted else ''}" if self.on else "nothink"


@dataclass(frozen=True, slots=True)
class Thought:
    """What a model wrote before an answer.

    Attributes:
        text: Without its marks.
        tokens: Its length in tokens, 0 where it is not known.
    """

    text: str
    tokens: int = 0
    end: ThoughtEnd = "closed"


@dataclass(frozen=True, slots=True)
class Thoughts:
    """The thoughts of a cell, of a model's answers or of a judge.

    Attributes:
        n: How many there were; `closed` of them the model ended itself, `cut` were closed for it
            at the budget, `open` were not finished.
        tokens: Their mean length in tokens, None where no length is known.
    """

    n: int
    closed: int
    cut: int
    open: int
    tokens: float | None


def sum_up(thoughts: list[Thought]) -> Thoughts | None:
    """Return what several thoughts have in common, None of none."""
    if not thoughts:
        return None
    ends = [one.end for one in thoughts]
    known = [one.tokens for one in thoughts if one.tokens]
    return Thoughts(
        n=len(thoughts),
        closed=ends.count("closed"),
        cut=ends.count("cut"),
        open=ends.count("open"),
        tokens=sum(known) / len(known) if known else None,
    )
