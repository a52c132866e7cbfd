"""A judge's reply in a dialect -> ruling. Whatever is not exactly one whole verdict is none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.judge.verdict import CHOICES, SCORES, NoVerdict, whole_text, without_halves
from harness.prompts.dialects import Dialect
from harness.reasons import Reason
from harness.records import Output, PointRuling, PointVerdict, Ruling

DIALECT_TOKENS = 1024
"""Room for a reply, which is free text before its mark."""
_POINTS: dict[int, tuple[PointVerdict, ...]] = {
    2: ("not met", "met"),
    3: ("not met", "partly", "met"),
}


def scale_values(words: Sequence[str]) -> tuple[float, ...]:
    """Return what the words of a scale are worth, spread evenly from 1 to 10.

    Args:
        words: From the worst to the best, at least two.
    """
    low, high = SCORES[0], SCORES[-1]
    return tuple(low + (high - low) * place / (len(words) - 1) for place in range(len(words)))


def read_score(output: Output, dialect: Dialect) -> Ruling:
    """Return the ruling on one answer, `value` from 1 to 10; without a verdict it says why."""
    words = dialect.scales["absolute"]
    try:
        reason, word = _read(output, dialect, words)
    except NoVerdict as error:
        return Ruling(problem=error.reason)
    return Ruling(value=scale_values(words)[words.index(word)], reason=reason)


def read_choice(output: Output, dialect: Dialect) -> Ruling:
    """Return the ruling on two answers, `choice` A or B; fails as `read_score` does."""
    words = dialect.scales["pairwise"]
    try:
        reason, word = _read(output, dialect, words)
    except NoVerdict as error:
        return Ruling(problem=error.reason)
    return Ruling(choice=CHOICES[words.index(word)], reason=reason)


def read_point(output: Output, dialect: Dialect, *, partly: bool) -> PointRuling:
    """Return the ruling on one point.

    No dialect asks for a quote: the judge's own words stand in its place, and `found` is None.
    """
    words = dialect.scales["points_partly" if partly else "points"]
    try:
        reason, word = _read(output, dialect, words)
    except NoVerdict as error:
        return PointRuling(problem=error.reason, found=None)
    return PointRuling(_POINTS[len(words)][words.index(word)], reason, None)


def mark_prefix(text: str, dialect: Dialect) -> str | None:
    """Return a reply up to and with the mark before its verdict, None where it has none."""
    at = text.find(dialect.mark)
    return text[: at + len(dialect.mark)] if at >= 0 else None


def words_behind(text: str, dialect: Dialect) -> tuple[str, ...]:
    """Return the words of the scale with the white space that a reply has before its own.

    Put behind `mark_prefix(text)` they continue it as the judge did.
    """
    found = re.search(re.escape(dialect.mark) + r"(\s*)", text)
    before = found[1] if found else " "
    return tuple(before + word for word in dialect.scales["absolute"])


def _read(output: Output, dialect: Dialect, words: Sequence[str]) -> tuple[str, str]:
    """Return what the judge wrote before the mark, and the word behind it."""
    text = whole_text(output)
    head, *rest = text.split(dialect.mark)
    if not rest:
        raise NoVerdict(Reason("verdict_without_mark", {"mark": dialect.mark}))
    if len(rest) > 1:
        raise NoVerdict(Reason("two_verdicts"))
    said = rest[0].strip()
    if dialect.ending:
        said = said.removesuffix(dialect.ending).rstrip()
    if said not in words:
        first = said.split(maxsplit=1)[:1]
        more = first and first[0] in words
        raise NoVerdict(
            Reason("verdict_with_text")
            if more
            else Reason("verdict_not_on_scale", {"words": ", ".join(words)})
        )
    reason = head.strip().removeprefix(dialect.opening).strip()
    if not reason:
        raise NoVerdict(Reason("verdict_without_words"))
    return without_halves(reason), said
