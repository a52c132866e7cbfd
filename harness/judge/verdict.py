"""Judge's completion -> ruling. Whatever is not exactly one whole verdict is none."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn, get_args

from harness.reasons import Reason
from harness.records import Choice, Json, Output, Ruling

SCORES = range(1, 11)
SCORE_WORDS = tuple(str(score) for score in SCORES)
"""The words whose probabilities make up the expectation of a score."""
CHOICES: tuple[Choice, ...] = get_args(Choice)
MIN_MASS = 0.01
"""Probability that the score words must have together for their expectation to count.

The schema leaves a judge no other word there, so its verdict, too, is drawn from their
probabilities, renormalised. Below this they are what rounding left of them.
"""

_FIRST = {"A": 1.0, "B": 0.0, "tie": 0.5}
_REASON = {"type": "string", "minLength": 1, "maxLength": 240}
_SCORE_KEY = re.compile(r'"score"\s*:')
_WRITTEN = re.compile(_SCORE_KEY.pattern + r"(\s*)\d+(\D)")


def _schema(key: str, values: Sequence[int] | Sequence[str], kind: str) -> str:
    return json.dumps(
        {
            "type": "object",
            "properties": {"reason": _REASON, key: {"type": kind, "enum": list(values)}},
            "required": ["reason", key],
            "additionalProperties": False,
        }
    )


ABSOLUTE_SCHEMA = _schema("score", SCORES, "integer")
PAIRWISE_SCHEMA = _schema("verdict", CHOICES, "string")


class NoVerdict(ValueError):
    """Why a completion holds no verdict."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text)
        self.reason = reason


def read_absolute(output: Output) -> Ruling:
    """Return the ruling on one answer, `value` a whole number from 1 to 10.

    Anything but one JSON object with a reason and a score, and nothing around it, has no value and
    says why in `problem`: an engine's error, a cut completion, two objects, a key too many, too
    few or twice, a score of another type or out of range.
    """
    try:
        reason, score = _read(output, "score")
        # bool is an int to Python, and 7.0 is not a token that the schema allows.
        if isinstance(score, bool) or not isinstance(score, int):
            raise NoVerdict(Reason("score_not_whole"))
        if score not in SCORES:
            raise NoVerdict(Reason("score_out_of_range"))
    except NoVerdict as error:
        return Ruling(problem=error.reason)
    return Ruling(value=float(score), reason=reason)


def read_pairwise(output: Output) -> Ruling:
    """Return the ruling on two answers, `choice` A, B or tie; fails as `read_absolute` does."""
    try:
        reason, verdict = _read(output, "verdict")
        for choice in CHOICES:
            if verdict == choice:
                return Ruling(choice=choice, reason=reason)
        raise NoVerdict(Reason("verdict_not_choice"))
    except NoVerdict as error:
        return Ruling(problem=error.reason)


def score_prefix(text: str) -> str | None:
    """Return a completion up to and with `"score":`, or None if it has no such key.

    Within a string of JSON the quotes would stand behind backslashes, so a reason cannot hold it.
    """
    found = _SCORE_KEY.search(text)
    return text[: found.end()] if found else None


def score_words(text: str) -> tuple[str, ...]:
    """Return the score words with what stands around the score in a completion.

    Put behind `score_prefix(text)` they continue it as the judge did: with the white space that it
    wrote before the score, and the one character behind it, which tells 1 from 10 where a
    tokenizer writes digits one by one.
    """
    found = _WRITTEN.search(text)
    before, behind = found.groups() if found else ("", "}")
    return tuple(before + word + behind for word in SCORE_WORDS)


def with_expectation(
    ruling: Ruling, logprobs: Mapping[float, float], values: Sequence[float] = SCORES
) -> Ruling:
    """Return a ruling whose value is the expectation of the score over its probabilities.

    Args:
        ruling: Of an absolute case; without a value it stays as it is.
        logprobs: Score -> natural log-probability; scores that are not there have none. They are
            renormalised over all scores if they hold at least `MIN_MASS` of all probability;
            otherwise, or if one is not a log-probability, the ruling stays as it is.
        values: The scores that there are, the least one first.

    Source: Liu et al. (2023), G-Eval, arXiv 2303.16634, section 2.
    """
    known = {score: logprobs[score] for score in values if score in logprobs}
    if ruling.value is None or any(math.isnan(value) or value > 1e-3 for value in known.values()):
        return ruling
    shares = {score: math.exp(value) for score, value in known.items()}
    mass = math.fsum(shares.values())
    # More than all there is cannot be probabilities of one position.
    if not MIN_MASS <= mass <= 1.01:
        return ruling
    mean = math.fsum(score * share for score, share in shares.items()) / mass
    return replace(ruling, value=min(max(mean, values[0]), values[-1]), expected=True)


