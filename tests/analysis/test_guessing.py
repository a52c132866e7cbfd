"""Cells of several labels against the answer that would be right most often."""

from __future__ import annotations

import random

import pytest
from builders import make_row

from harness.analysis.guessing import against_guessing
from harness.analysis.tested import Cells
from harness.language import words
from harness.records import Result
from harness.report.guessing import guessing_lines
from harness.stats import paired_accuracy

LABELS = ("a", "b", "c")


def cell(name: str, targets: list[str], answers: list[str | None], clusters=None):
    shares = {label: targets.count(label) / len(targets) for label in LABELS}
    row = make_row(cell=name, evalset="evalsets/three.yaml", targets=shares)
    results = [
        Result(
            evalset=row.evalset, cell=name, sample=f"{i:04}", prompt_key="", text="",
            target=target, answer=answer, calibrated=answer,
            correct=None if answer is None else answer == target, reason=None,
            logprobs={}, log_odds=None, completion="", length=1,
            cluster="" if clusters is None else clusters[i],
        )
        for i, (target, answer) in enumerate(zip(targets, answers, strict=True))
    ]  # fmt: skip
    return row, results


def found(*cells):
    rows = [row for row, _ in cells]
    return list(against_guessing(rows, Cells([one for _, own in cells for one in own])))


def targets_of(seed: int, n: int) -> list[str]:
    return random.Random(seed).choices(LABELS, weights=(5, 3, 2), k=n)


def test_a_cell_that_knows_is_above_and_a_constant_one_is_not():
    targets = targets_of(0, 200)
    knows, constant = found(cell("knows", targets, list(targets)), cell("a", targets, ["a"] * 200))
    assert (knows.label, constant.label) == ("a", "a")
    assert knows.share == targets.count("a") / 200
    assert (knows.above, constant.above) == (True, False)
    assert constant.difference.value == 0
    by_hand = paired_accuracy([one == "a" for one in targets], [True] * 200)
    assert (knows.difference, knows.adjusted) == (by_hand, pytest.approx(2 * by_hand.p, abs=1e-12))


def test_unscored_samples_have_no_part():
    targets = ["a", "a", "b", "c", "c", "c"]
    (one,) = found(cell("x", targets, ["a", "a", "b", None, None, None]))
    assert (one.label, one.share, one.difference.n) == ("a", 2 / 3, 3)
    assert found(cell("x", targets, [None] * 6)) == []


def test_two_labels_have_the_auc():
    row, results = cell("x", ["a", "b"] * 20, ["a", "b"] * 20)
    two = make_row(cell="x", evalset=row.evalset, targets={"a": 0.5, "b": 0.5})
    assert list(against_guessing([two], Cells(results))) == []


def test_clusters_make_the_interval_wider():
    targets = targets_of(1, 120)
    answers = [one if i % 12 < 7 else "b" for i, one in enumerate(targets)]
    alone, together = (
        found(cell("x", targets, answers, clusters))[0]
        for clusters in (None, [str(i // 12) for i in range(120)])
    )
    assert alone.difference.value == pytest.approx(together.difference.value)
    assert alone.difference.low != together.difference.low
    assert found(cell("x", targets, answers, ["same"] * 120)) == []


def test_guesses_are_rarely_above():
    above = 0
    for seed in range(300):
        rng = random.Random(seed + 1000)
        targets = targets_of(seed, 150)
        (one,) = found(cell("x", targets, rng.choices(LABELS, weights=(8, 1, 1), k=150)))
        above += one.above
    assert above <= 3


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_a_line_counts_the_cells_and_names_those_that_are_not(lang):
    targets = targets_of(0, 200)
    both = found(cell("knows", targets, list(targets)), cell("const", targets, ["a"] * 200))
    (line,) = guessing_lines(both, words(lang))
    assert "`const`" in line
    assert "`knows`" not in line
    if lang == "en":
        share = f"{100 * targets.count('a') / 200:.0f}%"
        assert line == (
            f"Above guessing: 1 of 2 cells are right more often than the answer “a” always would "
            f"be ({share}); not shown of `const`."
        )
    assert guessing_lines([], words(lang)) == []
