from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom, norm

from harness.stats import holm, mcnemar_exact, sign_flip_test


@pytest.mark.parametrize(
    ("b", "c", "p"),
    [
        (0, 0, 1.0),
        (1, 7, 18 / 256),  # 2 * (1 + 8) / 2**8
        (12, 2, 2 * (1 + 14 + 91) / 2**14),
        (5, 5, 1.0),
    ],
)
def test_mcnemar_by_hand(b, c, p):
    assert mcnemar_exact(b, c) == pytest.approx(p)
    assert mcnemar_exact(c, b) == pytest.approx(p)


def test_mcnemar_is_the_exact_binomial_test():
    from scipy.stats import binomtest

    pairs = [*product(range(12), repeat=2), (3, 80), (431, 502), (0, 900)]
    for b, c in pairs[1:]:
        wanted = float(binomtest(b, b + c, 0.5).pvalue)
        assert mcnemar_exact(b, c) == pytest.approx(wanted, rel=1e-14, abs=0)


def test_mcnemar_refuses_negative():
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 2)


def test_holm_by_hand():
    # Sorted: 0.005 * 4, 0.01 * 3, max(0.03, 0.03 * 2), max(0.06, 0.04).
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.6, 0.9]) == [1.0, 1.0]


@pytest.mark.parametrize("discordant", [5, 6, 17, 40, 100])
def test_mcnemar_raises_at_most_five_percent_false_alarms(discordant):
    """Exactly, over all ways in which equal sides can share the discordant pairs."""
    alarms = [mcnemar_exact(b, discordant - b) <= 0.05 for b in range(discordant + 1)]
    assert binom.pmf(np.arange(discordant + 1), discordant, 0.5)[alarms].sum() <= 0.05


def test_mcnemar_false_alarms_simulated():
    rng = np.random.default_rng(0)
    tables = rng.multinomial(300, [0.1, 0.1, 0.8], size=2000)[:, :2]
    found = {pair: mcnemar_exact(*pair) for pair in set(map(tuple, tables.tolist()))}
    alarms = np.mean([found[tuple(pair)] <= 0.05 for pair in tables.tolist()])
    assert 0.02 < alarms <= 0.05


@pytest.mark.parametrize(("won", "lost"), [(7, 1), (3, 3), (6, 0), (9, 2)])
def test_sign_flips_of_single_samples_are_mcnemars_test(won, lost):
    differences = [1.0] * won + [-1.0] * lost + [0.0] * 100
    assert sign_flip_test(differences, resamples=2**12) == pytest.approx(mcnemar_exact(won, lost))


def test_sign_flips_by_hand_and_at_random():
    # 1 + 2 + 3 in one direction: 2 of 8 patterns are as extreme.
    assert sign_flip_test([1.0, 2.0, 3.0]) == pytest.approx(0.25)
    assert sign_flip_test([0.0, 0.0]) == 1.0
    assert sign_flip_test([0.0, 2.5, 0.0]) == 1.0
    many = np.random.default_rng(0).normal(0.15, 1, size=200)
    first, second = (sign_flip_test(many, seed=seed) for seed in (0, 1))
    t_test = 2 * norm.sf(many.mean() / many.std() * 200**0.5)
    assert first == sign_flip_test(many)
    assert first != second
    assert first == pytest.approx(t_test, abs=0.02)


@pytest.mark.parametrize("differences", [[], [1.0, float("nan")]])
def test_sign_flips_refuse(differences):
    with pytest.raises(ValueError, match="at least one difference"):
        sign_flip_test(differences)
