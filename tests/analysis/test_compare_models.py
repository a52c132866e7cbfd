from __future__ import annotations

import random
from dataclasses import replace
from statistics import mean

import pytest
from judged_builders import EVALSET, make_judged, make_standings

from harness.analysis.compare_models import duels, probe_points, probe_scores, reference_of
from harness.analysis.findings import Duel
from harness.records import Judged


def named(judged: Judged) -> dict[tuple[str, str], Duel]:
    return {(one.model, one.figure): one for one in duels(judged)}


def test_each_model_meets_the_reference_in_both_figures():
    found = named(make_judged())
    assert list(found) == [
        ("ru-a", "win_rate"), ("ru-a", "score"), ("ru-b", "win_rate"), ("ru-b", "score")
    ]  # fmt: skip
    assert {one.reference for one in found.values()} == {"base"}
    assert [found["ru-a", "win_rate"].sign, found["ru-b", "win_rate"].sign] == [1, 0]
    assert [found["ru-a", "score"].sign, found["ru-b", "score"].sign] == [1, 0]


def test_score_is_paired_over_probes_with_students_interval():
    from scipy.stats import ttest_rel

    judged = make_judged()
    one = named(judged)["ru-a", "score"]
    base, mine = (probe_scores(judged, EVALSET, model) for model in ("base", "ru-a"))
    steps = [mine[probe] - base[probe] for probe in base]
    assert one.difference.value == pytest.approx(mean(steps))
    test = ttest_rel(list(mine.values()), list(base.values()))
    interval = test.confidence_interval(0.95)
    assert (one.difference.low, one.difference.high) == pytest.approx((interval.low, interval.high))
    # Ten probes that all go one way: two of the 1024 sign patterns, times four comparisons.
    assert one.difference.p == pytest.approx(2 / 1024)
    assert one.adjusted == pytest.approx(4 * 2 / 1024)


def test_a_pair_of_two_others_is_no_pair_with_the_reference():
    judged = make_judged()
    pairs = [one for one in judged.pairs if {one.model, one.against} == {"ru-a", "ru-b"}]
    assert pairs
    without = replace(judged, pairs=tuple(one for one in judged.pairs if one not in pairs))
    assert reference_of(judged, EVALSET) == "base"
    assert probe_points(judged, EVALSET, "ru-b") == probe_points(without, EVALSET, "ru-b")
    # Whatever stands first.
    turned = replace(judged, pairs=judged.pairs[::-1], standings=judged.standings[::-1])
    assert reference_of(turned, EVALSET) == "base"


def test_without_pairs_the_first_model_is_the_reference():
    judged = make_judged()
    bare = tuple(
        replace(one, figures={"score": one.figures["score"]}) for one in judged.standings[::-1]
    )
    found = named(replace(judged, pairs=(), standings=bare))
    assert set(found) == {("ru-a", "score"), ("base", "score")}
    assert found["base", "score"].reference == "ru-b"


@pytest.mark.parametrize(("probes", "expected"), [(1, 0), (2, 4), (5, 4)])
def test_few_probes_show_nothing(probes, expected):
    found = duels(make_judged({"base": 2.0, "ru-a": 9.0, "ru-b": 9.0}, probes=probes))
    assert len(found) == expected
    assert not any(one.sign for one in found)


def test_equal_differences_claim_no_interval():
    judged = make_judged({"base": 4.0, "ru-a": 7.0})
    moved = []
    for one in judged.probes:
        scores = 4.0 if one.model == "base" else 7.0
        answers = tuple(replace(answer, score=scores) for answer in one.answers)
        moved.append(replace(one, answers=answers))
    one = named(replace(judged, probes=tuple(moved)))["ru-a", "score"]
    assert (one.known, one.difference.low, one.difference.high) == (False, 3.0, 3.0)
    assert one.sign == 1


def test_a_claim_needs_the_shown_interval_of_the_win_rate():
    judged = make_judged()
    wide = [
        replace(s, figures={**s.figures, "win_rate": replace(s.figures["win_rate"], low=0.4)})
        if s.model == "ru-a"
        else s
        for s in judged.standings
    ]
    found = named(replace(judged, standings=tuple(wide)))
    assert found["ru-a", "win_rate"].adjusted < 0.05
    assert (found["ru-a", "win_rate"].sign, found["ru-a", "score"].sign) == (0, 1)


def test_equal_models_are_rarely_told_apart():
    claims = 0
    for seed in range(20):
        draw = random.Random(seed)
        judged = make_judged({"base": 5.0, "ru-a": 5.0})
        probes = tuple(
            replace(one, answers=tuple(
                replace(answer, score=5.0 + draw.gauss(0, 1)) for answer in one.answers))
            for one in judged.probes
        )  # fmt: skip
        claims += any(one.sign for one in duels(Judged(probes, standings=make_standings(probes))))
    assert claims <= 4


def test_probes_without_a_score_are_left_out_and_counted():
    judged = make_judged(answers=1)
    found = named(judged)
    # The one answer of ru-b to p05 has no score.
    assert (found["ru-b", "score"].difference.n, found["ru-b", "score"].left_out) == (9, 1)
    assert (found["ru-a", "score"].difference.n, found["ru-a", "score"].left_out) == (10, 0)
