from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from harness.figures import pair
from harness.figures.columns import column
from harness.figures.scores import CellScores
from harness.records import Result


def cell(odds, targets, *, clusters=None, missing=()):
    found = {}
    for at, (score, positive) in enumerate(zip(odds, targets, strict=True)):
        target = "yes" if positive else "no"
        answer = "yes" if score > 0 else "no"
        name = f"s{at:03}"
        if at in missing:
            continue
        found[name] = Result(
            evalset="e", cell="c", sample=name, prompt_key="", text="", target=target,
            answer=answer, calibrated=answer, correct=answer == target, reason=None, logprobs={},
            log_odds=float(score), cluster="" if clusters is None else f"g{clusters[at]}",
        )  # fmt: skip
    return found


@pytest.fixture
def drawn():
    rng = np.random.default_rng(0)
    targets = np.arange(60) % 3 > 0
    return targets, [rng.normal(targets * 0.8, 1.0) for _ in range(4)]


@pytest.mark.parametrize("figure", ["accuracy", "auc"])
@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("sides", [(1, 1), (2, 2), (1, 3)])
def test_it_is_the_difference_that_pair_returns(drawn, figure, clustered, sides):
    targets, odds = drawn
    clusters = np.arange(60) // 4 if clustered else None
    cells = [cell(one, targets, clusters=clusters, missing=(3 + at, 40)) for at, one in
             enumerate(odds)]  # fmt: skip
    first, second = cells[: sides[0]], cells[sides[0] : sum(sides)]
    wanted, _ = pair(first, second, figure, positive="yes")
    found = column([CellScores(one) for one in first], [CellScores(one) for one in second],
                   figure, positive="yes")  # fmt: skip
    assert found.value == pytest.approx(wanted.value)
    assert len(found.units) == (15 if clustered else wanted.n)
    assert found.influence.sum() == pytest.approx(0.0, abs=1e-12)


def test_a_step_of_an_accuracy_is_the_coin_of_mcnemars_test(drawn):
    targets, odds = drawn
    first, second = cell(odds[0], targets), cell(odds[1], targets)
    found = column([CellScores(first)], [CellScores(second)], "accuracy", positive="yes")
    wanted, _ = pair([first], [second], "accuracy", positive="yes")
    assert sorted(np.unique(np.round(found.values * 60, 9))) == [-1.0, 0.0, 1.0]
    assert (found.values > 0).sum() == wanted.won
    assert (found.values < 0).sum() == wanted.lost


def test_an_influence_is_what_a_sample_moves_the_area_by(drawn):
    # The jackknife of scikit-learn's area is the same to the first order.
    targets, odds = drawn
    first, second = cell(odds[0], targets), cell(odds[1], targets)
    found = column([CellScores(first)], [CellScores(second)], "auc", positive="yes")

    def difference(keep):
        a, b = (roc_auc_score(targets[keep], one[keep]) for one in odds[:2])
        return b - a

    every = np.arange(60)
    left_out = np.array([difference(np.delete(every, at)) for at in every])
    assert found.value == pytest.approx(difference(every))
    # What leaving it out takes away, but for its class's n: it is as DeLong's variance has it.
    size = np.where(targets, targets.sum(), (~targets).sum())
    wanted = (found.value - left_out) * np.sqrt((size - 1) / size)
    assert found.influence == pytest.approx(wanted, abs=1e-9)


def test_what_cannot_be_paired_is_none(drawn):
    targets, odds = drawn
    one = cell(odds[0], targets, clusters=np.zeros(60, int))
    assert column([CellScores(one)], [CellScores(one)], "accuracy", positive="yes") is None
    other = {name + "x": result for name, result in cell(odds[0], targets).items()}
    sides = CellScores(cell(odds[1], targets)), CellScores(other)
    assert column([sides[0]], [sides[1]], "accuracy", positive="yes") is None
    lone = cell(odds[0], np.arange(60) == 5)
    assert column([CellScores(lone)], [CellScores(lone)], "auc", positive="yes") is None


def with_nuls(results):
    """Give samples, and clusters, names that differ in nothing but the NULs at their end."""
    return {
        name + "\0" * (at % 2): replace(one, cluster="g" + "\0" * int(one.cluster[1:]))
        for at, (name, one) in enumerate(results.items())
    }


@pytest.mark.parametrize("figure", ["accuracy", "auc"])
def test_names_may_end_in_a_nul(drawn, figure):
    targets, odds = drawn
    cells = [cell(one, targets, clusters=np.arange(60) // 2) for one in odds[:2]]
    wanted, found = (
        column(*([CellScores(one)] for one in sides), figure, positive="yes")
        for sides in (cells, [with_nuls(one) for one in cells])
    )
    assert len(found.units) == 30
    assert found.values.tolist() == wanted.values.tolist()
