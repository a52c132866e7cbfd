"""A judge's passport knows by how many rubrics it was measured on the same gold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from judges import make_passport, one_set
from scipy.stats import beta

from harness.judge.passport import BoundRubric, load_passport, save_passport
from harness.judge.point_figures import PointPassport, PointSet
from harness.judge.tried import as_demanded, rubrics_tried, with_earlier
from harness.records import Figure
from harness.report.passport import passport_markdown
from harness.spec.judgeset import PassportSpec

RUBRICS = [BoundRubric("judge/pairwise.en.j2", letter * 64) for letter in "cdef"]


def saved(path, passport):
    """Save a passport as the command does."""
    save_passport(path, with_earlier(path, passport))
    return load_passport(path)


def test_each_other_rubric_on_the_same_gold_counts_once(tmp_path):
    path, first = tmp_path / "passports/wise.json", make_passport(one_set())
    (gold,) = first.sets
    counts = [
        rubrics_tried(saved(path, replace(first, pairwise=rubric)), gold.digest)
        for rubric in (*RUBRICS[:3], RUBRICS[0], RUBRICS[2], RUBRICS[3])
    ]
    assert counts == [1, 2, 3, 3, 3, 4]


def test_other_gold_other_weights_and_damaged_files_say_nothing(tmp_path):
    path, first = tmp_path / "passports/wise.json", make_passport(one_set())
    again = replace(first, pairwise=RUBRICS[3])
    saved(path, first)
    fresh = replace(again, sets=(replace(first.sets[0], digest="9" * 64),))
    assert rubrics_tried(with_earlier(path, fresh), "9" * 64) == 1
    assert with_earlier(path, replace(again, model_digest="9" * 64)).tried == {}
    path.write_text("{")
    assert with_earlier(path, again).tried == {}


def test_demanded_shares_of_pairs_have_the_interval_of_all_rubrics_at_once():
    passport = make_passport(one_set())
    (one,) = passport.sets
    tried = replace(passport, tried={one.digest: ("a b", "c d")})
    (wide,) = as_demanded(tried).sets
    plain, figure = one.figures["accuracy"], wide.figures["accuracy"]
    right = round(plain.value * plain.n)
    assert figure.low == pytest.approx(beta.ppf(0.05 / 6, right, plain.n - right + 1))
    assert figure.low < plain.low
    assert wide.figures["kappa"] == one.figures["kappa"]
    assert as_demanded(passport) == passport


def test_points_are_widened_too():
    figures = {"found": Figure(0.8, 0.7, 0.88, 90), "left_out": Figure(1.0, 0.95, 1.0, 60)}
    own = PointSet("gold/points", "7" * 64, 50, 50, 150, 150, figures)
    points = PointPassport("judge/points.en.j2", "8" * 64, "point", (own,))
    passport = replace(make_passport(one_set()), points=points, tried={own.digest: ("x",)})
    wide = as_demanded(passport).points.sets[0].figures
    # By hand: the quantiles of Student with 49 degrees of freedom are 2.3124 and 2.0096.
    assert (wide["found"].low, wide["found"].high) == pytest.approx((0.6849, 0.8921), abs=1e-4)
    assert wide["left_out"].low == pytest.approx(0.9425, abs=1e-4)
    assert wide["left_out"].high == 1.0


def test_a_judge_that_meets_a_demand_by_one_rubric_may_miss_it_by_the_fourth():
    # 60 of 60: 0.025 ** (1 / 60) = 0.940 and, for four rubrics, 0.00625 ** (1 / 60) = 0.919.
    gold, demands = one_set(n=60), PassportSpec(min_accuracy=0.93)
    passport = make_passport(gold)
    tried = replace(passport, tried={gold.digest: ("a b", "c d", "e f")})
    assert "tried" not in passport_markdown(passport, demands=demands)
    said = passport_markdown(tried, demands=demands)
    assert "measured on it by 4 rubrics" in said
    assert "98.75% ones" in said
    assert "Its lower end does not reach the demand" in said
    assert "Its lower end does not reach the demand" not in passport_markdown(
        passport, demands=demands
    )
