from __future__ import annotations

import numpy as np
import pytest

from harness.stats import (
    auc_interval,
    clopper_pearson_interval,
    cluster_auc_interval,
    cluster_interval,
    cluster_proportion_interval,
)


def test_mean_equals_statsmodels():
    from statsmodels.api import OLS

    rng = np.random.default_rng(0)
    clusters = rng.integers(0, 12, size=90)
    values = rng.normal(size=90) + 0.1 * clusters
    fit = OLS(values, np.ones(90)).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "df_correction": True}, use_t=True
    )
    assert cluster_interval(values, clusters) == pytest.approx(tuple(fit.conf_int()[0]))
    found = cluster_interval(values, [str(one) for one in clusters], level=0.8)
    assert found == pytest.approx(tuple(fit.conf_int(alpha=0.2)[0]))


def test_samples_by_themselves_give_the_plain_interval():
    values = np.random.default_rng(1).normal(size=40)
    half = 2.0227 * values.std(ddof=1) / np.sqrt(40)  # t with 39 degrees of freedom
    expected = (values.mean() - half, values.mean() + half)
    assert cluster_interval(values, range(40)) == pytest.approx(expected, abs=1e-4)
    right = [True] * 30 + [False] * 10
    found = cluster_proportion_interval(right, range(40))
    # The residual variance has n - 1, so the effective number is just below 40.
    assert found == pytest.approx(clopper_pearson_interval(30, 40), abs=5e-3)


def test_copies_of_a_sample_count_once():
    right = [True, False, True, True, True, False, True, True]
    once = cluster_proportion_interval(right, range(8))
    often = cluster_proportion_interval(np.repeat(right, 50), np.repeat(np.arange(8), 50))
    # It is known that they are copies only by the variance, which rests on 7 degrees of freedom.
    assert often[0] < once[0] < once[1] < often[1]
    assert often[1] - often[0] > 0.6
    assert cluster_interval(np.repeat(right, 50), np.repeat(np.arange(8), 50)) == pytest.approx(
        cluster_interval(np.array(right, dtype=float), range(8))
    )


@pytest.mark.parametrize(("right", "n"), [(True, 6), (False, 6)])
def test_a_rate_without_spread_rests_on_the_clusters(right, n):
    found = cluster_proportion_interval([right] * 60, np.arange(60) % n)
    assert found == clopper_pearson_interval(n * right, n)


def test_clusters_that_balance_never_narrow_the_interval():
    right = [True, False] * 20  # one right and one wrong in every cluster: no variance between
    clusters = np.repeat(np.arange(20), 2)
    assert cluster_proportion_interval(right, clusters) == clopper_pearson_interval(20, 40)


def drawn(rng, groups, size, p, correlation):
    """Answers whose chance to be right differs between clusters."""
    a, b = (share * (1 - correlation) / correlation for share in (p, 1 - p))
    return (rng.random((groups, size)) < rng.beta(a, b, size=(groups, 1))).ravel()


@pytest.mark.parametrize(("groups", "size", "p"), [(10, 5, 0.8), (50, 4, 0.9), (20, 10, 0.98)])
def test_proportion_covers_where_the_plain_interval_does_not(groups, size, p):
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(groups), size)
    hits = plain = 0
    for _ in range(300):
        right = drawn(rng, groups, size, p, 0.3)
        low, high = cluster_proportion_interval(right, clusters)
        hits += low <= p <= high
        low, high = clopper_pearson_interval(int(right.sum()), right.size)
        plain += low <= p <= high
    assert hits >= 279  # 93%
    assert plain <= 273


def test_auc_covers_where_a_cluster_shares_its_noise():
    truth, clusters = 0.7602, np.repeat(np.arange(40), 4)
    positives = clusters % 2 == 0
    rng = np.random.default_rng(0)
    hits = plain = 0
    for _ in range(200):
        shared = rng.normal(size=40)[clusters] * np.sqrt(0.5)
        scores = shared + rng.normal(size=160) * np.sqrt(0.5) + positives
        low, high = cluster_auc_interval(scores, positives, clusters)
        hits += low <= truth <= high
        low, high = auc_interval(scores, positives)
        plain += low <= truth <= high
    assert hits >= 184
    assert plain <= 170


def test_auc_of_single_samples_is_delongs():
    rng = np.random.default_rng(2)
    positives = np.arange(200) % 2 == 0
    scores = rng.normal(size=200) + positives
    low, high = cluster_auc_interval(scores, positives, range(200))
    up = np.array([(one > scores[~positives]).mean() for one in scores[positives]])
    down = np.array([(scores[positives] > one).mean() for one in scores[~positives]])
    half = 1.972 * np.sqrt(up.var(ddof=1) / 100 + down.var(ddof=1) / 100)
    assert (high - low) / 2 == pytest.approx(half, rel=0.03)
    # Student's t of 198 degrees of freedom in place of the normal distribution.
    assert (low, high) == pytest.approx(auc_interval(scores, positives), abs=0.001)


def test_auc_of_full_separation_is_not_a_point():
    found = cluster_auc_interval([1.0] * 12 + [0.0] * 12, [True] * 12 + [False] * 12,
                                 [0, 1, 2] * 4 + [3, 4, 5, 6] * 3)  # fmt: skip
    assert found == pytest.approx((0.025 ** (1 / 3), 1.0))  # 3 of 3 clusters


def test_auc_of_a_class_in_one_cluster_tells_nothing():
    scores, positives = [0.3, 0.1, 0.4, 0.2], [True, True, False, False]
    assert cluster_auc_interval(scores, positives, ["a", "a", "b", "c"]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("clusters", "problem"),
    [(["a"] * 4, "1 cluster: at least two"), (["a", "b"], "2 clusters for 4 samples")],
)
def test_what_is_refused(clusters, problem):
    right = [True, False, True, False]
    for refused in (
        lambda: cluster_interval([0.0, 1.0, 2.0, 3.0], clusters),
        lambda: cluster_proportion_interval(right, clusters),
        lambda: cluster_auc_interval([0.0, 1.0, 2.0, 3.0], right, clusters),
    ):
        with pytest.raises(ValueError, match=problem):
            refused()
    with pytest.raises(ValueError, match="not finite"):
        cluster_interval([0.0, np.nan], ["a", "b"])
    with pytest.raises(ValueError, match="level 95"):
        cluster_interval([0.0, 1.0], ["a", "b"], level=95)
