"""Reasons as a report writes them: in its language, and inert."""

from __future__ import annotations

from harness.language import Words
from harness.markdown import escape
from harness.reasons import Reason, say


def why(reason: Reason, t: Words, *, limit: int = 200) -> str:
    """Return a reason as part of a sentence in the language of the report.

    Args:
        reason: Of any kind.
        t: The words of the report's language.
        limit: Longest text in characters, beyond which it is cut.
    """
    return escape(say(reason, t["lang"]), limit=limit)
