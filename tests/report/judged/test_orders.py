from __future__ import annotations

from dataclasses import replace

import pytest
from judged_builders import EVALSET, make_judged

from harness.analysis.judged_sets import orders
from harness.language import words
from harness.records import Judged, PairResult, Ruling
from harness.report.judged.conclusions import order_line

T = words("en")


def pair(number: int, forward: str, backward: str, agree: bool | None) -> PairResult:
    return PairResult(EVALSET, "m", "base", f"p{number // 2}", number, "j",
                      Ruling(choice=forward), Ruling(choice=backward), 0.5, agree)  # fmt: skip


def test_what_the_orders_disagree_on_is_told_apart():
    judged = Judged(pairs=(
        pair(0, "A", "A", False), pair(1, "A", "A", False), pair(2, "B", "B", False),
        pair(3, "tie", "A", False), pair(4, "A", "B", True), pair(5, "tie", "tie", True),
        pair(6, "A", "B", None),
    ))  # fmt: skip
    (one,) = orders(judged, EVALSET)
    assert (one.first, one.second, one.tie, one.agree.n) == (2, 1, 1, 6)
    assert one.agree.value == pytest.approx(2 / 6)
    line = order_line(one, T, claims=True)
    assert "for 2 of 6 pairs, 0.333" in line
    assert "2 went to whichever stood first, 1 to whichever stood second, 1 were a tie" in line
    assert line.endswith("**is not shown**: the win rates say little.")
    assert "is not shown" not in order_line(one, T, claims=False)


def test_one_probe_says_nothing_of_others():
    pairs = tuple(replace(pair(0, "A", "B", True), number=number) for number in range(9))
    (found,) = orders(Judged(pairs=pairs), EVALSET)
    assert (found.agree.value, found.agree.low, found.agree.high) == (1, 0, 1)
    assert "is not shown" in order_line(found, T, claims=True)


def test_full_agreement_has_no_others():
    judged = Judged(pairs=tuple(pair(n, "A", "B", True) for n in range(20)))
    (one,) = orders(judged, EVALSET)
    # Ten probes, not twenty pairs, are behind it.
    assert one.agree.low == pytest.approx(0.6915, abs=1e-4)
    line = order_line(one, T, claims=True)
    assert "Of the others" not in line
    assert line.endswith(T["j_c_orders_above"])


def test_each_judge_stands_by_itself():
    judged = make_judged()
    other = tuple(replace(one, judge="judge-2") for one in judged.pairs)
    both = replace(judged, pairs=judged.pairs + other)
    assert [one.judge for one in orders(both, EVALSET)] == ["judge-7b", "judge-2"]
    assert orders(both, "evalsets/other.yaml") == []
