"""Cells behave as any pytest item: collection, -k, -m, node ids, --lf, -x, JUnit."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree

import pytest

ZERO, FEW = "m-prefill-zeroshot", "m-prefill-fewshot5-chat-s0"
FAILS = {"figure": "accuracy", "at_least": 1}


def test_bare_pytest_runs_the_cells_and_names_the_report(evals):
    result = evals.run("-v")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [f"evalsets/mini.yaml::{ZERO} PASSED*", f"evalsets/mini.yaml::{FEW} PASSED*"]
    )
    result.stdout.fnmatch_lines([f"report: reports/{evals.latest.resolve().name}/report.md"])
    assert [row.cell for row in evals.saved.rows] == [ZERO, FEW]


def test_collect_only_lists_ids_and_leaves_nothing_behind(evals, collected, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # of the project's conftest.py
    before = sorted(evals.root.iterdir())
    result = evals.run("--collect-only", "-q", "-p", "no:cacheprovider")
    assert collected(result) == [f"evalsets/mini.yaml::{ZERO}", f"evalsets/mini.yaml::{FEW}"]
    assert sorted(evals.root.iterdir()) == before
    assert "report:" not in result.stdout.str()


@pytest.mark.parametrize(
    ("args", "models"),
    [
        (["-k", "fewshot"], {"m": FEW, "n.2-b": "n.2-b-prefill-fewshot5-chat-s0"}),
        (["-k", "zeroshot and m-"], {"m": ZERO}),
        (["-m", "zeroshot"], {"m": ZERO, "n.2-b": "n.2-b-prefill-zeroshot"}),
        (["-m", "fewshot and not gpu"], {"m": FEW}),
        (["-m", "n.2-b and zeroshot"], {"n.2-b": "n.2-b-prefill-zeroshot"}),
        ([f"evalsets/mini.yaml::{FEW}"], {"m": FEW}),
    ],
)
def test_selection(evals, collected, args, models):
    evals.models(m={}, **{"n.2-b": {"gpu": True}})
    evals.set(models=["m", "n.2-b"])
    result = evals.run("--collect-only", "-q", *args)
    assert collected(result) == [f"evalsets/mini.yaml::{cell}" for cell in models.values()]


def test_only_what_is_selected_is_run(evals):
    evals.run("-k", "fewshot").assert_outcomes(passed=1, deselected=1)
    saved = evals.saved
    assert [row.cell for row in saved.rows] == [FEW]
    assert saved.info.engines[0].computed == saved.rows[0].n


def test_last_failed_and_failed_first(evals):
    evals.set(gates=[{**FAILS, "cells": "*fewshot*"}])
    gate = f"gate-accuracy-{FEW}"
    evals.run().assert_outcomes(passed=2, failed=1)
    # The gate alone is run again, and brings the cell that it needs.
    evals.run("--lf").assert_outcomes(failed=1)
    assert [row.cell for row in evals.saved.rows] == [FEW]
    assert [one.id for one in evals.saved.gates] == [gate]
    result = evals.run("--ff", "-v")
    result.stdout.fnmatch_lines([f"*{gate} FAILED*", f"*{ZERO} PASSED*", f"*{FEW} PASSED*"])
    assert [row.cell for row in evals.saved.rows] == [ZERO, FEW]


def test_exitfirst_does_not_start_the_engine_of_a_later_group(evals):
    evals.models(m={}, n={"seed": 1})
    evals.set(models=["m", "n"], gates=[{**FAILS, "cells": "m-*"}])
    result = evals.run("-x")
    result.assert_outcomes(passed=2, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert evals.started == ["m-fake.log"]
    assert [row.cell for row in evals.saved.rows] == [ZERO, FEW]
    result.stdout.fnmatch_lines(["partial: did not run, the session was stopped: *n-prefill-zero*"])
    evals.run().assert_outcomes(failed=2, passed=4)
    assert evals.started == ["m-fake.log", "n-fake.log"]


def test_exitfirst_judges_what_is_stored_before_it_starts_an_engine(evals):
    evals.models(m={}, n={"seed": 1})
    evals.set("aa", models=["n"], gates=[{"figure": "accuracy", "at_least": 0}])
    evals.set(models=["m"], prompts=["prefill.j2"])
    evals.run("-k", "mini").assert_outcomes(passed=2, deselected=4)
    # A gate, and a prompt that nothing was stored of; another set stands before both.
    evals.set(models=["m"], prompts=["plain.j2", "prefill.j2"], gates=[FAILS])
    result = evals.run("-x", "-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines([f"*::{ZERO} PASSED*", f"*::gate-accuracy-{ZERO} FAILED*"])
    assert evals.started == ["m-fake.log"]
    saved = evals.saved
    assert [row.cell for row in saved.rows] == [ZERO, FEW]
    assert [(one.computed, one.stored) for one in saved.info.engines] == [(0, 12)]
    assert saved.info.lost == ()
    # Of the group of which a part was stored nothing is asked twice, nor shown twice.
    evals.set(models=["m"], prompts=["plain.j2", "prefill.j2"], gates=[{**FAILS, "at_least": 0}])
    result = evals.run("-x")
    assert result.ret == pytest.ExitCode.OK
    assert [(one.model, one.computed, one.stored) for one in evals.saved.info.engines] == [
        ("n", 12, 0), ("m", 12, 12)]  # fmt: skip
    assert len(evals.saved.rows) == len({row.cell for row in evals.saved.rows}) == 6
    assert evals.saved.rows[0].evalset == "evalsets/aa.yaml"


def test_models_that_share_an_engine_share_a_start(evals):
    evals.models(m={}, n={"base": True})
    evals.set("other", models=["n"])
    evals.run().assert_outcomes(passed=4)
    assert len(evals.started) == 1
    assert len(evals.saved.info.engines) == 1


def test_junit_holds_the_figures_under_plain_names(evals):
    evals.run("--junitxml=out.xml", "-k", "fewshot")
    case = ElementTree.parse(evals.root / "out.xml").find(".//testcase")
    assert case.get("name") == FEW
    assert case.get("classname") == "evalsets.mini.yaml"
    found = {one.get("name"): one.get("value") for one in case.iter("property")}
    row = evals.saved.rows[0]
    assert found["n"] == str(row.n) == "6"
    assert found["unscored"] == "0"
    assert {"accuracy", "calibrated_accuracy", "auc", "label_mass"} <= found.keys()
    assert float(found["accuracy"]) == row.figures["accuracy"].value


def test_without_the_cache_plugin(evals):
    evals.run("-p", "no:cacheprovider").assert_outcomes(passed=2)
    assert not (evals.root / ".pytest_cache").exists()


def test_user_properties_are_plain_builtins(evals):
    evals.write("conftest.py", (
        'pytest_plugins = ["harness.plugin"]\n'
        "def pytest_runtest_logreport(report):\n"
        "    for name, value in report.user_properties:\n"
        "        assert type(name) is str and type(value) in (int, float, str), (name, value)\n"
    ))  # fmt: skip
    evals.run().assert_outcomes(passed=2)


def test_root_is_not_the_working_folder(evals, monkeypatch):
    (evals.root / "below").mkdir()
    monkeypatch.chdir(evals.root / "below")
    result = evals.run("../evalsets/mini.yaml", "-k", "zeroshot", "--eval-store", "out.sqlite")
    result.assert_outcomes(passed=1, deselected=1)
    assert (evals.root / "below/out.sqlite").is_file()
    assert evals.latest.is_symlink()
    assert evals.saved.rows[0].evalset == "evalsets/mini.yaml"


def test_a_project_below_a_folder_that_is_called_evalsets(evals, monkeypatch):
    inner = evals.root / "evalsets/project"
    inner.mkdir()
    (inner / "pytest.ini").write_text("[pytest]\n")
    (inner / "conftest.py").write_text('pytest_plugins = ["harness.plugin"]\n')
    (inner / "docker-compose.yaml").write_text("services: {}\n")
    monkeypatch.chdir(inner)
    assert evals.run().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_an_edited_prompt_is_never_served_from_memory(evals):
    evals.run("-k", "zeroshot")
    first = evals.saved
    template = evals.root / "prompts/prefill.j2"
    evals.write("prompts/prefill.j2", template.read_text().replace("Is it", "Is the text"))
    evals.run("-k", "zeroshot")
    assert evals.saved.info.engines[0].computed == 6
    assert {r.prompt_key for r in first.results}.isdisjoint(
        r.prompt_key for r in evals.saved.results
    )


@pytest.mark.parametrize("option", ["--setup-only", "--setup-plan"])
def test_a_look_at_the_setup_starts_nothing(evals, option):
    result = evals.run(option)
    assert result.ret == pytest.ExitCode.OK
    assert evals.started == []
    assert not evals.latest.exists()
    assert not (evals.root / ".harness/outputs.sqlite").exists()
