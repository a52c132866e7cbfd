"""The gold pairs that ship: balanced, each on a matter of its own."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from judges import first_shown, longer, rule

from harness.judge.gold import load_gold
from harness.judge.passport_figures import measure
from harness.records import Sample
from harness.shots.leaks import near_copies, normal_text

PATH = Path(__file__).parents[2] / "evalsets/gold/ru_pairs.jsonl"
GOLD = load_gold(PATH)
ROWS = [json.loads(line) for line in PATH.read_text(encoding="utf-8").splitlines()]
CYRILLIC = re.compile("[\u0430-\u044f\u0451]")
LONGER = [len(row[row["better"]]) > len(row["second" if row["better"] == "first" else "first"])
          for row in ROWS]  # fmt: skip


def test_there_are_enough_to_certify():
    assert len(GOLD.pairs) >= 48
    assert GOLD.name == "gold/ru_pairs"
    assert len({row["kind"] for row in ROWS}) >= 15


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_pair_is_whole(row):
    assert list(row) == ["id", "instruction", "first", "second", "better", "kind", "why"]
    assert CYRILLIC.search(row["instruction"])
    assert CYRILLIC.search(row["why"])
    assert row["better"] in ("first", "second")
    assert normal_text(row["first"]) != normal_text(row["second"])
    for key in ("instruction", "first", "second", "why"):
        assert row[key] == row[key].strip()


def test_place_and_length_tell_nothing():
    places = Counter((row["better"], long) for row, long in zip(ROWS, LONGER, strict=True))
    assert set(places.values()) == {len(ROWS) / 4}
    gaps = [len(row["first"]) - len(row["second"]) for row in ROWS]
    assert 0 not in gaps
    assert abs(statistics.mean(gaps)) <= 10
    better = [gap if row["better"] == "first" else -gap
              for row, gap in zip(ROWS, gaps, strict=True)]  # fmt: skip
    assert abs(statistics.mean(better)) <= 10


def test_any_beginning_is_balanced_as_well():
    for n in range(4, len(ROWS) + 1, 4):
        assert sum(LONGER[:n]) == sum(row["better"] == "first" for row in ROWS[:n]) == n / 2


def test_long_wrong_answers_and_short_ones_are_both_there():
    ratios = [len(pair.first) / len(pair.second) for pair in GOLD.pairs]
    better = [r if p.better == "first" else 1 / r for r, p in zip(ratios, GOLD.pairs, strict=True)]
    assert sum(ratio < 1 / 3 for ratio in better) >= 5
    assert sum(ratio > 2 for ratio in better) >= 5


def test_no_pair_repeats_another():
    texts = [f"{row['instruction']} {row['first']} {row['second']}" for row in ROWS]
    assert len({normal_text(row["instruction"]) for row in ROWS}) == len(ROWS)
    whole = [Sample(row["id"], text, "") for row, text in zip(ROWS, texts, strict=True)]
    for i, one in enumerate(whole):
        assert near_copies(whole[:i] + whole[i + 1 :], [one], level=0.3) == []


def test_the_near_copies_would_be_seen():
    one, other = (Sample(str(i), ROWS[i]["instruction"] + " ещё раз", "") for i in (0, 1))
    assert [c.shot for c in near_copies([one, other], [Sample("x", ROWS[0]["instruction"], "")],
                                        level=0.3)] == ["0"]  # fmt: skip


def test_judges_that_do_not_read_are_at_chance():
    by_length = measure(GOLD, rule(GOLD.pairs, longer), passing=7.0).figures
    assert by_length["accuracy"].value == by_length["human_prefers_longer"].value == 0.5
    assert measure(GOLD, rule(GOLD.pairs, first_shown), passing=7.0).figures["accuracy"].value == 0


def test_ids_are_words_and_neighbours_differ_in_kind():
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row["id"]) for row in ROWS)
    assert sum(a["kind"] == b["kind"] for a, b in pairwise(ROWS)) <= len(ROWS) / 10
