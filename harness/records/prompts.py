"""A prompt as a model was given it, kept to be looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CellPrompt:
    """The first prompt of a cell: a line of prompts.jsonl.

    Attributes:
        sample: Whose prompt it is.
        pieces: Its text in the order of its tokens, each as short as whole characters allow.
        ids: For each piece its tokens.
        place: Pieces before those that were left out, in the middle of a long prompt.
        left_out: Tokens left out there.
    """

    evalset: str
    cell: str
    sample: str
    pieces: tuple[str, ...]
    ids: tuple[tuple[int, ...], ...]
    place: int = 0
    left_out: int = 0
