from __future__ import annotations

import math

import pytest
from reasoned import because, numbers

from harness.reasons import Reason
from harness.records import Score
from harness.run.figures import summarize
from harness.stats import clopper_pearson_interval, cluster_proportion_interval

LABELS = ("positive", "negative")


def score(first: float, second: float, target: str) -> Score:
    answer = LABELS[0] if first >= second else LABELS[1]
    return Score(float(answer == target), answer, None, (math.log(first), math.log(second)))


def test_figures_of_a_biased_cell():
    """Always `negative`, yet in perfect order: chance raw, all right when calibrated."""
    targets = ["positive", "negative"] * 20
    scores = [score(0.3 if t == "positive" else 0.1, 0.4, t) for t in targets]
    found = summarize(scores, targets, LABELS)
    assert (found.n, found.unscored, found.reasons) == (40, 0, {})
    assert found.shares == {"positive": 0.0, "negative": 1.0}
    assert found.targets == {"positive": 0.5, "negative": 0.5}
    assert found.figures["accuracy"].value == 0.5
    assert found.figures["accuracy"].low == clopper_pearson_interval(20, 40)[0]
    assert found.figures["calibrated_accuracy"].value == 1.0
    assert found.figures["auc"].value == 1.0
    assert found.figures["auc"].low < 0.9
    assert found.figures["label_mass"].value == pytest.approx(0.6)
    assert found.figures["label_mass"].low < 0.6 < found.figures["label_mass"].high
    assert list(found.calibrated) == targets


def test_unscored_enter_no_figure():
    targets = ["positive", "negative", "positive", "positive"]
    scores = [
        score(0.6, 0.2, "positive"),
        Score(None, None, because("too long")),
        score(0.2, 0.6, "positive"),
        Score(None, None),
    ]
    found = summarize(scores, targets, LABELS)
    assert (found.n, found.unscored) == (2, 2)
    assert numbers(found.reasons) == {"no reason given": 1, "too long": 1}
    assert found.figures["accuracy"].value == 0.5
    assert found.figures["accuracy"].n == 2
    assert "auc" not in found.figures
    assert found.calibrated[1] is None
    assert found.calibrated[0] == "positive"
    assert found.targets == {"positive": 0.75, "negative": 0.25}


@pytest.mark.parametrize(
    ("n", "groups", "low"), [(1, None, 0.02), (4, None, 0.37), (4, "xxyy", 0.14)]
)
def test_a_label_mass_without_spread_has_an_interval_with_a_width(n, groups, low):
    scores, targets = [score(0.6, 0.38, "positive")] * n, ["positive"] * n
    found = summarize(scores, targets, LABELS, clusters=groups and list(groups)).figures[
        "label_mass"
    ]
    assert found.value == pytest.approx(0.98)
    assert found.low == pytest.approx(low, abs=0.01)
    assert found.high > 0.99


def test_equal_labels_lack_only_the_raw_verdict():
    """Log-odds of +2, 0 and -1: the tie is not a raw answer, and calibration decides it."""
    targets = ["positive", "negative", "negative"]
    tie = Score(None, None, Reason("equal_labels"), (math.log(0.3), math.log(0.3)))
    scores = [score(0.7, 0.1, "positive"), tie, score(0.2, 0.5, "negative")]
    found = summarize(scores, targets, LABELS)
    assert (found.n, found.unscored) == (2, 1)
    assert {name: figure.n for name, figure in found.figures.items()} == {
        "accuracy": 2, "calibrated_accuracy": 3, "auc": 3, "label_mass": 3,
    }  # fmt: skip
    assert found.calibrated == ("positive", "negative", "negative")
    assert found.figures["calibrated_accuracy"].value == 1.0
    assert found.figures["auc"].value == 1.0
    assert found.figures["label_mass"].value == pytest.approx((0.8 + 0.6 + 0.7) / 3)
    assert found.shares == {"positive": 0.5, "negative": 0.5}


def test_a_batch_of_equal_labels_is_no_coin_toss():
    tie = Score(None, None, Reason("equal_labels"), (-1.0, -1.0))
    found = summarize([tie] * 4, ["positive", "negative"] * 2, LABELS)
    assert (found.n, found.unscored, found.calibrated) == (0, 4, (None,) * 4)
    assert set(found.figures) == {"auc", "label_mass"}
    assert (found.figures["auc"].value, found.figures["auc"].n) == (0.5, 4)


