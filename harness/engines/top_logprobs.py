"""The probabilities of a JSON object's last value, from an endpoint's most probable tokens."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# What no scalar of JSON has in it.
_MARKS = re.compile(r'[\s",:{}\[\]]')
# Characters of the longest key and the longest value that are looked for.
_LONGEST = 200
# What may stand behind a value.
_ENDS = (b"}", b",", b" ", b"\n", b"\r", b"\t")
# Share of the texts' probability that may be untold, being left between two of them or beyond the
# most probable tokens, before none of them has a figure: on a scale from 1 to 10 it moves the mean
# by a quarter of a point at the most.
_LOST = 0.03


@dataclass(frozen=True, slots=True)
class Position:
    """One token of a completion.

    Attributes:
        token: Its bytes.
        top: Natural log-probabilities of the most probable tokens here, by their bytes.
    """

    token: bytes
    top: Mapping[bytes, float]


def value_logprobs(
    completion: str, positions: Sequence[Position], texts: Sequence[str]
) -> tuple[float, ...]:
    """Return the log-probability of each text where the last value of a JSON object begins.

    A text of several tokens is followed along the completion's own tokens: where `1` may go on to
    `10`, the next position says how often. A text that is not among the most probable has minus
    infinity.

    Args:
        completion: The object.
        positions: Its tokens, and maybe others before and after.
        texts: Such as `1` to `10`.

    Returns:
        One value a text; empty where the tokens do not say how probable the texts are: the
        completion is not an object, its tokens are not known, too few of the texts are among the
        most probable, or one that was not taken could become several texts.
    """
    if not (positions and texts) or (found := _last(completion)) is None:
        return ()
    key, value = (part.encode(errors="replace") for part in found)
    # Only the end is looked for: of a character that is split between tokens, servers tell the
    # tokens' bytes wrongly, and reasoning and special tokens stand around the completion.
    whole = b"".join(position.token for position in positions)
    begin = whole.rfind(key + value)
    if begin < 0:
        return ()
    begin += len(key)
    at = 0
    for number, position in enumerate(positions):
        if at + len(position.token) > begin:
            lead = whole[at:begin]
            wanted = {lead + text.encode(): text for text in texts}
            shares, lost = _shares(positions[number:], wanted, b"")
            said = math.fsum(shares.values())
            if not said or lost + _untold(position.top, shares) > _LOST * said:
                return ()
            return tuple(math.log(s) if (s := shares[text]) else -math.inf for text in texts)
        at += len(position.token)
    return ()


def _shares(
    positions: Sequence[Position], wanted: Mapping[bytes, str], before: bytes
) -> tuple[dict[str, float], float]:
    """Return the probability of each text, and how much lies between several of them.

    Args:
        positions: From the one where the texts go on.
        wanted: Texts by the bytes that spell them, those of `before` included.
        before: What the tokens so far have spelled.
    """
    shares, lost = dict.fromkeys(wanted.values(), 0.0), 0.0
    for token, logprob in positions[0].top.items() if positions else ():
        spelled, share = before + token, math.exp(logprob)
        # Without a byte of its own a token says nothing, and would be followed for ever.
        if not token:
            continue
        if (done := _finished(spelled, wanted)) is not None:
            shares[done] += share
            continue
        onward = [spell for spell in wanted if spell.startswith(spelled)]
        if len(onward) == 1:
            shares[wanted[onward[0]]] += share
        elif onward and token == positions[0].token:
            further, unsaid = _shares(positions[1:], wanted, spelled)
            said = sum(further.values())
            if said:
                rest = {wanted[spell]: further[wanted[spell]] for spell in onward}
                unsaid += _untold(positions[1].top, rest)
            # Tokens that end the value or go on with it are the only ones that a schema lets by. A
            # server that tells probabilities before its grammar has others, too, and then the
            # shares of these few are not known well enough.
            if said < 0.5 or unsaid > _LOST * said:
                lost += share
                continue
            for text, part in further.items():
                shares[text] += share * part / said
        elif onward:
            lost += share
    return shares, lost


def _untold(top: Mapping[bytes, float], shares: Mapping[str, float]) -> float:
    """Return how probable the texts without a share can be together.

    Each is less probable than every token that was told, and all of them than what those leave.
    """
    told = [math.exp(logprob) for logprob in top.values()]
    return min(max(0.0, 1 - math.fsum(told)), min(told) * sum(not s for s in shares.values()))


def _finished(spelled: bytes, wanted: Mapping[bytes, str]) -> str | None:
    """Return the text that is spelled to its end, what may stand behind it included, or None."""
    for spell, text in wanted.items():
        if spelled.startswith(spell) and spelled[len(spell) :].startswith(_ENDS):
            return text
    return None


def _last(completion: str) -> tuple[str, str] | None:
    """Return the last key of a JSON object, up to its value, and the value; both as written.

    None where there is no object, or the value is an object, a list or too long for a text.
    """
    try:
        if not isinstance(json.loads(completion), dict):
            return None
    except (ValueError, RecursionError):
        return None
    # From the end, so that the length of what stands before costs nothing.
    end = len(completion.rstrip().removesuffix("}").rstrip())
    begin = _begin(completion, end)
    colon = len(completion[:begin].rstrip()) - 1
    if not 0 < end - begin <= _LONGEST or completion[colon] != ":":
        return None
    name = _begin(completion, len(completion[:colon].rstrip()))
    key = completion[name:begin]
    return (key, completion[begin:end]) if len(key) <= _LONGEST else None


def _begin(text: str, end: int) -> int:
    """Return where the string or scalar begins that ends at a place of a JSON text."""
    if text[end - 1] != '"':
        tail = max(0, end - _LONGEST - 1)
        marks = [mark.end() for mark in _MARKS.finditer(text, tail, end)]
        return marks[-1] if marks else tail
    begin = text.rfind('"', 0, end - 1)
    while begin >= 0:
        slashes = begin
        while slashes and text[slashes - 1] == "\\":
            slashes -= 1
        if (begin - slashes) % 2 == 0:
            return begin
        begin = text.rfind('"', 0, begin)
    return end
