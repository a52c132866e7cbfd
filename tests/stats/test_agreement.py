from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from harness.stats import clopper_pearson_interval, cohens_kappa, krippendorff_alpha
from harness.stats.agreement import mean_kappa

# Krippendorff (2011), Computing Krippendorff's alpha-reliability: four observers, twelve units.
FOUR = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
UNITS = [list(unit) for unit in zip(*FOUR, strict=True)]


def by_pairs(units, distance) -> float:
    """Return alpha by its definition: every pair of ratings, within units and over all."""
    kept = [given for row in units if len(given := [v for v in row if v is not None]) > 1]
    every = [value for row in kept for value in row]
    n = len(every)
    observed = sum(
        distance(a, b) / (len(row) - 1) for row in kept for a, b in itertools.permutations(row, 2)
    )
    expected = sum(distance(a, b) for a, b in itertools.permutations(every, 2))
    return 1 - (n - 1) * observed / expected


@pytest.mark.parametrize(("metric", "published"), [("nominal", 0.743), ("interval", 0.849)])
def test_alpha_is_the_published_one(metric, published):
    found = krippendorff_alpha(UNITS, metric=metric)
    assert round(found.value, 3) == published
    assert found.n == 11  # one unit has a single rating
    assert found.low < found.value < found.high


@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_that_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    units = [[float(v) if rng.random() > 0.2 else None for v in row]
             for row in rng.integers(1, 11, size=(15, 3))]  # fmt: skip
    found = krippendorff_alpha(units, resamples=10).value
    assert found == pytest.approx(by_pairs(units, lambda a, b: (a - b) ** 2))
    found = krippendorff_alpha(units, metric="nominal", resamples=10).value
    assert found == pytest.approx(by_pairs(units, lambda a, b: float(a != b)))


def test_words_are_nominal():
    numbers = {1: "A", 2: "B", 3: "tie", 4: "none", 5: "both", None: None}
    words = [[numbers[value] for value in row] for row in UNITS]
    assert krippendorff_alpha(words, metric="nominal") == krippendorff_alpha(
        UNITS, metric="nominal"
    )


def test_interval_alpha_does_not_change_with_the_scale():
    moved = [[None if v is None else 1e6 + 3 * v for v in row] for row in UNITS]
    assert krippendorff_alpha(moved).value == pytest.approx(krippendorff_alpha(UNITS).value)


def test_the_interval_follows_its_seed():
    first = krippendorff_alpha(UNITS, seed=3)
    assert first == krippendorff_alpha(UNITS, seed=3)
    assert first != krippendorff_alpha(UNITS, seed=4)


def test_clusters_widen_the_interval():
    rng = np.random.default_rng(0)
    # Two judges disagree about whole probes, so that its ten answers say one thing.
    gap = np.repeat(rng.normal(size=12), 10)
    truth = rng.normal(size=120)
    units = np.stack([truth, truth + gap], axis=1).tolist()
    probes = np.repeat(np.arange(12), 10).tolist()
    apart, together = krippendorff_alpha(units), krippendorff_alpha(units, clusters=probes)
    assert apart.value == together.value
    assert together.high - together.low > 1.2 * (apart.high - apart.low)


def test_the_interval_covers():
    rng, rho, hits = np.random.default_rng(0), 0.8, 0
    for seed in range(150):
        shared = math.sqrt(rho) * rng.normal(size=(30, 1))
        units = shared + math.sqrt(1 - rho) * rng.normal(size=(30, 2))
        found = krippendorff_alpha(units.tolist(), seed=seed, resamples=300)
        hits += found.low <= rho <= found.high
    assert hits >= 132  # 0.93 of 300 were measured


def test_full_agreement_is_not_a_point():
    found = krippendorff_alpha([[v, v] for v in (1.0, 5.0, 9.0, 3.0)] * 5)
    assert found.value == found.high == 1.0
    assert found.low == pytest.approx(clopper_pearson_interval(20, 20)[0])


