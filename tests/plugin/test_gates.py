"""Gates are items of their own: selection, order, what a missing or broken cell does to them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from harness.reasons import Reason

ZERO, FEW = "m-prefill-zeroshot", "m-prefill-fewshot5-chat-s0"
SET = "evalsets/mini.yaml"
WIDE = {"cells": "*-fewshot*", "figure": "accuracy", "no_worse_than": {"mode": "zeroshot"}, "by": 1}
PAIR = f"gate-accuracy-{FEW}-vs-zeroshot"
LEVEL = {"cells": "*-zeroshot", "figure": "unscored", "at_most": 1}


def test_gates_are_collected_behind_the_cells_that_they_need(evals, collected):
    evals.models(m={}, n={"seed": 1})
    across = {"cells": "n-*-zeroshot", "figure": "accuracy", "better_than": {"model": "m"}}
    evals.set(models=["m", "n"], gates=[across, WIDE, LEVEL])
    few = FEW.replace("m-", "n-", 1)
    assert [name.partition("::")[2] for name in collected(evals.run("--collect-only", "-q"))] == [
        ZERO,
        FEW,
        PAIR,
        f"gate-unscored-{ZERO}",
        "n-prefill-zeroshot",
        few,
        "gate-accuracy-n-prefill-zeroshot-vs-m",
        f"gate-accuracy-{few}-vs-zeroshot",
        "gate-unscored-n-prefill-zeroshot",
    ]


@pytest.mark.parametrize(
    ("args", "gates"),
    [
        (["-k", "gate"], [PAIR, f"gate-unscored-{ZERO}"]),
        (["-m", "gate and fewshot"], [PAIR]),
        (["-m", "zeroshot"], [ZERO, f"gate-unscored-{ZERO}"]),
        (["-k", "prefill and not gate"], [ZERO, FEW]),
        (["-k", "prefill"], [ZERO, FEW, PAIR, f"gate-unscored-{ZERO}"]),
    ],
)
def test_selection(evals, collected, args, gates):
    evals.set(gates=[WIDE, LEVEL])
    result = evals.run("--collect-only", "-q", *args)
    assert collected(result) == [f"{SET}::{one}" for one in gates]


def test_a_gate_passes_beside_its_cells_and_its_line_has_everything(evals):
    evals.set(gates=[WIDE])
    evals.run("-v").assert_outcomes(passed=3)
    (gate,) = evals.saved.gates
    assert (gate.id, gate.cell, gate.against, gate.verdict) == (PAIR, FEW, ZERO, "pass")
    for word in ("difference", "n=6", "lost", "won", "p=", "detectable", "worse by 1 at most"):
        assert word in gate.line
    assert gate.contrast.n == 6
    assert f"`{FEW}`: accuracy" in evals.report


def test_a_gate_without_its_cells_is_skipped_and_says_which(evals):
    evals.set(gates=[WIDE, LEVEL])
    result = evals.run("-k", "fewshot or gate-unscored", "-rs")
    result.assert_outcomes(passed=1, skipped=2, deselected=1)
    assert result.ret == 11  # nothing was judged
    result.stdout.fnmatch_lines([f"SKIPPED*needs cells that are not selected: {ZERO}"])
    assert evals.saved.gates == ()
    assert [row.cell for row in evals.saved.rows] == [FEW]
    assert evals.saved.unjudged == tuple(
        (f"{SET}::{name}", Reason("cells_not_selected", {"cells": ZERO}))
        for name in (PAIR, f"gate-unscored-{ZERO}")
    )
    assert f"`{SET}::{PAIR}`: not judged, needs cells that are not selected" in evals.report
    assert "# Evaluation report: made-up answers, gates not judged" in evals.report


def test_gates_alone_compute_nothing(evals):
    evals.set(gates=[WIDE, LEVEL])
    result = evals.run("-k", "gate")
    result.assert_outcomes(skipped=2, deselected=2)
    assert result.ret == 11  # nothing was judged
    assert evals.started == []
    assert not (evals.root / "reports").exists()


def test_a_gate_that_is_named_brings_its_cells(evals):
    evals.set(gates=[WIDE, LEVEL])
    evals.run(f"{SET}::{PAIR}").assert_outcomes(passed=1)
    assert {row.cell for row in evals.saved.rows} == {ZERO, FEW}
    assert len(evals.saved.results) == 12


def test_a_cell_without_its_gate_passes(evals):
    evals.set(gates=[{"figure": "accuracy", "at_least": 1}])
    evals.run(f"{SET}::{ZERO}").assert_outcomes(passed=1)
    assert evals.saved.gates == ()


def test_an_engine_that_fails_fails_no_gate(evals):
    evals.models(m={}, n={"options": {"fail_start": True}})
    across = {"cells": "m-*-zeroshot", "figure": "accuracy", "better_than": {"model": "n"}}
    evals.set(models=["m", "n"], modes=["zeroshot"], gates=[across, LEVEL])
    result = evals.run("-rs")
    result.assert_outcomes(passed=2, errors=1, skipped=2)
    assert result.ret == 10
    result.stdout.fnmatch_lines(["SKIPPED*n-prefill-zeroshot has no outcome: *told not to start*"])
    assert [gate.cell for gate in evals.saved.gates] == [ZERO]


def test_an_engine_that_fails_under_a_gate_alone_is_its_error(evals):
    evals.models(m={"options": {"fail_start": True}})
    evals.set(modes=["zeroshot"], gates=[LEVEL])
    result = evals.run(f"{SET}::gate-unscored-{ZERO}")
    result.assert_outcomes(errors=1)
    assert result.ret == 10
    result.stdout.fnmatch_lines(["lost: *told not to start*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_gate_on_a_model_that_needs_a_gpu_is_skipped_with_it(evals, monkeypatch):
    monkeypatch.setattr("harness.hardware.device", lambda: "cpu")
    evals.models(m={"gpu": True})
    evals.set(gates=[LEVEL])
    evals.run().assert_outcomes(skipped=3)
    evals.run("-m", "not gpu").assert_outcomes(deselected=3)


def test_junit_shows_gates(evals):
    evals.set(gates=[WIDE, {"figure": "accuracy", "at_least": 1, "cells": "*-zeroshot"}])
    result = evals.run("--junitxml=out.xml")
    result.assert_outcomes(passed=3, failed=1)
    cases = {one.get("name"): one for one in ElementTree.parse("out.xml").iter("testcase")}
    assert cases.keys() == {ZERO, FEW, PAIR, f"gate-accuracy-{ZERO}"}
    found = {one.get("name"): one.get("value") for one in cases[PAIR].iter("property")}
    assert found["verdict"] == "pass"
    assert found["against"] == ZERO
    assert found.keys() >= {"difference", "low", "high", "p", "lost", "won", "n", "detectable"}
    failure = cases[f"gate-accuracy-{ZERO}"].find("failure")
    assert "at least 1 - fail" in failure.text
    assert cases[ZERO].find("failure") is None


def test_user_properties_are_plain_builtins(evals):
    evals.write("conftest.py", (
        'pytest_plugins = ["harness.plugin"]\n'
        "def pytest_runtest_logreport(report):\n"
        "    for name, value in report.user_properties:\n"
        "        assert type(name) is str and type(value) in (int, float, str), (name, value)\n"
    ))  # fmt: skip
    evals.set(gates=[WIDE, LEVEL])
    evals.run().assert_outcomes(passed=4)


@pytest.mark.slow
def test_a_gate_over_two_models_stays_with_both_on_one_worker(evals):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    evals.models(m={}, n={"seed": 1}, o={"seed": 2})
    across = {"cells": "n-*-zeroshot", "figure": "accuracy", "no_worse_than": {"model": "m"},
              "by": 1}  # fmt: skip
    evals.set(models=["m", "n", "o"], modes=["zeroshot"], gates=[across, LEVEL])
    evals.set("zz", models=["n"], modes=["zeroshot"])
    result = evals.spawn("-n2")
    result.assert_outcomes(passed=8)
    saved = evals.saved
    assert {gate.verdict for gate in saved.gates} == {"pass"}
    assert sorted(engine.model for engine in saved.info.engines) == ["m", "n", "o"]


def test_each_set_is_told_where_its_gate_compares_nothing(evals):
    evals.set(gates=[{"figure": "accuracy", "no_worse_than": {"prompt": "prefil"}}])
    result = evals.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["evalsets/mini.yaml:*: gates*0*.no_worse_than: *not a cell of this*"]
    )


def test_an_advisory_gate_is_told_and_fails_nothing(evals):
    missed = {"cells": "*-zeroshot", "figure": "unscored", "at_least": 1, "tier": "advisory"}
    evals.set(gates=[missed, LEVEL])
    result = evals.run("--junitxml", "out.xml")
    result.assert_outcomes(passed=4)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [f"warning: {SET}::gate-unscored-{ZERO}: unscored 0.000 *(advisory)"]
    )
    advisory, critical = evals.saved.gates
    assert (advisory.verdict, advisory.failed, advisory.tier) == ("fail", False, "advisory")
    assert (critical.verdict, critical.tier) == ("pass", "critical")
    title, _, counts, *_ = evals.report.split("\n")
    assert title == "# Evaluation report: made-up answers, passed, 1 advisory not met"
    assert counts.startswith(
        "Gates: 1 passed, 0 failed, 0 inconclusive; advisory ones, by which no run fails: 0 "
        "passed, 1 not met, 0 inconclusive. Cells: 2 run"
    )
    assert "- fail (advisory)" in evals.report.split("## ")[0]
    found = {one.get("name"): {p.get("name"): p.get("value") for p in one.iter("property")}
             for one in ElementTree.parse(evals.root / "out.xml").iter("testcase")}  # fmt: skip
    assert found[f"gate-unscored-{ZERO}"]["tier"] == "advisory"
    evals.run("--eval-report-lang", "ru")
    assert "не выполнено рекомендательных: 1" in evals.report.split("\n")[0]
    assert "не выполнено (рекомендательное)" in evals.report


def test_a_run_of_advisory_gates_alone_has_no_verdict(evals):
    missed = {"cells": "*-zeroshot", "figure": "unscored", "at_least": 1, "tier": "advisory"}
    evals.set(gates=[missed])
    assert evals.run("--eval-strict").ret == 0
    assert evals.report.split("\n")[0].endswith(" no critical gate, 1 advisory not met")
    assert "False alarms" not in evals.report


def test_an_inconclusive_advisory_gate_is_told(evals):
    wide = {"cells": "*-zeroshot", "figure": "accuracy", "no_worse_than": {"mode":
            "fewshot5-chat-s0"}, "by": 0.01, "tier": "advisory"}  # fmt: skip
    evals.set(gates=[wide, LEVEL])
    result = evals.run("--eval-strict")
    assert result.ret == 0
    gate = next(one for one in evals.saved.gates if one.tier == "advisory")
    assert (gate.verdict, gate.failed) == ("inconclusive", False)
    assert gate.line.endswith("- inconclusive (advisory)")
    result.stdout.fnmatch_lines(["warning: *inconclusive (advisory)"])
    assert evals.report.split("\n")[0].endswith(" passed")


def test_a_gate_whose_item_is_run_again_counts_once(evals):
    evals.set(gates=[{"cells": "*-zeroshot", "figure": "accuracy", "at_least": 0.99}])
    evals.write("conftest.py", """
from _pytest.runner import runtestprotocol

pytest_plugins = ["harness.plugin"]


def pytest_runtest_protocol(item, nextitem):
    runtestprotocol(item, nextitem=nextitem, log=False)
""")  # fmt: skip
    assert evals.run().ret == pytest.ExitCode.TESTS_FAILED
    assert [gate.verdict for gate in evals.saved.gates] == ["fail"]
