from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from harness.stats import (
    Comparison,
    bradley_terry_strengths,
    clopper_pearson_interval,
    sign_flip_test,
    win_rate,
)

# Agresti's example in Categorical Data Analysis: the American League East of 1987, home wins and
# losses of each team against each other. Abilities (Baltimore 0) as the R package BradleyTerry2
# gives them without a home advantage.
TEAMS = "Milwaukee Detroit Toronto NewYork Boston Cleveland Baltimore".split()
HOME = {
    "Milwaukee": ["4-3", "4-2", "4-3", "6-1", "4-2", "6-0"],
    "Detroit": ["3-3", "4-2", "4-3", "6-0", "6-1", "4-3"],
    "Toronto": ["2-5", "4-3", "2-4", "4-3", "4-2", "6-0"],
    "NewYork": ["3-3", "5-1", "2-5", "4-3", "4-2", "6-1"],
    "Boston": ["5-1", "2-5", "3-3", "4-2", "5-2", "6-0"],
    "Cleveland": ["2-5", "3-3", "3-4", "4-3", "4-2", "2-4"],
    "Baltimore": ["2-5", "1-5", "1-6", "2-4", "1-6", "3-4"],
}
ABILITIES = {"Milwaukee": 1.5814, "Detroit": 1.4364, "Toronto": 1.2945, "NewYork": 1.2476,
             "Boston": 1.1077, "Cleveland": 0.6839, "Baltimore": 0.0}  # fmt: skip


def season() -> list[Comparison]:
    games = []
    for home, scores in HOME.items():
        for away, score in zip((team for team in TEAMS if team != home), scores, strict=True):
            won, lost = map(int, score.split("-"))
            games += [(home, away, 1.0)] * won + [(home, away, 0.0)] * lost
    return [Comparison(i, *game) for i, game in enumerate(games)]


def test_strengths_are_the_published_ones():
    found = bradley_terry_strengths(season(), ridge=1e-6, resamples=1)
    for team, ability in ABILITIES.items():
        assert found[team].value - found["Baltimore"].value == pytest.approx(ability, abs=1e-4)
    assert sum(figure.value for figure in found.values()) == pytest.approx(0, abs=1e-6)
    assert {figure.n for figure in found.values()} == {78}


def test_two_models_have_the_log_odds_of_their_wins():
    games = [Comparison(i, "a", "b", float(i < 15)) for i in range(20)]
    found = bradley_terry_strengths(games, ridge=1e-6)
    assert found["a"].value - found["b"].value == pytest.approx(math.log(15 / 5), abs=1e-5)


def test_a_tie_is_half_a_win_each_way():
    ties = [Comparison(i, "a", "b", 0.5) for i in range(4)] + [Comparison(9, "a", "b", 1.0)]
    split = [Comparison(i, "a", "b", float(i % 2)) for i in range(4)] + ties[-1:]
    tied, halved = (bradley_terry_strengths(games, ridge=0.1) for games in (ties, split))
    assert tied["a"].value == pytest.approx(halved["a"].value)


def test_the_order_of_a_pair_does_not_count():
    games = season()
    turned = [Comparison(g.probe, g.second, g.first, 1 - g.points) for g in games]
    one, other = (bradley_terry_strengths(g, resamples=1) for g in (games, turned))
    for team in TEAMS:
        assert one[team].value == pytest.approx(other[team].value)


def test_the_fit_is_the_maximum():
    from scipy.optimize import minimize

    rng, names = np.random.default_rng(0), "abcd"
    games = [Comparison(i, *rng.permutation(list(names))[:2], float(rng.choice([0, 0.5, 1])))
             for i in range(60)]  # fmt: skip

    def cost(strengths):
        s = dict(zip(names, strengths, strict=True))
        loss = sum(
            g.points * math.log1p(math.exp(s[g.second] - s[g.first]))
            + (1 - g.points) * math.log1p(math.exp(s[g.first] - s[g.second]))
            for g in games
        )
        return loss + 0.3 / 2 * float(np.square(strengths).sum())

    best = minimize(cost, np.zeros(4)).x
    found = bradley_terry_strengths(games, ridge=0.3)
    assert [found[name].value for name in names] == pytest.approx(best, abs=1e-4)


def test_a_model_that_always_wins_is_finite_and_no_point():
    games = [Comparison(p, a, b, 1.0) for p in range(10) for a, b in ("AB", "AC", "BC")]
    found = bradley_terry_strengths(games)
    assert found["A"].value > 1 > found["B"].value > -1 > found["C"].value
    assert all(figure.high - figure.low > 1 for figure in found.values())
    assert found["A"].low > 0 > found["C"].high


def test_models_that_never_met_take_the_prior():
    games = [Comparison(i, "a", "b", 0.5) for i in range(5)]
    games += [Comparison(i, "c", "d", 0.5) for i in range(5)]
    found = bradley_terry_strengths(games, ridge=0.25)
    assert all(figure.value == pytest.approx(0) for figure in found.values())
    # All that holds the pairs together is the prior of deviation 2.
    assert found["a"].high > 2


def test_answers_to_one_probe_are_not_independent():
    results = [1.0] * 7 + [0.0] * 5
    once = [Comparison(p, "a", "b", points) for p, points in enumerate(results)]
    copied = [game for game in once for _ in range(10)]
    apart = [Comparison(i, "a", "b", game.points) for i, game in enumerate(copied)]
    together, loose = (bradley_terry_strengths(g)["a"] for g in (copied, apart))
    assert together.value == pytest.approx(loose.value)
    assert together.high - together.low > 2 * (loose.high - loose.low)


