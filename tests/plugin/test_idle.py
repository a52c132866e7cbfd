"""A session without eval sets: nothing is imported, written or printed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

PRINTS_MODULES = """\
import sys
def pytest_unconfigure():
    print("MODULES", " ".join(sorted({name.partition(".")[0] for name in sys.modules})))
    print("OURS", " ".join(sorted(name for name in sys.modules if name.startswith("harness"))))
"""
HEAVY = {"torch", "transformers", "vllm", "datasets", "scipy", "statsmodels", "sklearn", "pandas"}
ROOT = Path(__file__).parents[2]


def imported(result: pytest.RunResult, kind: str = "MODULES") -> set[str]:
    (line,) = [line for line in result.outlines if line.startswith(kind + " ")]
    return set(line.split()[1:])


@pytest.fixture
def plain(pytester, monkeypatch) -> pytest.Pytester:
    """A project with one test and YAML that is not an eval set."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    pytester.makeconftest('pytest_plugins = ["harness.plugin"]\n' + PRINTS_MODULES)
    pytester.makepyfile(test_one="def test_one():\n    pass\n")
    pytester.makefile(".yaml", compose="services: {no: [valid", models="models: 1")
    return pytester


def test_nothing_is_imported_written_or_printed(plain):
    before = {path.name for path in plain.path.iterdir()}
    result = plain.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    assert not (HEAVY | {"pydantic", "jinja2", "yaml", "numpy", "rich"}) & imported(result)
    assert imported(result, "OURS") == {
        "harness",
        "harness.plugin",
        "harness.plugin.evalsets",
        "harness.plugin.hooks",
        "harness.plugin.hookspecs",
        "harness.plugin.option_values",
        "harness.plugin.options",
        "harness.plugin.tally",
    }
    result.stdout.no_fnmatch_line("*report*")
    result.stdout.no_fnmatch_line("*= evals =*")
    after = {path.name for path in plain.path.iterdir() if not path.name.startswith("runpytest")}
    assert after - before <= {"__pycache__", "stdout", "stderr"}


def test_an_empty_folder_is_told_how_to_begin(pytester, monkeypatch):
    monkeypatch.chdir(pytester.mkdir("empty"))
    told = "* is empty; what writes a first project of eval sets: harness init FOLDER"
    pytester.runpytest_inprocess("-p", "harness.plugin").stdout.fnmatch_lines([told])
    Path("notes.txt").touch()
    pytester.runpytest_inprocess("-p", "harness.plugin").stdout.no_fnmatch_line("*harness init*")


def test_xdist_keeps_its_own_scheduler(plain):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    result = plain.runpytest_subprocess("-n2", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["scheduling tests via LoadScheduling"])
    assert not (HEAVY | {"pydantic", "jinja2", "yaml", "numpy", "rich"}) & imported(result)


def test_options_of_a_run_are_harmless(plain):
    result = plain.runpytest_inprocess("--eval-limit", "3", "--eval-dataset", "mini=test_one.py")
    result.assert_outcomes(passed=1)


def test_the_models_file_is_no_eval_set(evals):
    result = evals.run("evalsets/models.yaml")
    assert result.ret in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED)


def test_other_yaml_of_a_project_is_left_alone(evals):
    evals.write("config.yaml", "not: [valid")
    evals.write("data/evalsets.yaml", "not: [valid")
    evals.run(".").assert_outcomes(passed=2)


def test_the_plugin_can_be_switched_off(evals):
    evals.write("conftest.py", "")
    result = evals.run("-p", "no:harness.plugin", "-o", "addopts=")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_loaded_twice_it_is_registered_once(evals):
    result = evals.spawn("-p", "harness.plugin", "--trace-config", "--collect-only")
    assert result.ret == pytest.ExitCode.OK
    lines = [line for line in result.outlines if line.startswith("    harness.")]
    active = sorted(re.match(r"\s*([\w.]+)", line)[1] for line in lines)
    assert active == ["harness.plugin", "harness.plugin.hooks"]


def test_collecting_this_project_loads_no_heavy_library(pytester):
    plugin = pytester.makepyfile(prints_modules=PRINTS_MODULES)
    result = pytester.run(
        sys.executable, "-m", "pytest", "--collect-only", "-q", "--rootdir", ROOT, "-c",
        ROOT / "pyproject.toml", "-p", plugin.stem, ROOT / "evalsets",
    )  # fmt: skip
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*mini.yaml::smollm2-135m-prefill-fewshot5-chat-s0"])
    found = imported(result)
    assert "pydantic" in found
    assert not HEAVY & found
