"""The projects under examples/, run as a user would."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import harness
from harness.report.runfiles import load_run

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "examples/plugin"
ZERO = "smollm2-135m-ask-zeroshot"
SHORTEST = "smollm2-135m-ask-fewshot2-chat-shortest-s0"


@pytest.fixture
def project(tmp_path, pytester, monkeypatch):
    """A copy of the example, and pytest in it."""
    copy = tmp_path / "plugin"
    # What a run leaves behind in the checkout is not the example.
    left = shutil.ignore_patterns("reports", ".harness", "__pycache__", ".pytest_cache")
    shutil.copytree(PLUGIN, copy, ignore=left)
    monkeypatch.chdir(copy)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    for name in [one for one in os.environ if one.startswith("PYTEST_XDIST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHONPATH", str(Path(harness.__file__).parents[1]))

    def run(*options: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess("-p", "harness.plugin", *options, timeout=500)

    return run


@pytest.mark.parametrize("name", ["contains.py", "shortest.py", "label_bias.py"])
def test_each_extension_is_short(name):
    assert len((PLUGIN / name).read_text().splitlines()) < 30


@pytest.mark.slow
def test_the_plugin_example_runs_with_made_up_answers(project):
    project("--eval-engine", "fake").assert_outcomes(passed=3, skipped=1)
    run = load_run(Path("reports/latest"))
    rows = {row.cell: row for row in run.rows}
    # "I would say it is positive." to eight reviews, four of them negative.
    assert rows[ZERO].figures["accuracy"].value == 0.5
    assert rows[ZERO].figures["label_bias"].value == 0.5
    assert rows[SHORTEST].selector == "shortest"
    assert {(one.kind, one.name, one.source) for one in run.info.extensions} == {
        ("scorer", "contains", "contains.py"),
        ("selector", "shortest", "shortest.py"),
        ("figure", "label_bias", "label_bias.py"),
    }


@pytest.mark.slow
def test_the_plugin_example_runs_with_the_small_model(project, smollm2):
    result = project()
    assert result.ret in (0, 1)
    rows = {row.cell: row for row in load_run(Path("reports/latest")).rows}
    assert len(rows) == 3
    for row in rows.values():
        assert row.n + row.unscored == 8
        answered = row.figures.get("label_bias")
        assert (answered is None) == (row.n == 0)
    # The shots show one word as an answer, and the model follows them.
    assert rows[SHORTEST].n > 0
