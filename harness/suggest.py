"""The known name that a mistaken one is nearest to."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(given: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """Return the known name that is most like a given one.

    Args:
        given: What somebody wrote.
        known: What there is.
        likeness: Least ratio of `difflib.SequenceMatcher`, in [0, 1]; 0 takes the nearest of all.

    Returns:
        The name, None where none is like enough.
    """
    return next(iter(get_close_matches(given, known, n=1, cutoff=likeness)), None)


def did_you_mean(
    given: str, known: Iterable[str], otherwise: str = "", *, likeness: float = 0.6
) -> str:
    """Return a question after the nearest known name, or what else to do where none is near.

    Args:
        given: What somebody wrote.
        known: What there is.
        otherwise: The fix where no name is like enough.
        likeness: See `nearest`.
    """
    near = nearest(given, known, likeness=likeness)
    return otherwise if near is None else f"did you mean '{near}'?"
