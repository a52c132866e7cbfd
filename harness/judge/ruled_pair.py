"""A gold pair and what a judge said to it, in both orders."""

from __future__ import annotations

from dataclasses import dataclass

from harness.judge.gold import Better, GoldPair
from harness.judge.verdict import settle
from harness.records import Choice, Ruling

FORWARD: dict[Choice | None, Better] = {"A": "first", "B": "second", "tie": "tie"}
BACKWARD: dict[Choice | None, Better] = {"A": "second", "B": "first", "tie": "tie"}


@dataclass(frozen=True, slots=True)
class RuledPair:
    """A gold pair and what a judge said to it.

    Attributes:
        forward: The pairwise ruling with the pair's first answer shown first (as A).
        backward: With its second answer shown first.
        first: The absolute ruling on its first answer; `second` on its second.
    """

    pair: GoldPair
    forward: Ruling
    backward: Ruling
    first: Ruling
    second: Ruling

    @property
    def words(self) -> tuple[Better, Better]:
        """What the orders say, of a pair with a verdict in both."""
        return FORWARD[self.forward.choice], BACKWARD[self.backward.choice]

    @property
    def settled(self) -> Better | None:
        """What both orders come to: a tie also where they disagree, None without a verdict."""
        points, _ = settle(self.forward, self.backward)
        if points is None:
            return None
        return "first" if points == 1 else "second" if points == 0 else "tie"

    @property
    def agree(self) -> bool | None:
        """Whether both orders say the same, None where one has no verdict."""
        return settle(self.forward, self.backward)[1]

    @property
    def right(self) -> bool:
        """Whether both orders have a verdict, and each of them is people's own."""
        return self.agree is True and self.settled == self.pair.better


def longer_answer(pair: GoldPair) -> Better | None:
    """Return the answer with more characters, None where both have as many."""
    gap = len(pair.first.strip()) - len(pair.second.strip())
    return None if gap == 0 else "first" if gap > 0 else "second"
