"""Runs that an earlier version saved: reasons were texts, and none an empty one."""

from __future__ import annotations

import json

import pytest
from judged_builders import FAILED, make_judged

from harness.reasons import Reason
from harness.records import Run, RunInfo
from harness.report.older import upgraded
from harness.report.runfiles import load_run, save_run

SAID = Reason("other", {"said": "as it was"})


@pytest.fixture
def saved(tmp_path):
    """Return a function that changes a saved run.json and loads it."""
    run = Run(RunInfo("r", "now", 1.0, "pytest", {}, {}), judged=make_judged(check=FAILED))
    save_run(tmp_path, run)
    path = tmp_path / "run.json"

    def load(change) -> Run:
        data = json.loads(path.read_text(encoding="utf-8"))
        change(data)
        path.write_text(json.dumps(data), encoding="utf-8")
        return load_run(tmp_path)

    return load


def test_what_a_passport_lacks_was_a_text(saved):
    def as_text(data) -> None:
        data["judged"]["judges"][0]["check"]["problem"] = "as it was"

    (judge,) = saved(as_text).judged.judges
    assert judge.check.problem == SAID


def test_what_a_passport_lacks_was_an_empty_text(saved):
    def as_nothing(data) -> None:
        data["judged"]["judges"][0]["check"]["problem"] = ""

    (judge,) = saved(as_nothing).judged.judges
    assert judge.check.problem is None


@pytest.mark.parametrize(
    "damaged", [None, [], "run", {"judged": 3}, {"judged": {"judges": [3], "standings": {}}}]
)
def test_what_is_damaged_stays_so(damaged):
    assert upgraded(damaged) == damaged


def test_counts_voids_and_skips_were_texts(saved):
    def as_text(data) -> None:
        data["judged"]["judges"][0] |= {"void": "as it was", "unscored": {"as it was": 3}}
        data["judged"]["standings"][0] |= {"void": "", "reasons": {"as it was": 2}}
        data["skipped"], data["unjudged"] = [["cell", "as it was"]], [["gate", "as it was"]]

    run = saved(as_text)
    (judge,), (standing, *_) = run.judged.judges, run.judged.standings
    assert (judge.void, judge.unscored) == (SAID, {SAID: 3})
    assert (standing.void, standing.reasons) == (None, {SAID: 2})
    assert (run.skipped, run.unjudged) == ((("cell", SAID),), (("gate", SAID),))
