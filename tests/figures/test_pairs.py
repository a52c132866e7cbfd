from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.figures.pairs import accuracy_influence, pair
from harness.figures.scores import (
    CellScores,
    by_sample,
    clusters_of,
    in_all,
    log_odds,
    right_answers,
)
from harness.records import Result
from harness.stats import batch_calibrate, calibration_influence
from harness.stats.over_seeds import pooled_accuracy, pooled_auc
from harness.stats.paired import paired_accuracy, paired_clusters
from harness.stats.paired_auc import paired_auc

LABELS = ("positive", "negative")


def influences(first, second, samples):
    """What the threshold of each side adds to a difference of calibrated accuracies."""
    sides = ([CellScores(cell) for cell in side] for side in (first, second))
    names = np.array(samples, dtype=object)
    return accuracy_influence(*sides, "calibrated_accuracy", names, LABELS[0])


def cell(right: list[bool | None], **changes: object) -> dict[str, Result]:
    """Results whose raw and calibrated answers are right, wrong or (None) missing."""
    results = []
    for i, one in enumerate(right):
        target = LABELS[i % 2]
        answer = None if one is None else target if one else LABELS[1 - i % 2]
        odds = None if one is None else (1.0 if answer == "positive" else -1.0) + i / 100
        results.append(
            Result("e.yaml", "c", f"s{i:02}", "", "", target, answer, answer, one, None, {}, odds)
        )
    return by_sample([replace(one, **changes) for one in results])


def clustered(found: dict[str, Result], size: int) -> dict[str, Result]:
    """The same results, `size` samples in a row sharing a cluster."""
    return {key: replace(one, cluster=f"c{int(key[1:]) // size}") for key, one in found.items()}


FIRST = cell([True, True, False, True, False, True, None, True] * 5)
SECOND = cell([True, False, False, True, True, True, True, False] * 5)


def test_each_accuracy_counts_its_own_answers():
    one = cell([True, False, True], calibrated="positive", contextual=None)
    one["s02"] = replace(one["s02"], correct=None, contextual="negative")
    assert right_answers(one, "accuracy") == {"s00": True, "s01": False}
    assert right_answers(one, "calibrated_accuracy") == {"s00": True, "s01": False, "s02": True}
    assert right_answers(one, "contextual_accuracy") == {"s02": False}
    assert log_odds({"s00": replace(one["s00"], log_odds=float("nan"))}) == {}


def test_only_what_stands_in_every_table_is_paired():
    tables = [{"b": 1, "a": 2, "c": 3}, {"c": 4, "a": 5}]
    assert in_all(tables) == (["a", "c"], [[2, 3], [5, 4]])
    assert in_all([]) == ([], [])


def test_one_cell_a_side_is_mcnemar_and_delong():
    found, left_out = pair([FIRST], [SECOND], "accuracy", positive="positive")
    samples, (was, now) = in_all([right_answers(one, "accuracy") for one in (FIRST, SECOND)])
    assert (found, left_out) == (paired_accuracy(was, now), 5)
    found, left_out = pair([FIRST], [SECOND], "auc", positive="positive")
    mask = [SECOND[sample].target == "positive" for sample in samples]
    odds = in_all([log_odds(FIRST), log_odds(SECOND)])[1]
    assert (found, left_out) == (paired_auc(*odds, mask), 5)


def test_several_draws_count_by_their_means():
    draws, other = [FIRST, cell([False, True] * 20)], [SECOND]
    right = in_all([right_answers(one, "accuracy") for one in (*draws, *other)])[1]
    found, left_out = pair(draws, other, "accuracy", positive="positive")
    assert (found, left_out) == (pooled_accuracy(right[:2], right[2:]), 5)
    odds = in_all([log_odds(one) for one in (*draws, *other)])[1]
    mask = [one.target == "positive" for one in SECOND.values() if one.sample in log_odds(FIRST)]
    found, _ = pair(draws, other, "auc", positive="positive")
    assert found == pooled_auc(odds[:2], odds[2:], mask)


def test_two_accuracies_of_one_cell():
    one = {k: replace(r, calibrated=LABELS[0], contextual=r.target) for k, r in FIRST.items()}
    found, left_out = pair(
        [one], [one], "contextual_accuracy", positive="positive", before="accuracy"
    )
    assert (found.first, found.second, found.n, left_out) == (25 / 35, 1.0, 35, 5)


@pytest.mark.parametrize("draws", [1, 2])
def test_clusters_widen_what_their_samples_say_together(draws):
    first = cell([True] * 40)
    second = cell([i >= 12 for i in range(40)])
    for figure in ("accuracy", "auc"):
        plain, _ = pair([first] * draws, [second], figure, positive="positive")
        whole, _ = pair([first] * draws, [clustered(second, 6)], figure, positive="positive")
        assert (whole.value, whole.n) == (plain.value, plain.n)
        assert whole.high - whole.low > plain.high - plain.low
        assert whole.p > plain.p
        assert pair([first], [clustered(second, 40)], figure, positive="positive") is None


