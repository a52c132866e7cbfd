from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from harness.analysis.bins import (
    by_cell,
    confusion,
    hit,
    length_spans,
    over_length,
    reliability,
)
from harness.stats import (
    batch_calibrate,
    clopper_pearson_interval,
    cluster_proportion_interval,
)

LABELS = ("positive", "negative")


def results_of(template, probabilities, targets, labels=LABELS):
    """Results whose first label has the given probabilities, with a label mass of 0.5."""
    return [
        replace(
            template,
            sample=f"s{i}",
            target=target,
            answer=labels[0] if p > 0.5 else labels[1],
            calibrated=target,
            correct=(p > 0.5) == (target == labels[0]),
            logprobs={labels[0]: math.log(p / 2), labels[1]: math.log((1 - p) / 2)},
        )
        for i, (p, target) in enumerate(zip(probabilities, targets, strict=True))
    ]


@pytest.fixture(scope="module")
def template(cell):
    return cell(n=4)[1][0]


def test_bins_by_hand(template):
    found = reliability(
        results_of(
            template,
            [0.05, 0.07, 0.65, 0.61, 0.69, 1 - 1e-9],
            [LABELS[i] for i in (1, 0, 0, 0, 1, 0)],
        ),
        LABELS,
    )
    assert found.label == "positive"
    assert [(one.low, one.high, one.share.n) for one in found.raw] == [
        (0.0, 0.1, 2),
        (0.6, 0.7, 3),
        (0.9, 1.0, 1),
    ]
    first, second, last = found.raw
    assert first.middle == pytest.approx(0.06)
    assert second.middle == pytest.approx(0.65)
    assert (first.share.value, second.share.value, last.share.value) == (0.5, 2 / 3, 1.0)
    assert (second.share.low, second.share.high) == clopper_pearson_interval(2, 3)


def test_bins_are_those_of_the_calibrated_probabilities(cell):
    row, results = cell(n=300, shift=-2.0)
    found = reliability(results, LABELS)
    logs = [[one.logprobs[label] for label in LABELS] for one in results]
    after = [1 / (1 + math.exp(b - a)) for a, b in batch_calibrate(logs)]
    for one in found.calibrated:
        inside = [i for i, p in enumerate(after) if one.low <= p < one.high]
        assert one.share.n == len(inside)
        assert one.middle == pytest.approx(sum(after[i] for i in inside) / len(inside))
        right = sum(results[i].target == "positive" for i in inside)
        assert one.share.value == right / len(inside)
    for side in (found.raw, found.calibrated):
        assert sum(one.share.n for one in side) == row.n == 300


def test_reliable_probabilities_lie_on_the_diagonal_and_moved_ones_do_not(template):
    draw = random.Random(3)
    stated = [draw.random() for _ in range(4000)]
    targets = [LABELS[0] if draw.random() < p else LABELS[1] for p in stated]
    good = reliability(results_of(template, stated, targets), LABELS)
    # One in twenty intervals is off by design.
    assert sum(one.off for one in good.raw) <= 2
    moved = [p**3 for p in stated]
    assert (
        sum(one.off for one in reliability(results_of(template, moved, targets), LABELS).raw) >= 6
    )


def test_three_labels_are_judged_by_the_answer(cell):
    labels = ("a", "b", "c")
    _, results = cell(labels=labels, n=90, shift=0.0)
    found = reliability(results, labels)
    assert found.label is None
    assert all(one.low >= 0.3 for one in found.raw)
    accuracy = sum(one.share.value * one.share.n for one in found.raw) / 90
    assert accuracy == pytest.approx(sum(one.correct for one in results) / 90)


@pytest.mark.parametrize("change", [{"generated": True}, {"unscored": 120}])
def test_no_reliability_without_probabilities(cell, change):
    assert reliability(cell(**change)[1], LABELS) is None


def test_unscored_samples_are_in_no_bin_and_no_count(cell):
    _, results = cell(n=100, unscored=7)
    assert sum(one.share.n for one in reliability(results, LABELS).raw) == 93
    assert sum(sum(own.values()) for own in confusion(results).values()) == 93


def test_confusion_counts_by_target_and_answer(cell):
    row, results = cell(n=100)
    counts = confusion(results)
    for target in LABELS:
        for answer in LABELS:
            expected = sum((one.target, one.answer) == (target, answer) for one in results)
            assert counts.get(target, {}).get(answer, 0) == expected
    right = sum(counts[label][label] for label in LABELS)
    assert right / 100 == row.figures["accuracy"].value
    assert all(count for own in counts.values() for count in own.values())


def lengths(template, values):
    return [replace(template, sample=f"s{i}", length=value) for i, value in enumerate(values)]


def test_spans_hold_about_equally_many(template):
    spans = length_spans(lengths(template, range(1, 101)))
    assert spans == [(1, 20), (21, 40), (41, 60), (61, 80), (81, 100)]
    assert len(length_spans(lengths(template, range(1, 46)))) == 3


def test_spans_of_equal_lengths_are_one(template):
    assert length_spans(lengths(template, [10] * 80 + list(range(11, 31)))) == [(10, 10), (11, 30)]
    assert length_spans(lengths(template, [10] * 100)) == []


def test_no_spans_of_unknown_or_few_lengths(template):
    assert length_spans(lengths(template, [0] * 100)) == []
    assert length_spans(lengths(template, range(1, 30))) == []


def test_samples_of_several_cells_count_once(template):
    once = lengths(template, range(1, 101))
    assert length_spans(once * 3) == length_spans(once)


@pytest.mark.parametrize("figure", ["accuracy", "calibrated_accuracy"])
def test_accuracy_over_length_adds_up_to_that_of_the_cell(cell, figure):
    row, results = cell(n=200, unscored=5)
    spans = length_spans(results)
    bins = over_length(results, spans, figure)
    assert sum(one.share.n for one in bins) == row.n == 195
    total = sum(one.share.value * one.share.n for one in bins) / row.n
    assert total == pytest.approx(row.figures[figure].value)
    first = [r for r in results if spans[0][0] <= r.length <= spans[0][1] and r.correct is not None]
    assert bins[0].share.n == len(first)
    passed = sum(hit(one, figure) for one in first)
    assert (bins[0].share.low, bins[0].share.high) == clopper_pearson_interval(passed, len(first))


def test_intervals_allow_for_clusters(template):
    targets = [LABELS[0]] * 20 + [LABELS[1]] * 20
    alone = results_of(template, [0.62] * 40, targets)
    film = [replace(one, cluster=f"film {at // 10}", length=9) for at, one in enumerate(alone)]
    wanted = cluster_proportion_interval([1] * 20 + [0] * 20, [one.cluster for one in film])
    (shown,) = reliability(film, LABELS).raw
    (over,) = over_length(film, [(1, 9)], "accuracy")
    for share in shown.share, over.share:
        assert (share.value, share.low, share.high) == pytest.approx((0.5, *wanted))
    (narrow,) = reliability(alone, LABELS).raw
    assert wanted[0] < narrow.share.low
    assert wanted[1] > narrow.share.high


def test_results_by_cell_keep_sets_apart(cell):
    a, b = cell()[1], cell(evalset="evalsets/other.yaml")[1]
    found = by_cell([*a, *b])
    assert list(found) == [(one[0].evalset, one[0].cell) for one in (a, b)]
    assert found["evalsets/mini.yaml", a[0].cell] == a
