"""The form in which free answers and label words are compared."""

from __future__ import annotations

import unicodedata


def normal_answer(text: str) -> str:
    """Return the form in which answers are equal: Unicode NFKC, no case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