def test_no_score_gives_no_figure():
    found = summarize([Score(None, None, because("engine died"))] * 3, ["positive"] * 3, LABELS)
    assert (found.n, found.unscored, found.figures, found.shares) == (0, 3, {}, {})
    assert found.calibrated == (None, None, None)
    empty = summarize([], [], LABELS)
    assert (empty.n, empty.figures, empty.targets, empty.calibrated) == (0, {}, {}, ())


def test_generated_answers_have_accuracy_alone():
    scores = [Score(1.0, "positive"), Score(0.0, "positive")]
    found = summarize(scores, ["positive", "negative"], LABELS)
    assert set(found.figures) == {"accuracy"}
    assert found.calibrated == (None, None)


def test_three_labels_have_no_auc():
    labels = ("a", "b", "c")
    scores = [
        Score(1.0, labels[i], None, tuple(math.log(0.6 if j == i else 0.1) for j in range(3)))
        for i in (0, 1, 2, 0)
    ]
    found = summarize(scores, ["a", "b", "c", "a"], labels)
    assert set(found.figures) == {"accuracy", "calibrated_accuracy", "label_mass"}
    assert found.shares == {"a": 0.5, "b": 0.25, "c": 0.25}


def test_reasons_are_ordered_by_count():
    scores = [Score(None, None, because(reason)) for reason in ("b", "a", "b", "c")]
    found = summarize(scores, ["positive"] * 4, LABELS)
    assert list(numbers(found.reasons)) == ["b", "a", "c"]


def test_the_seed_moves_the_intervals_only():
    targets = ["positive", "negative"] * 30
    scores = [score(0.1 + 0.01 * (i * 7 % 50), 0.3, t) for i, t in enumerate(targets)]
    one, two = summarize(scores, targets, LABELS), summarize(scores, targets, LABELS, seed=1)
    assert one == summarize(scores, targets, LABELS)
    assert one.figures["auc"].value == two.figures["auc"].value
    assert one.figures["label_mass"] != two.figures["label_mass"]


@pytest.mark.parametrize("targets", [["positive"], ["positive", "neutral"]])
def test_mismatch_is_refused(targets):
    with pytest.raises(ValueError, match="2 scores"):
        summarize([Score(1.0, "positive")] * 2, targets, LABELS)


def test_clusters_widen_every_interval_and_move_no_value():
    """Ten films with eight reviews each, all of them answered alike."""
    clusters = [f"film {i // 8}" for i in range(80)]
    targets = ["positive", "negative"] * 40
    scores = [
        score(*((0.5, 0.2) if t == "positive" or i // 8 > 5 else (0.2, 0.4 + i // 8 / 100)), t)
        for i, t in enumerate(targets)
    ]
    plain, found = (summarize(scores, targets, LABELS, clusters=c) for c in (None, clusters))
    assert (plain.clusters, found.clusters) == (None, 10)
    assert found.figures.keys() == plain.figures.keys() == {
        "accuracy", "calibrated_accuracy", "auc", "label_mass"
    }  # fmt: skip
    for name, figure in found.figures.items():
        assert (figure.value, figure.n) == (plain.figures[name].value, 80)
        assert figure.high - figure.low > plain.figures[name].high - plain.figures[name].low, name
        assert 0 <= figure.low < figure.value <= figure.high <= 1
    right = [s.value == 1.0 for s in scores]
    bounds = found.figures["accuracy"].low, found.figures["accuracy"].high
    assert bounds == cluster_proportion_interval(right, clusters)


def test_unscored_samples_leave_their_clusters():
    targets = ["positive", "negative"] * 3
    scores = [score(0.6, 0.2, t) for t in targets[:4]] + [
        Score(None, None, because("too long"))
    ] * 2
    found = summarize(scores, targets, LABELS, clusters=["a", "a", "b", "b", "c", "c"])
    assert (found.n, found.clusters) == (4, 2)


def test_one_cluster_tells_nothing():
    targets = ["positive", "negative"] * 10
    scores = [score(0.6, 0.2, t) for t in targets]
    found = summarize(scores, targets, LABELS, clusters=["one"] * 20)
    assert found.clusters == 1
    assert {(f.low, f.high) for f in found.figures.values()} == {(0.0, 1.0)}
    with pytest.raises(ValueError, match="20 scores, 3 clusters"):
        summarize(scores, targets, LABELS, clusters=["a", "b", "c"])
