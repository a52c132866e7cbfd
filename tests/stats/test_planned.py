"""Detectable differences before a run, by simulation: what is stated is found in 80%."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtri

from harness.figures.slices import simultaneous_difference
from harness.gates.looks import look_verdict, take_look
from harness.records import Contrast
from harness.stats import auc, auc_interval, mde_paired, mde_proportion, paired_accuracy, paired_auc
from harness.stats.intervals import clopper_pearson_interval
from harness.stats.planned import (
    equal_passes,
    mde_counts,
    mde_look,
    mde_margin,
    pairs_error,
)
from harness.stats.planned_auc import mde_auc, mde_paired_auc, planned_auc_variance
from harness.stats.slices import widening

DRAWS = 1500
TOLERANCE = 0.04


def normal_scores(rng, mask, area):
    return rng.normal(size=mask.size) + mask * math.sqrt(2) * ndtri(area)


@pytest.mark.parametrize(("n", "share", "area"), [(300, 0.5, 0.8), (300, 0.2, 0.9), (80, 0.5, 0.7)])
def test_the_planned_variance_of_an_auc_is_that_of_draws(n, share, area):
    rng, mask = np.random.default_rng(5), np.arange(n) < n * share
    found = np.var([auc(normal_scores(rng, mask, area), mask) for _ in range(DRAWS)])
    assert found == pytest.approx(planned_auc_variance(area, mask.sum(), (~mask).sum()), rel=0.12)


@pytest.mark.parametrize(("n", "threshold"), [(300, 0.75), (100, 0.8), (2000, 0.9)])
def test_an_auc_above_its_threshold_is_shown_in_80_percent(n, threshold):
    rng, mask = np.random.default_rng(1), np.arange(n) < n / 2
    far = mde_auc(n // 2, n // 2, threshold)
    assert math.isfinite(far)
    sides = [side for side in (far, -far) if 0 < threshold + side < 1]
    rates = []
    for side in sides:
        shown = 0
        for _ in range(DRAWS):
            low, high = auc_interval(normal_scores(rng, mask, threshold + side), mask)
            shown += low > threshold if side > 0 else high < threshold
        rates.append(shown / DRAWS)
    # The greater distance counts, so that the other direction may be shown more often.
    assert min(rates) == pytest.approx(0.8, abs=TOLERANCE)


@pytest.mark.parametrize(("few", "many", "threshold"), [(10, 100, 0.6), (20, 200, 0.8)])
def test_few_samples_of_a_label_are_planned_as_their_interval_says(few, many, threshold):
    rng, mask = np.random.default_rng(1), np.arange(few + many) < few
    far = mde_auc(few, many, threshold)
    shown = sum(auc_interval(normal_scores(rng, mask, threshold - far), mask)[1] < threshold
                for _ in range(DRAWS))  # fmt: skip
    assert shown / DRAWS == pytest.approx(0.8, abs=0.06)
    wide = mde_paired_auc(few, many, 0.8, 0.5)
    areas = 0.8 - wide / 2, 0.8 + wide / 2
    shown = sum(paired_auc(*correlated(rng, mask, areas, 0.5), mask).low > 0 for _ in range(500))
    assert shown / 500 == pytest.approx(0.8, abs=0.1)


def correlated(rng, mask, areas, correlation):
    """Return scores of two sides with these AUCs, correlated within each class."""
    one, other = rng.normal(size=(2, mask.size))
    other = correlation * one + math.sqrt(1 - correlation**2) * other
    return [noise + mask * math.sqrt(2) * ndtri(area)
            for noise, area in zip((one, other), areas, strict=True)]  # fmt: skip


@pytest.mark.parametrize(("n", "area", "of_scores"), [(300, 0.8, 0.5), (1000, 0.9, 0.8)])
def test_a_difference_of_aucs_is_shown_in_80_percent(n, area, of_scores):
    rng, mask = np.random.default_rng(2), np.arange(n) < n / 2
    drawn = [[auc(one, mask) for one in correlated(rng, mask, (area, area), of_scores)]
             for _ in range(4000)]  # fmt: skip
    correlation = float(np.corrcoef(np.array(drawn).T)[0, 1])
    found = mde_paired_auc(n // 2, n // 2, area, correlation)
    areas = area - found / 2, area + found / 2
    shown = sum(
        paired_auc(*correlated(rng, mask, areas, of_scores), mask).low > 0 for _ in range(DRAWS)
    )
    assert shown / DRAWS == pytest.approx(0.8, abs=TOLERANCE)


def pairs(rng, n, accuracy, discordant, difference):
    """Return the answers of two sides of which so many differ."""
    won, lost = (discordant + difference) / 2, (discordant - difference) / 2
    kind = rng.choice(4, size=n, p=[won, lost, accuracy - lost, 1 - accuracy - won])
    return (kind == 1) | (kind == 2), (kind == 0) | (kind == 2)


@pytest.mark.parametrize(
    ("n", "discordant", "margin"),
    [(300, 0.2, -0.05), (300, 0.1, 0.0), (2000, 0.15, -0.02), (1000, 0.2, 0.03)],
)
def test_a_difference_of_accuracies_is_shown_beyond_its_margin_in_80_percent(n, discordant, margin):
    rng = np.random.default_rng(3)
    true = margin + mde_margin(n, discordant, margin)
    shown = sum(
        paired_accuracy(*pairs(rng, n, 0.7, max(discordant, abs(true)), true)).low > margin
        for _ in range(DRAWS)
    )
    assert shown / DRAWS == pytest.approx(0.8, abs=TOLERANCE)


@pytest.mark.parametrize(("n", "discordant"), [(300, 0.2), (2000, 0.1)])
def test_a_difference_of_accuracies_is_tested_in_80_percent(n, discordant):
    rng, found = np.random.default_rng(4), mde_paired(n, discordant)
    shown = sum(
        paired_accuracy(*pairs(rng, n, 0.7, discordant, found)).p < 0.05 for _ in range(DRAWS)
    )
    assert shown / DRAWS == pytest.approx(0.8, abs=TOLERANCE)


@pytest.mark.parametrize(("n", "threshold"), [(300, 0.75), (60, 0.5)])
def test_a_rate_beyond_its_threshold_is_shown_in_80_percent(n, threshold):
    rng, far = np.random.default_rng(6), mde_proportion(n, threshold)
    right = rng.binomial(n, threshold + far, size=DRAWS)
    shown = sum(clopper_pearson_interval(int(one), n)[0] > threshold for one in right)
    assert shown / DRAWS >= 0.8 - TOLERANCE


@pytest.mark.parametrize(("n", "discordant", "margin"), [(300, 0.2, 0.05), (2000, 0.1, 0.02)])
def test_equal_sides_pass_as_often_as_said(n, discordant, margin):
    rng = np.random.default_rng(7)
    passed = sum(
        paired_accuracy(*pairs(rng, n, 0.7, discordant, 0.0)).low >= -margin for _ in range(DRAWS)
    )
    assert passed / DRAWS == pytest.approx(
        equal_passes(math.sqrt(discordant / n), margin), abs=TOLERANCE
    )


def contrast_of(found):
    return Contrast("accuracy", found.first, found.second, found.low, found.high, found.p,
                    found.lost, found.won, found.n, 0, None)  # fmt: skip


@pytest.mark.parametrize(
    ("n", "discordant", "margin", "looks"),
    [(2000, 0.05, 0.0, 250), (2000, 0.2, 0.03, 250), (300, 0.2, 0.1, 50), (300, 0.1, 0.2, 10),
     (600, 0.1, 0.0, 1)],
)  # fmt: skip
def test_a_loss_fails_one_of_many_looks_in_80_percent(n, discordant, margin, looks):
    """With a wide margin it is that which must be reached, else what a look shows."""
    rng = np.random.default_rng(3)
    loss = mde_look(pairs_error(n, discordant), margin, looks=looks, units=n)
    failed = 0
    for _ in range(DRAWS):
        found = contrast_of(paired_accuracy(*pairs(rng, n, 0.75, max(discordant, loss), -loss)))
        failed += look_verdict(found, margin, take_look(found, looks, units=n)) == "fail"
    assert failed / DRAWS == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("slices", [3, 8])
def test_what_one_of_several_slices_shows_is_shown_in_80_percent(slices):
    """By intervals that hold for all slices together, as gates on the worst slice have."""
    rng, n, wider = np.random.default_rng(8), 200, widening(slices, 200)
    mask = np.arange(n) < n / 2
    far = mde_auc(n // 2, n // 2, 0.75, alpha=0.05 / slices)
    true = -0.05 + mde_margin(n, 0.2, -0.05, alpha=0.05 / slices)
    above = below = margins = 0
    for _ in range(DRAWS):
        for side in (far, -far):
            scores = normal_scores(rng, mask, 0.75 + side)
            value, (low, high) = auc(scores, mask), auc_interval(scores, mask)
            above += side > 0 and value - wider * (value - low) >= 0.75
            below += side < 0 and value + wider * (high - value) < 0.75
        found = simultaneous_difference(
            contrast_of(paired_accuracy(*pairs(rng, n, 0.7, max(0.2, abs(true)), true))), slices, n
        )
        margins += found.low >= -0.05
    assert min(above, below) / DRAWS == pytest.approx(0.8, abs=0.05)
    assert margins / DRAWS == pytest.approx(0.8, abs=0.05)


def test_a_rate_of_counts_is_found_as_its_own_interval_says():
    """Of Clopper and Pearson's it is what `mde_proportion` says."""
    for n, threshold in ((40, 0.5), (100, 0.8), (25, 0.0), (25, 1.0)):
        own = mde_counts(lambda right, n=n: clopper_pearson_interval(right, n), n, threshold)
        assert own == pytest.approx(mde_proportion(n, threshold), abs=1e-6)
    assert mde_counts(lambda _: (0.0, 1.0), 30, 0.5) == math.inf


def test_what_cannot_be_shown_is_infinite():
    assert mde_auc(1, 300, 0.8) == math.inf
    assert mde_paired_auc(1, 9, 0.8, 0.5) == math.inf
    assert mde_margin(4, 0.5, 0.5) == math.inf
    assert mde_auc(300, 300, 1.0) == math.inf
    assert mde_auc(2, 2, 0.5) == math.inf


@pytest.mark.parametrize(
    "call",
    [
        lambda: mde_auc(10, 10, 1.5),
        lambda: mde_paired_auc(10, 10, 0.8, 1.0),
        lambda: mde_margin(0, 0.2, 0.0),
        lambda: mde_margin(10, 0.2, 0.0, alpha=0.9),
    ],
)
def test_what_is_out_of_range_is_an_error(call):
    with pytest.raises(ValueError, match=r"^(an AUC|0 pairs|alpha)"):
        call()
