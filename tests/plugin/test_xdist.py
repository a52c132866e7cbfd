"""Several workers: one engine start a model, one report, the same verdicts."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from drawn import drawn_cell, make_run
from judged_builders import EVALSET, make_judged

from harness.plugin.joining import together
from harness.plugin.parts import each_once
from harness.reasons import Reason
from harness.records import EngineInfo, Gate

pytest.importorskip("xdist", reason="pytest-xdist is not installed")

FILES = {"report.md", "report.html", "prompts.jsonl", "results.jsonl", "run.json", "findings.json"}
FAILS = {"figure": "accuracy", "at_least": 1}
ENGINE = EngineInfo("m", "s", "d", "fake", "1", "float32", "cpu", 1.0, 1.0, 9, 0, 1, 1, 1)


@pytest.fixture
def mixed(evals, monkeypatch):
    """A good model, one for CUDA alone, one whose engine does not start; `b` fails a gate."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr("harness.hardware.device", lambda: "cpu")
    evals.models(
        b={},
        a={"options": {"answer": "positive"}},
        gpu1={"gpu": True, "seed": 1},
        broken={"options": {"fail_start": True}},
    )
    evals.set(models=["b", "gpu1", "a", "broken"], gates=[{**FAILS, "cells": "b-*few*"}])
    evals.set("zz", models=["a"])
    return evals