@pytest.mark.parametrize(("probes", "known"), [(2, False), (7, False), (8, True)])
def test_a_few_probes_do_not_tell_how_far_judges_agree(probes, known):
    rows = [[float(place), float(place) + 0.1 * (place % 3)] for place in range(3 * probes)]
    found = krippendorff_alpha(rows, clusters=[place // 3 for place in range(3 * probes)])
    assert found.value > 0.9
    assert (found.low > -1) is known
    assert (found.high < 1) is known


def test_one_unit_tells_nothing():
    found = krippendorff_alpha([[1.0, 2.0], [None, 3.0]])
    assert (found.low, found.high, found.n) == (-1.0, 1.0, 1)


@pytest.mark.parametrize(
    ("units", "options", "problem"),
    [
        ([], {}, "no unit"),
        ([[1.0, None], [2.0]], {}, "no unit"),
        ([[7.0, 7.0], [7.0, 7.0]], {}, "all ratings are equal"),
        ([["A", "A"]], {"metric": "nominal"}, "all ratings are equal"),
        ([[1.0, math.nan]], {}, "not finite"),
        ([[1.0, 2.0]], {"clusters": [1, 2]}, "2 clusters for 1 units"),
    ],
)
def test_alpha_refuses(units, options, problem):
    with pytest.raises(ValueError, match=problem):
        krippendorff_alpha(units, **options)


def raters(table) -> tuple[list[int], list[int]]:
    pairs = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    return [i for i, _ in pairs], [j for _, j in pairs]


def test_kappa_by_hand():
    found = cohens_kappa(*raters([[20, 5], [10, 15]]))
    assert found.value == pytest.approx((0.7 - 0.5) / (1 - 0.5))
    assert found.n == 50


def test_kappa_and_its_spread_are_those_of_the_delta_method():
    table = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]])  # Fleiss (1981), table 13.1: 0.68
    found = cohens_kappa(*raters(table.tolist()))
    assert round(found.value, 2) == 0.68

    def kappa(shares):
        chance = shares.sum(0) @ shares.sum(1)
        return (np.trace(shares) - chance) / (1 - chance)

    shares, step = table / 100, 1e-6
    slope = np.zeros((3, 3))
    for place in itertools.product(range(3), repeat=2):
        moved = shares.copy()
        moved[place] += step
        slope[place] = (kappa(moved) - kappa(shares)) / step
    variance = ((shares * slope**2).sum() - (shares * slope).sum() ** 2) / 100
    half = 1.959964 * math.sqrt(variance)
    expected = (found.value - half, found.value + half)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-4)


def test_kappa_of_full_agreement_is_not_a_point():
    found = cohens_kappa(*raters([[20, 0], [0, 20]]))
    assert found.value == found.high == 1.0
    assert found.low == pytest.approx(2 * clopper_pearson_interval(40, 40)[0] - 1)


def test_kappa_of_a_rater_who_always_says_the_same_is_0():
    found = cohens_kappa(["A", "B"] * 10, ["A"] * 20)
    assert found.value == 0.0
    assert found.low < -0.3
    assert found.high > 0.3


@pytest.mark.parametrize("rest", [2, 6, 10, 11, 13])
def test_kappa_of_a_rater_with_one_answer_whose_variance_is_rounded_below_zero(rest):
    found = cohens_kappa(["A"] + ["B"] * rest, ["A"] * (rest + 1))
    assert found.value == pytest.approx(0)
    assert found.low < 0 < found.high


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [([], [], "0 and 0"), (["A"], ["A", "B"], "1 and 2"), (["A"] * 3, ["A"] * 3, "one category")],
)
def test_kappa_refuses(first, second, problem):
    with pytest.raises(ValueError, match=problem):
        cohens_kappa(first, second)


def test_the_mean_kappa_of_one_rater_twice_is_its_kappa():
    rng = np.random.default_rng(1)
    truth = rng.choice(["a", "b", "c"], 90).tolist()
    rater = [t if rng.random() < 0.7 else "a" for t in truth]
    once, twice = cohens_kappa(truth, rater), mean_kappa(truth, [rater, rater])
    assert twice.value == pytest.approx(once.value)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high), abs=0.02)


def test_the_mean_kappa_by_leaving_out_each_unit_by_hand():
    rng = np.random.default_rng(2)
    truth = rng.choice(["a", "b"], 12).tolist()
    raters = [[t if rng.random() < 0.8 else "b" for t in truth] for _ in range(2)]

    def mean(kept: list[int]) -> float:
        own = [truth[i] for i in kept]
        return float(np.mean([cohens_kappa(own, [one[i] for i in kept]).value for one in raters]))

    everyone = list(range(12))
    without = [mean(everyone[:i] + everyone[i + 1 :]) for i in everyone]
    error = math.sqrt(11 / 12 * float(((without - np.mean(without)) ** 2).sum()))
    found = mean_kappa(truth, raters)
    assert found.value == pytest.approx(mean(everyone))
    assert found.high - found.value == pytest.approx(min(2.201 * error, 1 - found.value), abs=1e-3)


def test_the_mean_kappa_holds_the_truth():
    # Two orders that err together, on 100 pairs: kappa 0.6 each.
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        truth = rng.integers(0, 2, 100)
        same, lone = rng.random(100) < 0.1, rng.random((2, 100)) < 0.1 / 0.9
        raters = [np.where(same | own, 1 - truth, truth).tolist() for own in lone]
        found = mean_kappa(truth.tolist(), raters)
        held += found.low <= 0.6 <= found.high
    assert 0.93 <= held / 400 <= 0.98


def test_raters_without_a_fault_have_an_interval_all_the_same():
    found = mean_kappa(list("aabb") * 5, [list("aabb") * 5] * 2)
    assert found.value == found.high == 1
    assert 0.5 < found.low < 1


@pytest.mark.parametrize("raters", [[["a"] * 4], [["a", "b"]]])
def test_what_has_no_mean_kappa(raters):
    with pytest.raises(ValueError, match=r"one category only|4 units, and"):
        mean_kappa(["a"] * 4, raters)
