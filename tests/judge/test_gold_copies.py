"""Near copies of gold pairs count once."""

from __future__ import annotations

from dataclasses import replace

from harness.judge.gold import GoldPair, GoldSet
from harness.judge.gold_copies import note_near_copies, without_near_copies

LONG = (
    "Name three rivers of Europe that flow into the Black Sea and say of each where it begins, "
    "how long it is, which capitals it passes and why boats could not always go up to its source."
)
RIVERS = GoldPair("rivers", LONG, "The Danube, the Dnieper, the Don.", "The Rhine.", "first")
SUMS = [
    GoldPair(f"sum-{n}", f"What is {n} + {n}?", f"It is {2 * n}.", f"It is {3 * n}.", "first")
    for n in range(1, 9)
]


def gold(*pairs: GoldPair) -> GoldSet:
    return GoldSet("gold/own", "0" * 64, pairs)


def test_a_pair_that_nearly_repeats_an_earlier_one_is_left_out():
    near = replace(RIVERS, id="near", instruction=LONG.replace("say of each", "tell for each"))
    turned = GoldPair("turned", LONG.upper(), RIVERS.second, RIVERS.first, "second")
    whole = gold(RIVERS, SUMS[0], near, turned)
    kept, left_out = without_near_copies(whole)
    assert kept == replace(whole, pairs=(RIVERS, SUMS[0]))
    assert left_out == ("near = rivers", "turned = rivers")
    assert note_near_copies(kept, left_out).facts == {"count": 2, "total": 4, "pairs": left_out}


def test_pairs_of_one_form_with_other_numbers_all_count():
    assert without_near_copies(gold(*SUMS)) == (gold(*SUMS), ())


def test_pairs_without_words_all_count():
    whole = gold(GoldPair("a", "?", "!", ".", "first"), GoldPair("b", "?!", "!", ".", "first"))
    assert without_near_copies(whole) == (whole, ())
