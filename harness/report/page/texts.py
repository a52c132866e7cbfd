"""The texts of a page: each once, of bounded length."""

from __future__ import annotations

from dataclasses import dataclass, field

LONGEST = 20_000
"""Characters of one text that a page shows."""
ALL = 24_000_000
"""Characters of all texts: more of them would not open in two seconds."""
LEFT_OUT = -1
"""In place of a text for which there was no room."""


@dataclass(slots=True)
class Texts:
    """What a page shows of samples, models and judges.

    Attributes:
        shown: The texts, the empty one first.
        cut: Place of a text -> characters left out at its end.
        left_out: Texts for which there was no room.
    """

    room: int = ALL
    shown: list[str] = field(default_factory=lambda: [""])
    cut: dict[int, int] = field(default_factory=dict)
    left_out: int = 0
    _places: dict[str, int] = field(default_factory=lambda: {"": 0})

    def place(self, text: str) -> int:
        """Return the place of a text among those shown, or `LEFT_OUT`."""
        found = self._places.get(text)
        if found is not None:
            return found
        kept = text[:LONGEST]
        if len(kept) > self.room:
            self.left_out += 1
            return LEFT_OUT
        self.room -= len(kept)
        place = self._places[text] = len(self.shown)
        self.shown.append(kept)
        if len(kept) < len(text):
            self.cut[place] = len(text) - len(kept)
        return place