@pytest.mark.parametrize("workers", [0, 2])
def test_all_that_can_happen_to_a_cell(mixed, monkeypatch, workers):
    summary = mixed.write("summary.md", "before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    result = mixed.spawn("-rs", "-v", "-n2") if workers else mixed.run("-rs", "-v")
    result.assert_outcomes(passed=6, failed=1, skipped=2, errors=2)
    assert result.ret == 10
    result.stdout.fnmatch_lines(["accuracy *at least 1 - fail"])
    result.stdout.fnmatch_lines(["SKIPPED*model gpu1 needs CUDA*"])
    result.stdout.fnmatch_lines(["lost: *told not to start*broken-prefill-zeroshot*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    check_saved(mixed)
    assert summary.read_text() == "before\n" + mixed.report
    assert mixed.saved.info.command.endswith("-rs -v -n2" if workers else "-rs -v")
    if workers:
        result.stdout.fnmatch_lines(["scheduling tests via ByEngine"])
        said = re.findall(
            r"\[(gw\d)\].*?(PASSED|FAILED) \S+::(?:gate-accuracy-)?(a|b)-", result.stdout.str()
        )
        worker_of = {model: {worker for worker, _, m in said if m == model} for model in "ab"}
        assert {model: len(workers) for model, workers in worker_of.items()} == {"a": 1, "b": 1}


def check_saved(mixed):
    saved = mixed.saved
    modes = ("zeroshot", "fewshot5-chat-s0")
    assert [(row.evalset, row.cell) for row in saved.rows] == [
        *(("evalsets/mini.yaml", f"{m}-prefill-{mode}") for m in "ba" for mode in modes),
        *(("evalsets/zz.yaml", f"a-prefill-{mode}") for mode in modes),
    ]
    assert [cell for cell, _ in saved.skipped] == [
        f"evalsets/mini.yaml::gpu1-prefill-{mode}" for mode in modes
    ]
    assert "broken-prefill-fewshot5-chat-s0" in saved.info.lost[-1].text
    ran = [engine for engine in saved.info.engines if engine.model != "broken"]
    assert [(engine.model, engine.computed) for engine in ran] == [("b", 12), ("a", 12)]
    assert {path.name for path in mixed.latest.iterdir()} == FILES
    assert len(list((mixed.root / "reports").iterdir())) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "dist", ["load", "loadfile", "loadscope", "loadgroup", "worksteal", "each", "no"]
)
def test_each_distribution_gives_one_report_and_starts_each_engine_once(evals, dist):
    evals.models(m={"options": {"delay_s": 0.02}}, n={"seed": 1, "options": {"delay_s": 0.02}})
    evals.set(models=["m", "n"], gates=[{"figure": "accuracy", "at_least": 0}])
    evals.set("zz", models=["m"], prompts=["plain.j2"])
    evals.write("test_own.py", "def test_own():\n    pass\n")
    result = evals.spawn("-n2", "--dist", dist, "evalsets", "test_own.py")
    assert result.ret == pytest.ExitCode.OK
    saved = evals.saved
    ids = [f"{row.evalset}::{row.cell}" for row in saved.rows]
    assert len(ids) == len(set(ids)) == 6
    assert len(saved.results) == 36
    assert len(saved.gates) == len({gate.id for gate in saved.gates}) == 4
    assert saved.info.lost == saved.info.stopped == ()
    assert [(one.model, one.computed) for one in saved.info.engines] == [("m", 24), ("n", 12)]
    assert len(evals.started) == 2


def test_what_several_processes_ran_counts_once():
    rows, results = drawn_cell()
    gate = Gate("evalsets/mini.yaml", rows.cell, "accuracy", "at_least", 0, "pass", False, "", "g")
    stored = replace(ENGINE, computed=0, stored=9)
    parts = [
        replace(make_run((rows, results)), gates=(gate,)),
        replace(make_run((rows, results)), gates=(gate,)),
    ]
    parts = [
        replace(one, info=replace(one.info, engines=(engine,), lost=(Reason("not_run"),)))
        for one, engine in zip(parts, (stored, ENGINE), strict=True)
    ]
    first, second = each_once(parts)
    assert (first.rows, first.results, first.gates) == ((rows,), tuple(results), (gate,))
    assert (second.rows, second.results, second.gates) == ((), (), ())
    assert (first.info.engines, second.info.engines) == ((ENGINE,), ())
    assert second.info.lost == ()
    assert each_once(parts[:1]) == parts[:1]


def test_a_judge_set_that_each_worker_ran_counts_once():
    one = make_judged()
    found = together([one, one])
    assert found == together([one])
    assert {standing.evalset for standing in found.standings} == {EVALSET}


def test_wrong_usage_is_seen_before_anything_runs(evals):
    result = evals.spawn("-n2", "--eval-dataset", "imdb=data.csv")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*imdb=*no selected eval set has this name; there are mini*"])
    assert "INTERNALERROR" not in result.stdout.str()
    assert evals.started == []


@pytest.mark.slow
def test_a_broken_eval_set(evals):
    evals.set("broken", models=["x"])
    result = evals.spawn("-n1")
    # Unlike pytest, xdist runs what it could collect.
    result.assert_outcomes(passed=2, errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["evalsets/broken.yaml:*unknown model 'x'*"])
    result.stdout.fnmatch_lines(["lost: evalsets/broken.yaml:*unknown model 'x'*"])


@pytest.mark.slow
def test_exitfirst(evals):
    evals.models(m={}, n={"seed": 1, "options": {"start_s": 3}})
    evals.set(models=["m", "n"], gates=[FAILS])
    result = evals.spawn("-n2", "-x")
    assert result.ret != pytest.ExitCode.OK
    assert evals.saved.rows
    assert "INTERNALERROR" not in result.stdout.str()
    assert {path.name for path in evals.latest.iterdir()} == FILES


@pytest.mark.slow
def test_what_a_dead_worker_did_not_report_is_named_as_lost(evals):
    evals.write(
        "conftest.py",
        'import os, signal\npytest_plugins = ["harness.plugin"]\n'
        "def pytest_runtest_setup(item):\n"
        "    first = os.environ.get('PYTEST_XDIST_WORKER') == 'gw0'\n"
        "    if item.name.startswith('n-') and first:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n",
    )
    evals.models(m={}, n={"seed": 1})
    evals.set(models=["m", "n"], modes=["zeroshot"])
    result = evals.spawn("-n1")
    assert result.ret == 10
    assert "INTERNALERROR" not in result.stdout.str()
    result.stdout.fnmatch_lines(["lost: its worker died before the report*::m-prefill-zeroshot"])
    # The worker that takes its place runs the cell again.
    assert [row.cell for row in evals.saved.rows] == ["n-prefill-zeroshot"]
    assert "m-prefill-zeroshot" in evals.report
    assert evals.run().ret == pytest.ExitCode.OK
    assert [engine.computed for engine in evals.saved.info.engines] == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "reporting.save_run = full"])
def test_what_a_worker_did_not_save_at_its_end_is_no_success(evals, end):
    evals.write(
        "conftest.py",
        "import os, pytest\nfrom harness.plugin import reporting\n"
        'pytest_plugins = ["harness.plugin"]\n'
        "def full(*args, **kwargs):\n    raise OSError(28, 'No space left on device')\n"
        "@pytest.hookimpl(tryfirst=True)\ndef pytest_sessionfinish():\n"
        f"    if os.environ.get('PYTEST_XDIST_WORKER') == 'gw0':\n        {end}\n",
    )
    evals.set(modes=["zeroshot"], gates=[{"figure": "accuracy", "at_least": 0}])
    result = evals.spawn("-n1")
    result.assert_outcomes(passed=2)
    assert result.ret == 10
    result.stdout.fnmatch_lines(["lost: its worker died*::m-pre*, *::gate-accuracy-m-prefill-*"])
    if "save_run" in end:
        result.stdout.fnmatch_lines(["gw0: the report could not be written: *No space left*"])
    assert "INCOMPLETE" in evals.report.split("\n", 1)[0]
    assert evals.run().ret == pytest.ExitCode.OK
    assert [engine.computed for engine in evals.saved.info.engines] == [0]