def can_go_on(prefix: str | None, controls: re.Pattern[str] | None) -> bool:
    """Return whether the words of a verdict up to its score can be put to its judge again.

    Not where there are none. Not where they spell a special token, as those of a judge can who
    quotes an answer without its backslashes: tokenized again, it would end the judge's turn within
    its own reason.
    """
    return prefix is not None and not (controls and controls.search(prefix))


def with_scores(
    ruling: Ruling, logprobs: Sequence[float], values: Sequence[float] = SCORES
) -> Ruling:
    """Return a ruling with the log-probabilities of the scores made use of, if there are any."""
    if not logprobs:
        return ruling
    return with_expectation(ruling, dict(zip(values, logprobs, strict=True)), values)


def verdict_object(output: Output) -> dict[str, Json]:
    """Return the one JSON object that a completion is.

    Raises:
        NoVerdict: It is anything else, or was cut.
    """
    return _one_object(whole_text(output))


def whole_text(output: Output) -> str:
    """Return a completion without outer white space.

    Raises:
        NoVerdict: It failed, was cut, or is empty.
    """
    if output.failure is not None:
        raise NoVerdict(output.failure)
    if output.finish_reason != "stop":
        if output.finish_reason == "length":
            raise NoVerdict(Reason("verdict_cut"))
        raise NoVerdict(Reason("judge_ended", {"by": output.finish_reason}))
    text = output.text.strip()
    if not text:
        raise NoVerdict(Reason("judge_silent"))
    return text


def _read(output: Output, key: str) -> tuple[str, Json]:
    """Return the reason and the value of a key of the one JSON object in a completion."""
    found = verdict_object(output)
    for name in ("reason", key):
        if name not in found:
            raise NoVerdict(Reason("verdict_lacks", {"key": name}))
    if len(found) > 2:
        raise NoVerdict(Reason("verdict_of_more"))
    reason = found["reason"]
    if not isinstance(reason, str):
        raise NoVerdict(Reason("verdict_unfounded"))
    if not reason.strip():
        raise NoVerdict(Reason("verdict_without_words"))
    return without_halves(reason), found[key]


def without_halves(text: str) -> str:
    """Return a text with a mark for each half of a character, which JSON spells and no file has."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _one_object(text: str) -> dict[str, Json]:
    if not text.startswith("{"):
        raise NoVerdict(Reason("verdict_not_object"))
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)
    try:
        found: dict[str, Json]
        found, end = decoder.raw_decode(text)
    except NoVerdict:
        raise
    except (ValueError, RecursionError) as error:
        raise NoVerdict(Reason("verdict_not_json")) from error
    rest = text[end:].lstrip(" \t\r\n,;")
    if rest:
        raise NoVerdict(Reason("two_verdicts" if rest[0] in "{[" else "verdict_with_text"))
    if end != len(text):
        raise NoVerdict(Reason("verdict_with_text"))
    return found


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NoVerdict(Reason("verdict_key_twice"))
    return found


def _no_number(name: str) -> NoReturn:
    raise NoVerdict(Reason("verdict_no_number", {"name": name}))


def settle(forward: Ruling, backward: Ruling) -> tuple[float | None, bool | None]:
    """Return the points of the model shown first in `forward`, and whether both orders agree.

    Points are 1 for a win in both orders, 0 for a loss in both, and 0.5 for a tie in both or for
    two orders that disagree, as a judge that goes by the place has not told the answers apart.
    Both are None where an order has no verdict.

    Args:
        forward: The ruling with the model's answer shown first, as A.
        backward: The ruling with the model's answer shown second, as B.

    Source: Zheng et al. (2023), arXiv 2306.05685, section 3.4, for the two orders.
    """
    if forward.choice is None or backward.choice is None:
        return None, None
    ahead, behind = _FIRST[forward.choice], 1 - _FIRST[backward.choice]
    agree = ahead == behind
    return ahead if agree else 0.5, agree
