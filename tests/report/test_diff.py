from __future__ import annotations

import math
from dataclasses import replace

import pytest
from builders import make_row

from harness.analysis.diff import diff_runs
from harness.reasons import Reason
from harness.records import Result, Run, RunInfo
from harness.report.diff import diff_text
from harness.stats import clopper_pearson_interval

INFO = RunInfo(id="r", started="now", wall_s=1.0, command="pytest", machine={}, versions={})


def result(sample: str, odds: float | None, *, cell: str = "m-p-zeroshot", **changes) -> Result:
    answer = None if not odds else "positive" if odds > 0 else "negative"
    made = Result(
        evalset="evalsets/mini.yaml",
        cell=cell,
        sample=sample,
        prompt_key="",
        text=f"text of {sample}",
        target="positive",
        answer=answer,
        calibrated=answer,
        correct=None if answer is None else answer == "positive",
        reason=None if answer else Reason("equal_labels"),
        logprobs={},
        log_odds=odds,
    )
    return replace(made, **changes)


def run(*results: Result) -> Run:
    return Run(INFO, results=results)


def test_flips_gaps_and_unscored_samples():
    a = run(*(result(f"s{i}", odds) for i, odds in enumerate([1.0, -2.0, 0.5, 0.0, 3.0, 1.0])))
    b = run(*(result(f"s{i}", odds) for i, odds in enumerate([1.25, 2.0, 0.5, 0.5, None, 1.0])))
    (found,) = diff_runs(a, b)
    assert (found.evalset, found.cell) == ("evalsets/mini.yaml", "m-p-zeroshot")
    assert (found.both, found.changed, found.missing) == (6, 0, (0, 0))
    assert (found.flips, found.share.n, found.share.value) == (1, 4, 0.25)
    assert (found.share.low, found.share.high) == clopper_pearson_interval(1, 4)
    assert found.gap == 4.0
    assert found.unscored == (1, 1)


def test_equal_runs_differ_in_nothing():
    one = run(result("s0", math.inf), result("s1", -math.inf), result("s2", 0.25))
    (found,) = diff_runs(one, one)
    assert (found.flips, found.gap, found.unscored) == (0, 0.0, (0, 0))
    assert found.share.value == 0.0
    assert found.share.low < 1e-9 < found.share.high


def test_samples_are_matched_by_id_and_content():
    a = run(result("s0", 1.0), result("s1", 1.0), result("s2", 1.0), result("a", 1.0))
    b = run(
        result("s0", -1.0, text="another text"),
        result("s1", -1.0, target="negative"),
        result("s2", -1.0, text=""),  # saved without texts
        result("b", 1.0),
        result("c", 1.0),
    )
    (found,) = diff_runs(a, b)
    assert (found.both, found.changed, found.missing, found.flips) == (1, 2, (1, 2), 1)


def test_cells_without_answers_have_no_share():
    a = run(result("s0", 0.0))
    (found,) = diff_runs(a, run(result("s0", None)))
    assert (found.share, found.gap, found.unscored) == (None, None, (1, 1))
    assert "m-p-zeroshot" in diff_text(a, a)


def test_the_table_and_the_cells_of_one_side():
    a = run(result("s0", 1.0), result("s0", 1.0, cell="only-here"))
    b = run(result("s0", -0.5), result("s0", 1.0, cell="\x1b[31monly-there"))
    header, _, line, here, there = diff_text(a, b).splitlines()
    cells = [[part.strip() for part in row.split("|")[1:-1]] for row in (header, line)]
    assert dict(zip(*cells, strict=True)) == {
        "cell": "evalsets/mini.yaml::m-p-zeroshot",
        "in both": "1",
        "other data": "0",
        "only A / B": "0 / 0",
        "flips": "1",
        "of n": "1",
        "share": "1.000 [0.03, 1.00]",
        "largest log-odds gap": "1.5",
        "unscored A / B": "0 / 0",
    }
    assert here == "only in A: evalsets/mini.yaml::only-here"
    assert there == "only in B: evalsets/mini.yaml::only-there"


@pytest.mark.parametrize("sides", [(0, 0), (1, 0), (0, 1)])
def test_runs_without_common_cells(sides):
    a, b = (run(*[result("s0", 1.0, cell=f"c{i}")] * n) for i, n in enumerate(sides))
    assert diff_runs(a, b) == []
    expected = {(0, 0): "neither run has a result", (1, 0): "only in A: evalsets/mini.yaml::c0",
                (0, 1): "only in B: evalsets/mini.yaml::c1"}  # fmt: skip
    assert diff_text(a, b) == expected[sides]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"thinking": "budget 64", "place": "behind"}, "budget 64 (behind) in A, off (empty) in B"),
        ({"thinking": "", "place": "before"}, "not set (before) in A, off (empty) in B"),
        ({"thinking": "off", "place": "absent"}, "off (absent) in A, off (empty) in B"),
        ({"thinking": "off", "place": "empty"}, ""),
        # A run of before thoughts were known.
        ({"thinking": "off", "place": "none"}, ""),
    ],
)
def test_cells_that_thought_otherwise_are_named(changes, line):
    now = make_row(cell="m-p-zeroshot", thinking="off", place="empty")
    sides = [Run(INFO, rows=(row,), results=(result("s1", 1.0),)) for row in
             (replace(now, **changes), now)]  # fmt: skip
    found = diff_text(*sides)
    name = "thinking differs: evalsets/mini.yaml::m-p-zeroshot: "
    assert (f"{name}{line}" in found) if line else ("thinking" not in found)
