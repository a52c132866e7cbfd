"""What two sides are planned to differ by, from the runs of a baseline: simulated."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pytest

from harness.figures import by_sample
from harness.gates.looks import look_verdict, take_look
from harness.planning.seen import _own
from harness.records import Contrast, Result
from harness.stats import over_seeds, paired_auc
from harness.stats.auc import auc
from harness.stats.planned import mde_look, mde_margin, pairs_error, shown_by

DRAWS, TOLERANCE = 800, 0.05
LABELS = ["negative", "positive"]
CASES = [(400, 0.3, 2), (1000, 0.1, 5), (2000, 0.05, 3)]


@pytest.fixture(autouse=True)
def _no_sign_flips(monkeypatch):
    """Leave the p-values out, which take most of the time and decide no gate."""
    monkeypatch.setattr(over_seeds, "sign_flip_test", lambda *_, **__: 1.0)


def right_answers(rng, fixed, coins, *, gain=0.0):
    """Return whether the answers of a run are right, changed by a gain or loss of the fixed."""
    wrong = ~fixed if gain > 0 else fixed
    moved = wrong & (rng.random(fixed.size) < abs(gain) / max(1e-9, wrong.mean()))
    right = np.where(moved, ~fixed, fixed)
    return np.where(coins, rng.random(fixed.size) < 0.5, right)


def results(right, odds=None):
    """Return a run's results by sample; every second sample is of the first label."""
    found = []
    for place, one in enumerate(right.tolist()):
        target = LABELS[place % 2]
        answer = target if one else LABELS[1 - place % 2]
        odd = None if odds is None else float(odds[place])
        found.append(Result("e", "c", str(place), "", "", target, answer, answer, bool(one), None,
                            {}, odd))  # fmt: skip
    return by_sample(found)


def planned_share(rng, n, coins, runs):
    """Return the share of pairs that the runs of a baseline say, over a few baselines."""
    shares = []
    for _ in range(8):
        fixed, drawn = rng.random(n) < 0.75, rng.random(n) < coins
        seen = _own([results(right_answers(rng, fixed, drawn)) for _ in range(runs)],
                    "accuracy", LABELS)  # fmt: skip
        assert seen.noise
        shares.append(seen.share)
    return fmean(shares)


def days(rng, n, coins, runs, gain):
    """Yield a day's comparison with a baseline of several runs, both drawn anew."""
    for _ in range(DRAWS):
        fixed, drawn = rng.random(n) < 0.75, rng.random(n) < coins
        # What coins decide cannot be lost or won.
        true = gain / (1 - coins)
        before = [right_answers(rng, fixed, drawn) for _ in range(runs)]
        now = right_answers(rng, fixed, drawn, gain=true)
        one = over_seeds.pooled_accuracy(np.array(before), now[None])
        yield Contrast("accuracy", one.first, one.second, one.low, one.high, one.p, one.lost,
                       one.won, one.n, 0, None)  # fmt: skip


@pytest.mark.parametrize(("n", "coins", "runs"), CASES)
def test_what_passes_by_the_runs_of_a_baseline_passes_in_80_percent(n, coins, runs):
    rng, margin = np.random.default_rng(5), 0.04
    share = planned_share(rng, n, coins, runs)
    assert share == pytest.approx(coins / 4 * (1 + 1 / runs), rel=0.15)
    true = -margin + mde_margin(n, share, -margin, noise=True)
    shown = [one.low >= -margin for one in days(rng, n, coins, runs, true)]
    assert np.mean(shown) == pytest.approx(0.8, abs=TOLERANCE)


@pytest.mark.parametrize(("n", "coins", "runs"), CASES)
def test_a_loss_by_the_runs_of_a_baseline_fails_a_look_in_80_percent(n, coins, runs):
    rng = np.random.default_rng(6)
    share = planned_share(rng, n, coins, runs)
    loss = mde_look(pairs_error(n, share, noise=True), 0.02, looks=250, units=n)
    failed = [
        look_verdict(one, 0.02, take_look(one, 250, units=n)) == "fail"
        for one in days(rng, n, coins, runs, -loss)
    ]
    assert np.mean(failed) == pytest.approx(0.8, abs=TOLERANCE)


def test_a_difference_of_aucs_by_the_runs_of_a_baseline_is_shown_in_80_percent():
    rng, n, noise = np.random.default_rng(7), 400, 0.5
    mask = np.arange(n) % 2 == 0

    def odds(base, shift=0.0):
        return base + noise * rng.normal(size=n) + mask * shift

    def base():
        return rng.normal(size=n) + mask * 1.2

    errors = []
    for _ in range(8):
        own = base()
        runs = [results(mask, odds(own)) for _ in range(2)]
        errors.append(_own(runs, "auc", LABELS).error / np.sqrt(n))
    # Of one run in place of the mean of two.
    far = shown_by(fmean(errors) * np.sqrt(2 / 1.5))
    shift = next(one for one in np.arange(0, 1, 0.005) if fmean(
        auc(odds(own, one), mask) - auc(odds(own), mask) for own in (base() for _ in range(60))
    ) >= far)  # fmt: skip
    shown = 0
    for _ in range(DRAWS):
        own = base()
        shown += paired_auc(odds(own), odds(own, shift), mask).low > 0
    assert shown / DRAWS == pytest.approx(0.8, abs=TOLERANCE)


def test_runs_that_do_not_differ_say_nothing():
    right = results(np.arange(40) % 3 > 0)
    assert _own([right, right, right], "accuracy", LABELS) is None