def test_an_area_needs_two_clusters_of_each_class():
    second = {
        key: replace(one, cluster="p" if one.target == "positive" else key)
        for key, one in SECOND.items()
    }
    assert pair([FIRST], [second], "auc", positive="positive") is None
    assert pair([FIRST], [second], "accuracy", positive="positive") is not None
    assert clusters_of(second, ["s00", "s01"]) == ["p", "s01"]
    assert clusters_of(SECOND, ["s00", "s01"]) is None


def test_nothing_in_common():
    none = cell([None] * 40)
    assert pair([none], [SECOND], "accuracy", positive="positive") is None
    assert pair([none], [SECOND], "auc", positive="positive") is None


def calibrated_cells(n: int = 200) -> list[dict[str, Result]]:
    """Two cells whose answers hang on the mean of their probabilities, four targets of five one."""
    rng, cells = np.random.default_rng(0), []
    mask = np.arange(n) % 5 > 0
    for skill in (1.0, 1.5):
        odds = rng.normal(size=n) + skill * np.where(mask, 1, -1)
        rows = np.column_stack([-np.logaddexp(0, -odds), -np.logaddexp(0, odds)])
        answers = [LABELS[i] for i in batch_calibrate(rows).argmax(axis=1)]
        raw = [LABELS[0 if one > 0 else 1] for one in odds]
        targets = [LABELS[0 if one else 1] for one in mask]
        cells.append(by_sample([
            Result("e.yaml", "c", f"s{i:03}", "", "", target, said, answer, said == target, None,
                   {}, float(odds[i]))
            for i, (target, said, answer) in enumerate(zip(targets, raw, answers, strict=True))
        ]))  # fmt: skip
    return cells


def test_calibrated_accuracies_carry_the_threshold_of_their_batch():
    first, second = calibrated_cells()
    samples, right = in_all([right_answers(one, "calibrated_accuracy") for one in (first, second)])
    found, _ = pair([first], [second], "calibrated_accuracy", positive=LABELS[0])
    influence = influences([first], [second], samples)
    assert found == paired_accuracy(*right, influence=influence)
    assert found != paired_accuracy(*right)
    own = [calibration_influence(np.column_stack([np.array(list(log_odds(one).values())) / 2,
                                                  -np.array(list(log_odds(one).values())) / 2]),
                                 [LABELS.index(r.target) for r in one.values()])
           for one in (first, second)]  # fmt: skip
    assert influence == pytest.approx(own[1] - own[0])
    # A part of the samples does not tell how much they move the threshold of all.
    part, _ = pair([first], [second], "calibrated_accuracy", positive=LABELS[0], part=True)
    assert part == paired_accuracy(*right)
    raw, _ = pair([first], [second], "accuracy", positive=LABELS[0])
    assert raw == paired_accuracy(*in_all([right_answers(one, "accuracy")
                                           for one in (first, second)])[1])  # fmt: skip


def test_a_cell_against_itself_calibrated_has_the_influence_of_one_side():
    first, _ = calibrated_cells()
    found, _ = pair([first], [first], "calibrated_accuracy", positive=LABELS[0], before="accuracy")
    right = [
        list(right_answers(first, one).values()) for one in ("accuracy", "calibrated_accuracy")
    ]
    naive = paired_accuracy(*right)
    assert found.value == naive.value
    assert found.high - found.low > 1.15 * (naive.high - naive.low)
    assert found.p > naive.p


def test_draws_and_clusters_carry_the_threshold_too():
    first, second = calibrated_cells()
    name, positive = "calibrated_accuracy", LABELS[0]
    samples, right = in_all([right_answers(one, name) for one in (first, second)])
    influence = influences([first, second], [second], samples)
    found, _ = pair([first, second], [second], name, positive=positive)
    assert found == pooled_accuracy(right, right[1:], influence=influence)
    one, two = (clustered(side, 4) for side in (first, second))
    groups = [two[sample].cluster for sample in samples]
    influence = influences([first], [second], samples)
    found, _ = pair([one], [two], name, positive=positive)
    assert found == paired_clusters(*right, groups, influence=influence)
    assert found.low != paired_clusters(*right, groups).low


def test_log_probabilities_that_were_not_kept_leave_the_pairs_as_they_are():
    first, second = ({key: replace(one, log_odds=None) for key, one in cell.items()}
                     for cell in calibrated_cells())  # fmt: skip
    right = in_all([right_answers(one, "calibrated_accuracy") for one in (first, second)])[1]
    found, _ = pair([first], [second], "calibrated_accuracy", positive=LABELS[0])
    assert found == paired_accuracy(*right)
