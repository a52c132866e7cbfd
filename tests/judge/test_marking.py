"""What is drawn for people to mark, and how many marks decide."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from judged_builders import EVALSET, JUDGE, make_judged, told_apart

from harness.judge.marking import answers_to_mark, balanced_draw, needed, pairs_to_mark
from harness.stats.intervals import clopper_pearson_interval

JUDGED = told_apart(make_judged(probes=20))


def drawn(n=10_000, seed=0, judged=JUDGED):
    return pairs_to_mark(judged, evalset=EVALSET, judge=JUDGE, n=n, seed=seed)


def test_every_beginning_of_the_draw_has_its_share_of_each_verdict():
    whole = drawn()
    assert len({one.id for one in whole}) == len(whole) > 100
    counts = Counter(one.verdict for one in whole)
    assert set(counts) == {"first", "second", "tie", "split", "none"}
    for n in (20, 60):
        part = Counter(one.verdict for one in drawn(n))
        assert part.total() == n
        for verdict in ("tie", "split", "none"):
            assert abs(part[verdict] - n * counts[verdict] / len(whole)) <= 1, (n, verdict)
    assert drawn(60) == whole[:60]
    assert drawn(60, seed=1) != whole[:60]


def test_every_item_is_as_likely_to_be_drawn():
    items = [(place, "rare" if place < 7 else "usual") for place in range(50)]
    seen = Counter(one for seed in range(2000) for one in balanced_draw(items, 10, seed))
    # 400 each; four standard deviations of a draw with equal chances are 72.
    assert len(seen) == 50
    assert max(abs(count - 400) for count in seen.values()) < 72


def test_sides_are_drawn_and_the_verdict_turns_with_them():
    texts = {(one.model, one.probe, answer.number): answer.text
             for one in JUDGED.probes for answer in one.answers}  # fmt: skip
    won = {(texts[p.model, p.probe, p.number], texts[p.against, p.probe, p.number]): p.points
           for p in JUDGED.pairs if p.agree and p.points in (0.0, 1.0)}  # fmt: skip
    sides = Counter()
    for one in drawn():
        if one.verdict in ("first", "second") and (one.first, one.second) in won:
            sides["kept"] += 1
    for one in drawn():
        if one.verdict in ("first", "second") and (one.second, one.first) in won:
            sides["turned"] += 1
    assert min(sides.values()) > 0.35 * sides.total()


def test_what_no_gold_file_takes_is_left_out():
    probes = [replace(one, turns=("Hi.", "")) if one.probe == "p01" else one
              for one in JUDGED.probes]  # fmt: skip
    probes = [
        replace(one, answers=tuple(replace(a, text="the same") for a in one.answers))
        if one.probe == "p02"
        else one
        for one in probes
    ]
    found = drawn(judged=replace(JUDGED, probes=tuple(probes)))
    assert {one.id.rpartition("-")[0] for one in drawn()} - {
        one.id.rpartition("-")[0] for one in found
    } == {"p01", "p02"}
    answers = answers_to_mark(
        replace(JUDGED, probes=tuple(probes)), evalset=EVALSET, n=10_000, seed=0
    )
    assert "p01" not in {one.id.rpartition("-")[0] for one in answers}
    assert all(one.answer.strip() for one in answers)


@pytest.mark.parametrize("demand", [0.5, 0.7, 0.95])
def test_the_table_says_what_the_interval_says(demand):
    table = needed(demand, pairs=60)
    for n in range(1, 61):
        ends = [clopper_pearson_interval(k, n) for k in range(n + 1)]
        assert table.least[n] == next((k for k in range(n + 1) if ends[k][0] >= demand), n + 1)
        assert table.most[n] == max((k for k in range(n + 1) if ends[k][1] < demand), default=-1)
