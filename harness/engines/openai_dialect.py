"""What a server of the OpenAI API turns out not to know, and is asked without from then on."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from harness.records import Sampling

# Alternatives per position: the most that the API gives, and what stricter servers give.
_MOST, _FEWER = 20, 5
# A refusal of the word itself, and one of the number that came with it.
_REFUSAL = re.compile(r"support|recogni[sz]ed|unknown|unexpected|allowed|permitted|extra|instead")
_NUMBER = re.compile(
    r"\bmax(imum)?\b|\bless\b|greater|at most|up to|too |between|range|exceed|[<≤]"
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server is asked.

    Attributes:
        max_tokens: Whether the limit of a completion has this name, else `max_completion_tokens`.
        alternatives: Most probable tokens per position where scores are wanted; 0 asks for none.
        bounds: Whether a schema may bound the length of strings.
    """

    max_tokens: bool = True
    alternatives: int = _MOST
    bounds: bool = True

    def without(self, told: str, sampling: Sampling) -> Dialect | None:
        """Return how to ask after a refusal, None if it is not of what this may leave out.

        Args:
            told: What the server said, the name of the parameter included.
            sampling: Of the request, asked in this dialect.
        """
        low = told.lower()
        number, word = bool(_NUMBER.search(low)), bool(_REFUSAL.search(low))
        # A limit that is too high for the window is the request's own affair.
        if self.max_tokens and "max_tokens" in told and word and not number:
            return replace(self, max_tokens=False)
        if sampling.score_texts and self.alternatives and "logprobs" in told and (word or number):
            fewer = _FEWER if number and self.alternatives > _FEWER else 0
            return replace(self, alternatives=fewer)
        if self.bounds and "Length" in sampling.schema and "Length" in told and word:
            return replace(self, bounds=False)
        return None

    def also(self, other: Dialect) -> Dialect:
        """Return what a server knows that knows both."""
        return Dialect(
            self.max_tokens and other.max_tokens,
            min(self.alternatives, other.alternatives),
            self.bounds and other.bounds,
        )
