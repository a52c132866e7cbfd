from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders import make_row
from reasoned import because, numbers

from harness.figures import FIGURES
from harness.figures.slices import figure_on, narrowed, part_named, parts_of, simultaneous, spoken
from harness.records import Figure, Result, Score
from harness.run.figures import summarize

LABELS = ("a", "b")
FURTHER = ("balanced_accuracy", "macro_f1", "mcc", "recall:a", "precision:b", "brier_score",
           "log_loss", "calibration_error", "coverage:0.1")  # fmt: skip


def results_of(n=120, *, clusters=False, seed=0):
    """Return results whose scores `summarize` was given, and that summary."""
    rng = np.random.default_rng(seed)
    targets = [LABELS[int(one)] for one in rng.integers(0, 2, n)]
    groups = [f"g{i // 4}" for i in range(n)] if clusters else None
    scores = []
    for target in targets:
        odds = float(rng.normal(1.0 if target == "a" else -1.0, 1.5))
        row = (-np.log1p(np.exp(-odds)) - 0.2, -np.log1p(np.exp(odds)) - 0.2)
        answer = "a" if odds > 0 else "b"
        scores.append(
            Score(float(answer == target), answer, logprobs=(float(row[0]), float(row[1])))
        )
    scores[3] = Score(None, None, because("too long"))
    summary = summarize(scores, targets, LABELS, clusters=groups, further=FURTHER)
    found = [
        Result(
            evalset="evalsets/s.yaml", cell="c", sample=f"{i}", prompt_key="", text="",
            target=target, answer=score.answer, calibrated=summary.calibrated[i],
            correct=None if score.value is None else score.value == 1.0, reason=score.reason,
            logprobs=dict(zip(LABELS, score.logprobs, strict=bool(score.logprobs))),
            log_odds=score.logprobs[0] - score.logprobs[1] if score.logprobs else None,
            cluster=groups[i] if groups else "", slices={"topic": "xyz"[i % 3]},
        )
        for i, (score, target) in enumerate(zip(scores, targets, strict=True))
    ]  # fmt: skip
    return found, summary


@pytest.mark.parametrize("clusters", [False, True])
def test_on_all_samples_every_figure_is_the_cells_own(clusters):
    results, summary = results_of(clusters=clusters)
    assert set(summary.figures) == {
        "accuracy",
        "calibrated_accuracy",
        "auc",
        "label_mass",
        *FURTHER,
    }
    for name, figure in summary.figures.items():
        found = figure_on(results, name, LABELS)
        assert (found.value, found.low, found.high, found.n) == pytest.approx(
            (figure.value, figure.low, figure.high, figure.n)), name  # fmt: skip


def test_every_figure_of_the_table_can_be_computed_on_a_slice_or_says_that_it_cannot():
    results, _ = results_of()
    arguments = {"": "", "label": ":a", "budget": ":0.1"}
    lacking = {
        name
        for name, kind in FIGURES.items()
        if figure_on(results, name + arguments[kind.argument], LABELS) is None
    }
    # Asked twice, not asked for here, and a share that gates count by themselves.
    assert lacking == {"label_flips", "contextual_accuracy", "unscored"}


def test_a_narrowed_row_counts_its_own_samples():
    results, summary = results_of()
    row = make_row(figures=summary.figures, targets=summary.targets, n=119, unscored=1)
    part = part_named(results, "topic", "x")
    own = narrowed(row, part.of(results), ["accuracy"])
    assert (own.n, own.unscored, numbers(own.reasons)) == (39, 1, {"too long": 1})
    assert own.figures["accuracy"].n == 39
    assert sum(own.targets.values()) == pytest.approx(1.0)


def test_parts_pool_small_values_and_keep_those_without_one():
    results, _ = results_of(40)
    values = ["big"] * 25 + [""] * 10 + ["one"] * 3 + ["two"] * 2
    spans = ["201+", "1-50"] * 20
    results = [replace(one, slices={"topic": value, "length": span})
               for one, value, span in zip(results, values, spans, strict=True)]  # fmt: skip
    found = [(p.column, p.value, p.kind, p.values, len(p.places))
             for p in parts_of(results, {"topic": 5, "length": 1})]  # fmt: skip
    assert found == [
        ("topic", "big", "value", 1, 25),
        ("topic", "", "nothing", 1, 10),
        ("topic", "", "other", 2, 5),
        ("length", "1-50", "value", 1, 20),
        ("length", "201+", "value", 1, 20),
    ]
    # A single small value keeps its name, and a value called like the pool is a value.
    assert parts_of(results, {"topic": 3})[-2].value == "two"
    assert spoken("topic", "other", "value") != spoken("topic", "", "other")
    assert part_named(results, "topic", "none").places == ()


@pytest.mark.parametrize("name", ["accuracy", "auc", "brier_score"])
def test_an_interval_for_all_slices_holds_the_slices_own(name):
    results, summary = results_of()
    row = make_row(figures=summary.figures, targets=summary.targets)
    own = figure_on(results[:60], name, LABELS)
    all_ = simultaneous(own, name, results[:60], row, 30)
    assert isinstance(all_, Figure)
    assert all_.low < own.low < own.value < own.high < all_.high
    alone = simultaneous(own, name, results[:60], row, 1)
    assert (alone.low, alone.high) == pytest.approx((own.low, own.high))
