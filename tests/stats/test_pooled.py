import numpy as np
import pytest
from scipy.stats import f, ttest_1samp

from harness.stats.pooled import differ, pooled


def taken_apart(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences of shape [units, draws] -> their means and what each unit moves these by."""
    means = table.mean(0)
    return means, (table - means) / len(table)


def test_one_draw_is_the_t_test_of_its_samples():
    table = np.random.default_rng(0).normal(0.1, 1.0, (80, 1))
    found = pooled(*taken_apart(table))
    wanted = ttest_1samp(table[:, 0], 0.0)
    interval = wanted.confidence_interval()
    # Degrees of freedom go by the fourth moment: 79 here, or a little less.
    assert found.p == pytest.approx(wanted.pvalue, rel=0.02)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=0.002)
    assert found.draws == 1


def test_draws_that_agree_beyond_their_samples_add_nothing():
    one = np.random.default_rng(0).normal(0.1, 1.0, 80)
    found = pooled(*taken_apart(np.stack([one, one, one], axis=1)))
    alone = pooled(*taken_apart(one[:, None]))
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))


def test_draws_that_differ_are_the_units_of_a_t_test():
    # Next to no noise of samples: what is left is Student's test of the draws.
    means = np.array([0.10, 0.02, 0.07, 0.15])
    table = means + np.random.default_rng(0).normal(0.0, 1e-6, (500, 4))
    found = pooled(*taken_apart(table))
    wanted = ttest_1samp(means, 0.0)
    assert found.p == pytest.approx(wanted.pvalue, rel=1e-3)
    assert found.low < means.mean() < found.high


@pytest.mark.parametrize("common", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("spread", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("draws", [3, 5])
def test_the_interval_holds_the_truth_over_draws(draws, spread, common):
    # 400 samples that all draws share, 300 studies; the truth is 0 on average over draws.
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        shared = rng.normal(size=(400, 1))
        effect = rng.normal(0.0, spread, draws)
        found = pooled(*taken_apart(effect + common * shared + rng.normal(size=(400, draws))))
        held += found.low <= 0 <= found.high
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)
    assert 0.90 <= held / 300 <= 0.997


@pytest.mark.parametrize(("prompts", "draws"), [(4, 3), (6, 1)])
def test_the_interval_holds_the_truth_over_prompts(prompts, draws):
    rng = np.random.default_rng(4)
    held = alone = 0
    names = [prompt for prompt in range(prompts) for _ in range(draws)]
    seeds = list(range(draws)) * prompts
    for _ in range(300):
        effects = np.repeat(rng.normal(0.0, 0.2, prompts), draws)
        if draws > 1:
            effects += np.tile(rng.normal(0.0, 0.2, draws), prompts)
        shared = rng.normal(size=(400, 1))
        table = effects + shared + rng.normal(size=(400, len(names)))
        means, moved = taken_apart(table)
        found = pooled(means, moved, draws=seeds, wordings=names)
        held += found.low <= 0 <= found.high
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)
        assert (found.draws, found.wordings) == (draws, prompts)
        fixed = pooled(means, moved, draws=seeds)
        alone += fixed.low <= 0 <= fixed.high
    assert 0.91 <= held / 300 <= 0.997
    assert alone < held


def test_few_units_that_move_most_are_not_counted_with_the_others():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(500):
        few, many = rng.normal(size=5), rng.normal(size=200) * 0.02
        moved = np.concatenate([few, many])[:, None] / 5
        found = pooled([float(rng.normal() / 5**0.5)], moved)
        held += found.low <= 0 <= found.high
    assert held / 500 >= 0.92  # 0.90 with the degrees of freedom of 205


def test_samples_alone_would_not_hold_it():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        table = rng.normal(0.0, 0.2, 3) + rng.normal(size=(400, 1)) + rng.normal(size=(400, 3))
        means, influences = taken_apart(table)
        found = pooled([means.mean()], influences.mean(1)[:, None])
        held += found.low <= 0 <= found.high
    assert held / 300 < 0.85


def test_units_that_tell_nothing_give_no_estimate():
    assert pooled([0.5], np.zeros((30, 1))) is None
    assert pooled([0.5], np.zeros((1, 1))) is None


def test_equal_differences_are_not_called_different():
    rng = np.random.default_rng(3)
    called = 0
    for _ in range(400):
        table = rng.normal(size=(150, 1)) + rng.normal(size=(150, 4))
        called += differ(*taken_apart(table)) < 0.05
    assert 0.02 <= called / 400 <= 0.085


def test_different_ones_are_and_the_statistic_is_hotellings():
    table = np.random.default_rng(4).normal([0.0, 0.0, 0.5], 1.0, (4000, 3))
    means, influences = taken_apart(table)
    steps = means[1:] - means[0]
    cover = np.cov(table[:, 1:].T - table[:, 0]) / 4000
    squared = steps @ np.linalg.solve(cover, steps)
    wanted = f.sf(squared * 3998 / (2 * 3999), 2, 3998)
    assert np.log(differ(means, influences)) == pytest.approx(np.log(wanted), rel=1e-3)


def test_too_few_units_tell_nothing_of_differences():
    table = np.random.default_rng(4).normal(size=(4, 5))
    assert differ(*taken_apart(table)) is None
    assert differ([0.1], np.zeros((30, 1))) is None
    with pytest.raises(ValueError, match="influences of shape"):
        differ([0.1], np.zeros((30, 2)))
