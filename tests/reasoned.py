"""Reasons in tests: made of a text, and said in English."""

from __future__ import annotations

from collections.abc import Mapping

from harness.reasons import Counts, Reason


def because(said: str) -> Reason:
    """Return a reason that says this text, as nothing of ours does."""
    return Reason("other", {"said": said})


def told(reason: Reason | None) -> str | None:
    """Return a reason in English, None for none."""
    return reason.text if reason else None


def numbers(counts: Counts) -> Mapping[str, int]:
    """Return counts by the reasons' texts."""
    return {reason.text: n for reason, n in counts.items()}
