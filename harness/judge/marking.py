"""A judged run -> what people mark of it: pairs and answers drawn blind, and when marks decide."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from harness.characters import half_character, is_blank
from harness.judge.gold import seen_text
from harness.records import Judged, JudgedAnswer, PairResult, ProbeResult
from harness.stats.intervals import clopper_pearson_interval

Verdict = Literal["first", "second", "tie", "split", "none"]
"""A judge's of a pair in both orders: `split` where they disagree, `none` without one in both."""
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class PairToMark:
    """Two answers to one probe, sides drawn, as a gold pair has them.

    Attributes:
        id: Tells nothing of the models.
        points: What a good answer covers.
        verdict: The judge's.
    """

    id: str
    kind: str
    instruction: str
    points: tuple[str, ...]
    first: str
    second: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class AnswerToMark:
    """An answer and the points that it is checked for, as marked answers have them."""

    id: str
    kind: str
    instruction: str
    points: tuple[str, ...]
    answer: str


def pairs_to_mark(
    judged: Judged, *, evalset: str, judge: str, n: int, seed: int
) -> list[PairToMark]:
    """Draw pairs of a judge set, in every share of them as many of each verdict as in all.

    All pairs are as likely to be drawn, so that shares of the marks need no weights. Pairs of
    dialogues, which no gold pair holds, and of answers that are empty or read alike are left out.

    Args:
        judged: What the run's judge sets came to, with texts.
        evalset: The set.
        judge: Whose verdicts are balanced.
        n: How many at most.
        seed: Of the draw and of the sides.
    """
    probes = {(one.model, one.probe): one for one in _probes(judged, evalset)}
    answers = {(*key, one.number): one for key, probe in probes.items() for one in probe.answers}
    found: dict[str, tuple[PairToMark, Hashable]] = {}
    for pair in judged.pairs:
        mine = answers.get((pair.model, pair.probe, pair.number))
        other = answers.get((pair.against, pair.probe, pair.number))
        if (pair.evalset, pair.judge) != (evalset, judge) or mine is None or other is None:
            continue
        probe = probes[pair.model, pair.probe]
        if _whole(mine) and _whole(other) and seen_text(mine.text) != seen_text(other.text):
            one = _pair(probe, mine, other, pair, seed)
            found.setdefault(one.id, (one, (pair.points, pair.agree)))
    return balanced_draw(list(found.values()), n, seed)


def answers_to_mark(judged: Judged, *, evalset: str, n: int, seed: int) -> list[AnswerToMark]:
    """Draw answers of a judge set, in every share of them as many of each outcome as in all.

    See `pairs_to_mark`; the outcome is whether no, some or all points were found, or no verdict.
    """
    found: dict[str, tuple[AnswerToMark, Hashable]] = {}
    for probe in _probes(judged, evalset):
        for one in probe.answers:
            if _whole(one):
                name = _name(probe, [one.text])
                made = AnswerToMark(name, probe.kind, probe.question, probe.points, one.text)
                found.setdefault(name, (made, _met(one.share)))
    return balanced_draw(list(found.values()), n, seed)


def balanced_draw(items: Sequence[tuple[_Item, Hashable]], n: int, seed: int) -> list[_Item]:
    """Return n items at most, in an order whose every beginning has of each stratum its share.

    Args:
        items: Each with its stratum.
        n: How many.
        seed: Of the order in each stratum, and of where it begins.
    """
    draw = random.Random(seed)
    strata: dict[Hashable, list[_Item]] = {}
    for one, stratum in items:
        strata.setdefault(stratum, []).append(one)
    placed: list[tuple[float, _Item]] = []
    for own in strata.values():
        draw.shuffle(own)
        start = draw.random()
        placed += [((place + start) / len(own), one) for place, one in enumerate(own)]
    return [one for _, one in sorted(placed, key=lambda one: one[0])][:n]


@dataclass(frozen=True, slots=True)
class Needed:
    """Of a demand on a share, by number of pairs from 0.

    Attributes:
        least: So many right pairs meet it: the interval's lower end reaches it. One more than there
            are pairs where none do.
        most: With so many at most it cannot hold: the interval lies below. -1 where none does.
    """

    least: tuple[int, ...]
    most: tuple[int, ...]


def needed(demand: float, *, pairs: int) -> Needed:
    """Return what meets a demand, and what shows that it is not met, for 0 to `pairs` pairs."""
    least, most = [1], [-1]
    for n in range(1, pairs + 1):
        # Both grow with n, by one at most.
        low = least[-1]
        while low <= n and clopper_pearson_interval(low, n)[0] < demand:
            low += 1
        high = most[-1]
        while high < n and clopper_pearson_interval(high + 1, n)[1] < demand:
            high += 1
        least.append(low)
        most.append(high)
    return Needed(tuple(least), tuple(most))


def _probes(judged: Judged, evalset: str) -> list[ProbeResult]:
    return [one for one in judged.probes if one.evalset == evalset and not one.turns]


def _whole(answer: JudgedAnswer) -> bool:
    """Return whether a gold file takes it: it shows something, and no half characters."""
    return not answer.problem and not is_blank(answer.text) and not half_character(answer.text)


def _pair(
    probe: ProbeResult, mine: JudgedAnswer, other: JudgedAnswer, pair: PairResult, seed: int
) -> PairToMark:
    name = _name(probe, sorted((mine.text, other.text)))
    turned = random.Random(f"{seed} {name}").random() < 0.5
    first, second = (other, mine) if turned else (mine, other)
    weights = probe.weights or (1.0,) * len(probe.points)
    wanted = tuple(point for point, weight in zip(probe.points, weights, strict=True) if weight > 0)
    return PairToMark(
        name, probe.kind, probe.question, wanted, first.text, second.text, _verdict(pair, turned)
    )


def _verdict(pair: PairResult, turned: bool) -> Verdict:
    if pair.points is None:
        return "none"
    if not pair.agree:
        return "split"
    if pair.points == 0.5:
        return "tie"
    return "first" if (pair.points == 1) != turned else "second"


def _met(share: float | None) -> str:
    if share is None:
        return "none"
    return "nothing" if share == 0 else "all" if share == 1 else "some"


def _name(probe: ProbeResult, texts: Sequence[str]) -> str:
    told = json.dumps([probe.question, *texts], ensure_ascii=False)
    digest = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{probe.probe}-{digest[:10]}"