def test_one_probe_leaves_what_the_prior_says():
    games = [Comparison("p", "a", "b", 1.0)] * 50
    found = bradley_terry_strengths(games, ridge=0.5)["a"]
    assert found.high - found.value == pytest.approx(1.959964 * math.sqrt(0.5 / 0.5))


def test_strengths_cover():
    truth, hits, rng = {"a": 1.0, "b": 0.0, "c": -1.0}, 0, np.random.default_rng(0)
    for seed in range(60):
        games = [
            Comparison(p, a, b, float(rng.random() < 1 / (1 + math.exp(truth[b] - truth[a]))))
            for p in range(10)
            for a, b in itertools.combinations("abc", 2)
            for _ in range(3)
        ]
        found = bradley_terry_strengths(games, seed=seed, resamples=200)
        hits += sum(found[name].low <= truth[name] <= found[name].high for name in truth)
    assert hits >= 166  # of 180; 0.967 of 600 were measured


@pytest.mark.parametrize(
    ("games", "options", "problem"),
    [
        ([], {}, "at least one"),
        ([Comparison(0, "a", "b", 1.5)], {}, r"in \[0, 1\]"),
        ([Comparison(0, "a", "b", math.nan)], {}, r"in \[0, 1\]"),
        ([Comparison(0, "a", "a", 1.0)], {}, "with itself"),
        ([Comparison(0, "a", "b", 1.0)], {"ridge": 0.0}, "is below"),
    ],
)
def test_strengths_refuse(games, options, problem):
    with pytest.raises(ValueError, match=problem):
        bradley_terry_strengths(games, **options)


def test_win_rate_is_the_mean_of_points():
    found = win_rate([1.0, 0.5, 0.0, 1.0], ["p", "p", "q", "q"])
    assert (found.value, found.n) == (0.625, 4)
    assert found.low < 0.625 < found.high


def test_ten_wins_of_ten_could_be_seven():
    found = win_rate([1.0] * 10, list(range(10)))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(clopper_pearson_interval(10, 10)[0])
    assert found.low == pytest.approx(0.69, abs=0.005)


@pytest.mark.parametrize("probes", range(2, 12))
def test_a_clean_sweep_beats_a_draw_where_the_sign_flip_test_says_so(probes):
    swept = win_rate([1.0] * probes, list(range(probes)))
    assert (swept.low > 0.5) == (sign_flip_test([0.5] * probes) < 0.05)


def test_more_answers_to_a_probe_do_not_stand_for_more_probes():
    # Three answers each that all win say no more of other probes than one.
    assert win_rate([1.0] * 30, [i // 3 for i in range(30)]).low == win_rate(
        [1.0] * 10, list(range(10))
    ).low  # fmt: skip
    mixed = [float(i < 21) for i in range(30)]
    together = win_rate(mixed, [i // 3 for i in range(30)])
    apart = win_rate(mixed, list(range(30)))
    assert together.high - together.low > 1.4 * (apart.high - apart.low)


@pytest.mark.parametrize("probes", [2, 3, 4, 5])
def test_a_few_probes_tell_no_more_than_their_spread(probes):
    held, rng = 0, np.random.default_rng(probes)
    for seed in range(100):
        points = rng.choice([1.0, 0.5, 0.0], size=probes * 3, p=[0.56, 0.2, 0.24])
        found = win_rate(points, np.repeat(range(probes), 3).tolist(), seed=seed, resamples=200)
        held += found.low <= 0.66 <= found.high
    # No resample is better than the best of the probes: by them alone it is 62 to 85.
    assert held >= 92


def test_only_ties_are_no_point():
    found = win_rate([0.5] * 10, list(range(10)))
    assert found.low < 0.3 < 0.7 < found.high


def test_win_rate_of_one_probe_is_anything():
    found = win_rate([1.0, 1.0], ["p", "p"])
    assert (found.value, found.low, found.high) == (1.0, 0.0, 1.0)


def test_win_rate_follows_its_seed():
    # Points of many values, so that two draws do not have the same percentile by chance.
    points, probes = [(i * i % 41) / 40 for i in range(40)], [i // 2 for i in range(40)]
    assert win_rate(points, probes, seed=1) == win_rate(points, probes, seed=1)
    assert win_rate(points, probes, seed=1) != win_rate(points, probes, seed=2)


def test_win_rate_covers():
    rng, hits = np.random.default_rng(0), 0
    truth = float(np.mean(1 / (1 + np.exp(-(1 + np.random.default_rng(1).normal(size=200_000))))))
    for seed in range(200):
        chance = 1 / (1 + np.exp(-(1 + rng.normal(size=10))))
        points = (rng.random((10, 3)) < chance[:, None]).astype(float).ravel()
        found = win_rate(points.tolist(), np.repeat(np.arange(10), 3).tolist(), seed=seed,
                         resamples=300)  # fmt: skip
        hits += found.low <= truth <= found.high
    assert hits >= 176  # 0.925 of 400 were measured


@pytest.mark.parametrize(
    ("points", "probes", "problem"),
    [([], [], "at least one"), ([1.1], ["p"], r"in \[0, 1\]"), ([1.0], ["p", "q"], "2 groups")],
)
def test_win_rate_refuses(points, probes, problem):
    with pytest.raises(ValueError, match=problem):
        win_rate(points, probes)
