"""How often gates fail where nothing has become worse: what is said of it, and what happens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sides import side

from harness.gates.alarms import alarms
from harness.gates.paired import contrast, judge_contrast
from harness.gates.threshold import judge_threshold
from harness.records import GateSlice, Look, Run, RunInfo
from harness.spec import GateSpec

INFO = RunInfo("r", "now", 1.0, "pytest", {}, {})


def run_of(*judged) -> Run:
    """A run with these rows, each with its gate."""
    rows, gates = zip(*judged, strict=True)
    return Run(INFO, rows, gates)


def threshold(right, **keys):
    row, _ = side(right)
    return row, judge_threshold(row, GateSpec.model_validate({"figure": "accuracy", **keys}))


def against_baseline(first, second, **keys):
    (_, before), (row, now) = side(first), side(second)
    spec = GateSpec.model_validate({"figure": "accuracy", "no_worse_than": "baseline", **keys})
    found = contrast(before, now, "accuracy", labels=("positive", "negative"))
    return row, judge_contrast(row, spec, found, against="baseline")


def draws(seed: int, n: int, share: float) -> list[bool]:
    return (np.random.default_rng(seed).random(n) < share).tolist()


def flipped(seed: int, right: list[bool], share: float) -> list[bool]:
    """Answers some of which are drawn anew: neither better nor worse."""
    rng = np.random.default_rng(seed)
    anew = rng.random(len(right)) < share
    return np.where(anew, rng.random(len(right)) < np.mean(right), right).tolist()


@pytest.mark.parametrize(
    ("margin", "keys"),
    [(0.04, {}), (0.0, {"on_inconclusive": "warn"})],
    ids=["fails", "warns"],
)
def test_what_is_said_of_a_baseline_is_what_happens(margin, keys):
    right = draws(0, 300, 0.8)
    found = [against_baseline(right, flipped(seed, right, 0.15), by=margin, **keys)
             for seed in range(1, 201)]  # fmt: skip
    failed = np.mean([gate.failed for _, gate in found])
    said = np.mean([alarms(run_of(one)).chance for one in found])
    assert failed == pytest.approx(said, abs=0.06)


def test_a_threshold_that_is_just_met_is_missed_in_as_many_runs_as_is_said():
    found = [threshold(draws(seed, 300, 0.7), at_least=0.7) for seed in range(400)]
    failed = np.mean([gate.failed for _, gate in found])
    said = [alarms(run_of(one)).chance for one in found]
    assert failed <= 0.025 + 3 * np.sqrt(0.025 / 400)
    assert max(said) == pytest.approx(0.025)
    assert all(one <= 0.025 + 1e-9 for one in said)


def test_a_gate_that_must_be_shown_to_hold_fails_often():
    strict = [threshold(draws(seed, 300, 0.75), at_least=0.7, on_inconclusive="fail")
              for seed in range(300)]  # fmt: skip
    failed = np.mean([gate.failed for _, gate in strict])
    said = np.mean([alarms(run_of(one)).chance for one in strict])
    assert failed > 0.3
    assert failed == pytest.approx(said, abs=0.1)


def test_the_chances_of_critical_gates_add_up():
    one = threshold([True] * 70 + [False] * 30, at_least=0.7)
    two = threshold([True] * 70 + [False] * 30, at_least=0.7, tier="advisory")
    assert alarms(run_of(one)).chance == pytest.approx(0.025)
    both = alarms(run_of(one, one))
    assert (both.gates, both.chance) == (2, pytest.approx(0.05))
    assert alarms(run_of(two)) is None
    assert alarms(run_of(one, two)).gates == 1
    often = threshold([True] * 70 + [False] * 30, at_least=0.7, on_inconclusive="fail")
    many = alarms(run_of(one, often, often))
    assert (many.chance, many.worst) == (1.0, often[1])
    assert many.of_worst == pytest.approx(0.975)


def test_what_cannot_be_said_is_counted():
    right = draws(0, 400, 0.8)
    row, gain = against_baseline(right, flipped(1, right, 0.15))
    gain = replace(gain, bound="better_than")
    empty = replace(row, n=0, figures={})
    nothing = judge_threshold(empty, GateSpec(figure="accuracy", at_least=0.5))
    found = alarms(
        run_of((row, gain), (replace(empty, cell="other"), replace(nothing, cell="other")))
    )
    assert (found.gates, found.chance, found.worst, found.unknown) == (0, 0.0, None, 2)


def test_a_planned_look_spends_its_own_error():
    right = draws(0, 400, 0.8)
    row, gate = against_baseline(right, flipped(1, right, 0.15), by=0.02)
    look = replace(gate, look=Look(250, 0.0004, 0.01), on_inconclusive="warn")
    assert alarms(run_of((row, look))).chance == 0.0004


def test_of_figures_that_should_be_small_the_upper_end_counts():
    row, _ = side([True] * 95 + [None] * 5)
    spec = GateSpec(figure="unscored", at_most=0.05)
    assert alarms(run_of((row, judge_threshold(row, spec)))).chance == pytest.approx(0.025)
    wide = GateSpec(figure="unscored", at_most=0.5)
    assert alarms(run_of((row, judge_threshold(row, wide)))).chance < 1e-9


def test_what_could_not_be_compared_is_not_taken_for_a_threshold():
    right = draws(0, 400, 0.8)
    row, gate = against_baseline(right, flipped(1, right, 0.15), by=0.02)
    assert alarms(run_of((row, gate))).unknown == 0
    found = alarms(run_of((row, replace(gate, contrast=None))))
    assert (found.gates, found.unknown) == (0, 1)


def test_the_worst_of_several_slices_that_must_be_shown_to_hold_is_not_counted():
    right = draws(0, 400, 0.8)
    row, gate = against_baseline(right, flipped(1, right, 0.15), by=0.02)
    worst = replace(gate, slice=GateSlice("worst", "topic", "a", of=5, samples=80))
    assert alarms(run_of((row, worst))).unknown == 1
    assert alarms(run_of((row, replace(worst, on_inconclusive="warn")))).gates == 1
    named = replace(worst, slice=replace(worst.slice, of=0))
    assert alarms(run_of((row, named))).gates == 1
