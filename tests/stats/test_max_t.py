from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest

from harness.stats.max_t import max_t


def steps(units: int, comparisons: int, *, seed: int = 0, share: float = 0.3) -> np.ndarray:
    """Differences of right answers, in -1, 0, 1, of shape [units, comparisons]."""
    rng = np.random.default_rng(seed)
    moved = rng.random((units, comparisons)) < share
    return moved * rng.choice([-1.0, 1.0], (units, comparisons))


def test_all_sign_patterns_by_brute_force():
    table = steps(8, 3, share=0.8)
    value = table.sum(0)
    errors = np.sqrt((table**2).sum(0))
    top = [np.abs(np.array(signs) @ table / errors).max() for signs in product((-1, 1), repeat=8)]
    wanted = [np.mean(np.array(top) >= abs(one) - 1e-9) for one in value / errors]
    (found,) = max_t(value, table)
    assert found.p.tolist() == pytest.approx(wanted)
    assert found.errors == pytest.approx(errors)


def test_one_comparison_is_mcnemars_test():
    table = np.zeros((400, 1))
    table[:30], table[30:45] = 1.0, -1.0
    (found,) = max_t(table.sum(0), table, seed=3)
    assert found.p[0] == pytest.approx(binomtest(15, 45, 0.5).pvalue, abs=0.006)


def test_p_and_interval_never_contradict_each_other():
    for seed in range(60):
        units = (6, 12, 40, 200)[seed % 4]
        table = steps(units, 4, seed=seed) + 0.15 * (seed % 3)
        value = table.sum(0)
        (found,) = max_t(value, table, flips=999, seed=seed)
        outside = np.abs(value) > found.critical * found.errors
        assert (outside == (found.p < 0.05)).all(), seed


def test_more_comparisons_ask_for_more_and_equal_ones_for_no_more():
    table = steps(300, 6)
    value = table.sum(0)
    one, six = max_t(value[:1], table[:, :1])[0], max_t(value, table)[0]
    assert six.critical > one.critical + 0.3
    assert six.p[0] > one.p[0]
    same = np.repeat(table[:, :1], 6, axis=1)
    assert max_t(same.sum(0), same)[0].critical == pytest.approx(one.critical)


def test_families_stand_by_themselves():
    table = steps(200, 5)
    value = table.sum(0)
    first, second = max_t(value, table, families=["a", "b", "a", "b", "b"])
    assert first.p == pytest.approx(max_t(value[[0, 2]], table[:, [0, 2]])[0].p, abs=0.02)
    assert len(second.p) == 3


def test_a_unit_that_takes_no_part_changes_nothing():
    table = steps(9, 2, share=0.9)
    more = np.vstack([np.zeros((500, 2)), table])
    assert max_t(table.sum(0), table)[0].p == pytest.approx(max_t(table.sum(0), more)[0].p)


def test_nothing_that_differs_is_not_shown():
    (found,) = max_t([0.0, 3.0], np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]))
    assert found.p[0] == 1.0
    assert found.errors[0] == 0.0
    assert found.p[1] == pytest.approx(0.25)


@pytest.mark.parametrize("families", [None, [0, 0, 0, 1, 1]])
def test_few_false_claims_in_a_family(families):
    # Five correlated differences of 120 samples, none of them true: 400 families.
    rng = np.random.default_rng(1)
    claimed = 0
    for seed in range(400):
        common = rng.normal(size=(120, 1))
        table = np.sign(common + rng.normal(size=(120, 5))) * (rng.random((120, 5)) < 0.25)
        found = max_t(table.sum(0), table, families=families, flips=399, seed=seed)
        claimed += bool(found[0].p.min() < 0.05)
    assert 0.01 <= claimed / 400 <= 0.08


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="columns of shape"):
        max_t([0.0, 1.0], np.zeros((4, 3)))
    with pytest.raises(ValueError, match="not finite"):
        max_t([np.nan], np.zeros((4, 1)))
