from __future__ import annotations

import numpy as np
import pytest

from harness.stats.resampling import expanded_level, group_sums, percentiles, resampled_sums


# Phi(-t * sqrt(n / (n - 1))) for a nominal 2.5% on each side, t from tables: 2.776, 2.262, ...
@pytest.mark.parametrize(
    ("n", "side"), [(5, 0.0010), (10, 0.0086), (20, 0.0159), (40, 0.0203), (100_000, 0.0250)]
)
def test_few_units_ask_for_a_wider_level(n, side):
    assert (1 - expanded_level(0.95, n)) / 2 == pytest.approx(side, abs=6e-5)


def test_an_expanded_interval_of_a_mean_is_student_s():
    from scipy.stats import t

    values = np.random.default_rng(0).normal(size=10)
    rows = np.stack([values, np.ones(10)], axis=1)
    sums = resampled_sums(rows, seed=0, resamples=200_000)
    found = percentiles(sums[:, 0] / sums[:, 1], expanded_level(0.95, 10))
    expected = t.interval(0.95, 9, values.mean(), values.std(ddof=1) / 10**0.5)
    # Equal in width but for the skewness, which the bootstrap sees and t does not.
    assert found[1] - found[0] == pytest.approx(expected[1] - expected[0], rel=0.05)


def test_rows_of_a_group_are_added_up():
    rows = np.arange(8.0).reshape(4, 2)
    assert group_sums(rows, ["b", "a", "b", "c"]).tolist() == [[4, 6], [2, 3], [6, 7]]


def test_groups_and_rows_must_be_as_many():
    with pytest.raises(ValueError, match="3 groups for 2 rows"):
        group_sums(np.zeros((2, 1)), [1, 2, 3])


def test_each_resample_draws_as_many_rows_as_there_are(monkeypatch):
    rows = np.stack([np.ones(7), np.arange(7.0)], axis=1)
    sums = resampled_sums(rows, seed=1, resamples=500)
    assert sums.shape == (500, 2)
    assert sums[:, 0] == pytest.approx(np.full(500, 7.0))
    assert sums[:, 1].mean() == pytest.approx(21, abs=1)
    assert sums[:, 1].std() == pytest.approx(np.arange(7).std() * 7**0.5, rel=0.1)
    monkeypatch.setattr("harness.stats.resampling._BLOCK", 70)
    assert resampled_sums(rows, seed=1, resamples=505).shape == (505, 2)
