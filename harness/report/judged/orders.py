"""How a judge fares when two answers change places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.markdown import code
from harness.records import Figure, Judged, PairResult
from harness.report.format import count, with_interval
from harness.stats import cluster_proportion_interval

Words = Mapping[str, str]

GUESSING = 0.5
"""Share of pairs in which a judge that says A or B at random agrees with itself."""


@dataclass(frozen=True, slots=True)
class Orders:
    """Pairs of one judge that have a verdict in both orders.

    Attributes:
        agree: Share of them with the same verdict in both; the interval is over the probes.
        first: Pairs that went to whichever answer stood first; `second` likewise.
        tie: Pairs with a tie in one order only.
    """

    judge: str
    agree: Figure
    first: int
    second: int
    tie: int


def orders(judged: Judged, evalset: str) -> list[Orders]:
    """Return what the pairs of a set say of each judge."""
    by: dict[str, list[PairResult]] = {}
    for pair in judged.pairs:
        if pair.evalset == evalset and pair.agree is not None:
            by.setdefault(pair.judge, []).append(pair)
    return [_orders(judge, pairs) for judge, pairs in by.items()]


def order_line(one: Orders, t: Words, *, claims: bool) -> str:
    """Say how often the orders agree, and with `claims` what it means for the win rates."""
    line = t["j_c_orders"].format(
        judge=code(one.judge),
        agree=count(round(one.agree.value * one.agree.n)),
        n=count(one.agree.n),
        share=with_interval(one.agree),
    )
    if one.agree.value < 1:
        line += " " + t["j_c_orders_split"].format(
            first=count(one.first), second=count(one.second), tie=count(one.tie)
        )
    if not claims:
        return line
    better = one.agree.low > GUESSING
    return f"{line} {t['j_c_orders_above' if better else 'j_c_orders_chance']}"


def _orders(judge: str, pairs: Sequence[PairResult]) -> Orders:
    n, agree = len(pairs), [bool(pair.agree) for pair in pairs]
    probes = [pair.probe for pair in pairs]
    interval = (
        cluster_proportion_interval(agree, probes)
        if len(set(probes)) > 1
        # One probe says nothing of how probes differ.
        else (0.0, 1.0)
    )
    split = [(pair.forward.choice, pair.backward.choice) for pair in pairs if not pair.agree]
    return Orders(
        judge,
        Figure(sum(agree) / n, *interval, n),
        first=split.count(("A", "A")),
        second=split.count(("B", "B")),
        tie=sum("tie" in choices for choices in split),
    )
