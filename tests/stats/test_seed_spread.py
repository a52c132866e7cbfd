from __future__ import annotations

import numpy as np
import pytest

from harness.stats.seed_spread import spread_over_draws


def table(draws: int, n: int, *, apart: float, seed: int) -> np.ndarray:
    """Draws whose true accuracies have a standard deviation of `apart`; the samples differ too."""
    rng = np.random.default_rng(seed)
    easy = rng.beta(4, 2, size=n)
    shift = rng.normal(0, apart, size=draws)
    return rng.random((draws, n)) < np.clip(easy[None, :] + shift[:, None], 0, 1)


def test_cochran_is_that_of_statsmodels():
    from statsmodels.stats.contingency_tables import cochrans_q

    right = table(4, 120, apart=0.05, seed=1)
    assert spread_over_draws(right).p == pytest.approx(cochrans_q(right.T.astype(int)).pvalue)


def test_the_variance_is_that_of_a_two_way_layout():
    right = table(3, 50, apart=0.1, seed=2).astype(float)
    n, draws = right.shape[1], right.shape[0]
    grand, rows, columns = right.mean(), right.mean(axis=1), right.mean(axis=0)
    between = n * ((rows - grand) ** 2).sum() / (draws - 1)
    total = ((right - grand) ** 2).sum()
    rest = total - n * ((rows - grand) ** 2).sum() - draws * ((columns - grand) ** 2).sum()
    within = rest / ((draws - 1) * (n - 1))
    found = spread_over_draws(right.astype(bool))
    assert found.share == pytest.approx(max(0.0, 1 - within / between))
    assert found.chance_sd == pytest.approx(np.sqrt(within / n))
    assert found.sd == pytest.approx(np.std(rows, ddof=1))
    assert (found.low, found.high) == (rows.min(), rows.max())
    assert (found.draws, found.n) == (3, 50)


def test_equal_draws_are_called_different_as_rarely_as_promised():
    found = [spread_over_draws(table(3, 300, apart=0.0, seed=seed)) for seed in range(400)]
    assert sum(one.p < 0.05 for one in found) <= 32  # 20 expected; above 32 is p < 0.005
    ratio = np.mean([one.sd**2 for one in found]) / np.mean([one.chance_sd**2 for one in found])
    assert 0.85 < ratio < 1.15


def test_different_draws_are_found_and_take_their_share():
    found = [spread_over_draws(table(5, 1000, apart=0.06, seed=seed)) for seed in range(50)]
    assert sum(one.p < 0.05 for one in found) >= 45
    assert np.median([one.share for one in found]) > 0.8


def test_identical_draws():
    found = spread_over_draws([[True, False, True]] * 3)
    assert (found.sd, found.share, found.p) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("right", [[[True, False]], [[True], [False]], [True, False]])
def test_too_little_to_compare(right):
    with pytest.raises(ValueError, match="not \\[draws, samples\\]"):
        spread_over_draws(right)


def test_clusters_of_one_sample_change_nothing():
    right = table(4, 120, apart=0.05, seed=1)
    found = spread_over_draws(right, clusters=[str(i) for i in range(120)])
    plain = spread_over_draws(right)
    assert found.p == pytest.approx(plain.p)
    assert (found.share, found.chance_sd) == pytest.approx((plain.share, plain.chance_sd))


def test_draws_of_clusters_are_rarely_called_different():
    """Sixty clusters of five, whose samples are right or wrong together in each draw."""
    names = [str(i // 5) for i in range(300)]
    right = [np.repeat(table(3, 60, apart=0.0, seed=seed), 5, axis=1) for seed in range(300)]
    found = [spread_over_draws(one, clusters=names) for one in right]
    assert sum(one.p < 0.05 for one in found) <= 27  # 15 expected; above 27 is p < 0.002
    assert sum(spread_over_draws(one).p < 0.05 for one in right) > 90
    ratio = np.mean([one.sd**2 for one in found]) / np.mean([one.chance_sd**2 for one in found])
    assert 0.85 < ratio < 1.15
    assert found[0].mean == pytest.approx(right[0].mean())


def test_one_cluster_is_refused():
    with pytest.raises(ValueError, match="1 cluster"):
        spread_over_draws([[True, False]] * 2, clusters=["a", "a"])
