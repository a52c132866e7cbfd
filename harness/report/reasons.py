"""Reasons as a report writes them: in its language, and inert."""

from __future__ import annotations

from collections.abc import Mapping

from harness.markdown import escape
from harness.reasons import Reason, say


def why(reason: Reason, t: Mapping[str, str], *, limit: int = 200) -> str:
    """Return a reason as part of a sentence in the language of the phrases.

    Args:
        reason: Of any kind.
        t: The phrases of the report.
        limit: Longest text in characters, beyond which it is cut.
    """
    return escape(say(reason, t["lang"]), limit=limit)
