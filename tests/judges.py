"""Gold pairs made up, and judges that rule on them by a rule; found as builders.py is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from harness.judge.gold import GoldPair, GoldSet
from harness.judge.passport import BoundRubric, Manner, Passport
from harness.judge.passport_figures import PassportSet, measure
from harness.judge.ruled_pair import RuledPair
from harness.records import Choice, EngineInfo, Ruling

Choose = Callable[[str, str], Choice]
Score = Callable[[str], float]
INFO = EngineInfo(
    model="wise", source="", digest="d", engine="fake", version="1", dtype="float32", device="cpu",
    start_s=0.0, generate_s=0.0, computed=0, stored=0, prompt_tokens=0, cached_tokens=0,
    completion_tokens=0,
)  # fmt: skip


def make_pairs(n: int, *, ties: int = 0) -> list[GoldPair]:
    """Return pairs whose better answer says `good`: first in half, longer in half.

    Args:
        n: Pairs, a multiple of four.
        ties: How many of them, at the end, people call even.
    """
    pairs: list[GoldPair] = []
    for i in range(n):
        good, bad = f"good {i}" + " more" * (i // 2 % 2), f"poor {i}" + " more" * (1 - i // 2 % 2)
        first, second = (good, bad) if i % 2 == 0 else (bad, good)
        better = "tie" if i >= n - ties else "first" if i % 2 == 0 else "second"
        pairs.append(GoldPair(f"p{i}", f"Question {i}?", first, second, better))
    return pairs


def make_gold(n: int, *, ties: int = 0, name: str = "gold/made") -> GoldSet:
    return GoldSet(name, "0" * 64, tuple(make_pairs(n, ties=ties)))


def oracle(first: str, second: str) -> Choice:
    return "A" if "good" in first else "B"


def mistaken(first: str, second: str) -> Choice:
    return "B" if "good" in first else "A"


def oracle_score(answer: str) -> float:
    return 9.0 if "good" in answer else 3.0


def first_shown(first: str, second: str) -> Choice:
    return "A"


def longer(first: str, second: str) -> Choice:
    return "A" if len(first) > len(second) else "B"


def undecided(first: str, second: str) -> Choice:
    return "tie"


def coin(seed: int) -> tuple[Choose, Score]:
    """Return a judge that throws a coin for every question, and one that throws a die.

    Both throw the same for the same question, in whatever order they are asked.
    """

    def throw(*texts: str) -> int:
        return hashlib.sha256("\n".join([str(seed), *texts]).encode()).digest()[0]

    return lambda first, second: "AB"[throw(first, second) % 2], lambda a: throw(a) % 10 + 1.0


def rule(pairs: Sequence[GoldPair], choose: Choose, score: Score = oracle_score) -> list[RuledPair]:
    return [
        RuledPair(
            pair,
            Ruling(choice=choose(pair.first, pair.second)),
            Ruling(choice=choose(pair.second, pair.first)),
            Ruling(value=score(pair.first)),
            Ruling(value=score(pair.second)),
        )
        for pair in pairs
    ]


def one_set(
    choose: Choose = oracle, score: Score = oracle_score, *, n: int = 80, name: str = "gold/made"
) -> PassportSet:
    """Return what a made-up gold set says of a judge."""
    gold = make_gold(n, name=name)
    return measure(gold, rule(gold.pairs, choose, score), passing=7.0)


def make_passport(*sets: PassportSet) -> Passport:
    """Return a passport of the judge `wise`, by default of an oracle's."""
    return Passport(
        judge="wise",
        model_digest="a" * 64,
        engine="vllm",
        dtype="bfloat16",
        manner=Manner("e" * 64),
        version="1",
        rubric=BoundRubric("prompts/judge/absolute.ru.j2", "b" * 64),
        pairwise=BoundRubric("prompts/judge/pairwise.ru.j2", "c" * 64),
        made="2026-01-31",
        passing=7.0,
        sets=sets or (one_set(),),
    )
