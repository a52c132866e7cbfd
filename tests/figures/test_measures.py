"""The further figures against scikit-learn and brute force, and where they are not defined."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    matthews_corrcoef,
    precision_score,
    recall_score,
)

from harness.figures import FIGURES, Sheet, figure_kind
from harness.records import Result
from harness.stats.probabilities import (
    calibration_error,
    confidence_bins,
    corrected_calibration_error,
)

LABELS = ("a", "b", "c")


def cell(seed=0, n=200, labels=LABELS, skill=1.0, clusters=0, **changes):
    """Results whose log-probabilities are noise with some skill, by sample."""
    rng = np.random.default_rng(seed)
    targets = np.random.default_rng(1000).integers(0, len(labels), n)
    logits = rng.normal(size=(n, len(labels)))
    logits[np.arange(n), targets] += skill
    logprobs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)) - 0.3
    found = {}
    for i in range(n):
        answer = labels[int(logprobs[i].argmax())]
        target = labels[int(targets[i])]
        found[f"s{i}"] = Result(
            "e", "c", f"s{i}", "", "", target, answer, answer, answer == target, None,
            dict(zip(labels, map(float, logprobs[i]), strict=True)),
            float(logprobs[i][0] - logprobs[i][1]) if len(labels) == 2 else None,
            cluster=f"g{i % clusters}" if clusters else "", **changes,
        )  # fmt: skip
    return found


def value(name, results, labels=LABELS):
    kind, argument = figure_kind(name)
    return kind.measure(Sheet.of(list(results.values()), labels), argument)


def arrays(results):
    rows = list(results.values())
    probabilities = np.exp([list(one.logprobs.values()) for one in rows])
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return [one.target for one in rows], [one.answer for one in rows], probabilities


@pytest.mark.parametrize("labels", [LABELS, LABELS[:2]])
@pytest.mark.parametrize("seed", [0, 1])
def test_values_are_those_of_scikit_learn(labels, seed):
    found = cell(seed, labels=labels)
    targets, answers, probabilities = arrays(found)
    expected = {
        "balanced_accuracy": balanced_accuracy_score(targets, answers),
        "macro_f1": f1_score(targets, answers, average="macro"),
        "mcc": matthews_corrcoef(targets, answers),
        "recall:b": recall_score(targets, answers, labels=["b"], average=None)[0],
        "precision:b": precision_score(targets, answers, labels=["b"], average=None)[0],
        "log_loss": log_loss(targets, probabilities, labels=labels),
    }
    if len(labels) == 2:
        expected["brier_score"] = brier_score_loss(
            [one == "a" for one in targets], probabilities[:, 0]
        )
    else:
        expected["brier_score"] = brier_score_loss(
            targets, probabilities, labels=labels, scale_by_half=True
        )
    for name, wanted in expected.items():
        figure = value(name, found, labels)
        assert figure.value == pytest.approx(wanted, abs=1e-12), name
        assert figure.low < figure.value < figure.high, name


def test_the_plain_calibration_error_is_that_of_scikit_learns_curve():
    confidence, right = Sheet.of(list(cell(n=300).values()), LABELS).confidence
    shares, means = calibration_curve(right, confidence, n_bins=10, strategy="quantile")
    weights = np.bincount(confidence_bins(confidence)) / 300
    assert calibration_error(confidence, right) == pytest.approx(
        float(np.abs(shares - means) @ weights)
    )


def test_coverage_by_brute_force():
    sheet = Sheet.of(list(cell(n=120, skill=2.0).values()), LABELS)
    confidence, right = sheet.confidence
    best = 0.0
    for level in confidence:
        taken = confidence >= level
        if (~right[taken]).mean() <= 0.1:
            best = max(best, taken.mean())
    assert 0.1 < best < 1
    figure = value("coverage:0.1", cell(n=120, skill=2.0))
    assert figure.value == pytest.approx(best)
    assert figure.low < figure.value < figure.high


FURTHER = [
    "balanced_accuracy", "macro_f1", "mcc", "recall:b", "precision:b", "brier_score", "log_loss",
    "calibration_error", "coverage:0.2",
]  # fmt: skip


def test_every_further_figure_is_tried_here():
    own = {name for name, kind in FIGURES.items() if kind.column == "further"}
    assert {name.partition(":")[0] for name in FURTHER} == own


@pytest.mark.parametrize("name", FURTHER)
def test_unscored_samples_are_left_out(name):
    found = cell()
    lost = {
        key: Result("e", "c", key, "", "", one.target, None, None, None, "too long", {}, None)
        for key, one in list(found.items())[:50]
    }
    rest = {key: one for key, one in found.items() if key not in lost}
    assert value(name, {**found, **lost}) == value(name, rest)


@pytest.mark.parametrize("name", FURTHER)
def test_clusters_that_are_copies_tell_no_more_than_one_of_each(name):
    once = cell(n=100, clusters=100)
    copies = {f"{key}-{i}": one for key, one in once.items() for i in range(10)}
    plain, many = value(name, cell(n=100)), value(name, copies)
    assert many.value == pytest.approx(plain.value, abs=0.02)
    width = plain.high - plain.low
    assert many.high - many.low > 0.75 * width


@pytest.mark.parametrize("name", FURTHER)
def test_a_cell_differs_from_itself_by_nothing_and_from_a_better_one_by_something(name):
    kind, argument = figure_kind(name)
    first, second = cell(0, n=400, skill=0.3), cell(1, n=400, skill=2.5)
    same, left_out = kind.compare(first, first, LABELS, argument)
    assert (same.value, same.p, left_out) == (0.0, 1.0, 0)
    assert same.low <= 0 <= same.high
    found, _ = kind.compare(first, second, LABELS, argument)
    back, _ = kind.compare(second, first, LABELS, argument)
    assert back.value == pytest.approx(-found.value)
    assert back.p == pytest.approx(found.p, abs=0.01)
    if name != "calibration_error":
        assert found.p < 0.01
        assert (found.value < 0) is kind.smaller
        assert found.low > 0 or found.high < 0
    own = value(name, first), value(name, second)
    assert found.value == pytest.approx(own[1].value - own[0].value)


@pytest.mark.parametrize("name", FURTHER)
def test_samples_without_an_answer_on_one_side_are_left_out_of_both(name):
    kind, argument = figure_kind(name)
    first, second = cell(0), cell(1)
    for key in list(first)[:7]:
        first[key] = Result("e", "c", key, "", "", first[key].target, None, None, None, "x", {},
                            None)  # fmt: skip
    found, left_out = kind.compare(first, second, LABELS, argument)
    rest = {key: second[key] for key in list(second)[7:]}
    alone, _ = kind.compare({key: first[key] for key in rest}, rest, LABELS, argument)
    assert (found.value, found.low, found.high, found.p) == pytest.approx(
        (alone.value, alone.low, alone.high, alone.p)
    )
    asked = sum(one.target == "b" for one in list(second.values())[:7])
    assert left_out == (asked if name == "recall:b" else 7)


def test_what_the_samples_do_not_define_is_no_figure():
    found = cell(n=30)
    one = {key: r for key, r in found.items() if r.target != "c"}
    for name in ("balanced_accuracy", "macro_f1", "mcc", "recall:c"):
        assert value(name, one) is None, name
    always = {
        key: Result("e", "c", key, "", "", r.target, "a", "a", r.target == "a", None, {}, None)
        for key, r in found.items()
    }
    assert value("mcc", always) is None
    assert value("precision:b", always) is None
    assert value("balanced_accuracy", always).value == pytest.approx(1 / 3)
    assert value("brier_score", always) is None


def test_two_labels_need_no_more_than_log_odds():
    found = cell(labels=LABELS[:2])
    bare = {
        key: Result("e", "c", key, "", "", r.target, r.answer, r.answer, r.correct, None, {},
                    r.log_odds)
        for key, r in found.items()
    }  # fmt: skip
    for name in ("brier_score", "log_loss", "calibration_error", "coverage:0.3"):
        assert value(name, bare, LABELS[:2]).value == pytest.approx(
            value(name, found, LABELS[:2]).value
        )


def test_all_right_answers_are_no_certainty():
    found = {
        key: Result("e", "c", key, "", "", r.target, r.target, r.target, True, None, {}, None)
        for key, r in cell(n=30).items()
    }
    for name in ("balanced_accuracy", "macro_f1", "mcc", "recall:a", "precision:a"):
        figure = value(name, found)
        assert (figure.value, figure.high) == (1.0, 1.0)
        assert figure.low < 0.9


@pytest.mark.parametrize("name", ["brier_score", "log_loss", "calibration_error"])
@pytest.mark.parametrize("clusters", [0, 4])
@pytest.mark.parametrize("right", [True, False])
def test_a_few_sure_answers_say_little_of_how_many_are_wrong(name, clusters, right):
    odds = {key: r.log_odds for key, r in cell(n=8, labels=LABELS[:2], skill=0).items()}
    found = {
        key: Result("e", "c", key, "", "", "a" if right else "b", "a", "a", right, None, {},
                    7 + abs(one), cluster=f"g{i % clusters}" if clusters else "")
        for i, (key, one) in enumerate(odds.items())
    }  # fmt: skip
    figure = value(name, found, LABELS[:2])
    # Of 8 alike, or 4 clusters of them, the others may be 3 in 8.
    for key in list(found)[:3]:
        found[key] = replace(found[key], target="b" if right else "a", correct=not right)
    other = value(name, found, LABELS[:2]).value
    assert figure.low <= figure.value <= figure.high
    assert figure.high >= 0.9 * other if right else figure.low <= 1.1 * other


def test_answers_that_are_right_as_often_as_they_are_sure_leave_the_calibration_error_open():
    confidence, right = np.full(1000, 0.7), np.arange(1000) < 700
    found = corrected_calibration_error(confidence, right)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(0.03, abs=0.001)


def test_names():
    assert figure_kind("recall:two words")[1] == "two words"
    assert math.isinf(FIGURES["log_loss"].span)
    with pytest.raises(KeyError):
        figure_kind("recal:x")
