"""Sessions of other people's projects: their options, files, hooks and state stay theirs."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness.plugin.options import add_options

NAMES = ("engine", "dtype", "dataset", "shots", "limit", "store", "reports", "report-lang",
         "report-texts", "report-plots", "start-timeout", "stall-timeout", "write-baseline",
         "answers", "baseline-runs", "baseline-add", "gpus", "against", "plan",
         "repeat-engine")  # fmt: skip
FOREIGN = f"""\
import pytest

def pytest_addoption(parser):
    for name in {NAMES}:
        parser.addoption(f"--{{name}}", default="unset", help="of this project")
        parser.addini(name.replace("-", "_"), "of this project")

@pytest.fixture
def limit(request):
    return request.config.getoption("--limit")
"""
TEST = """\
import pytest

@pytest.mark.parametrize("name", NAMES)
def test_options(request, name):
    assert request.config.getoption(f"--{name}") == ("3" if name == "limit" else "unset")
    assert request.config.getini(name.replace("-", "_")) == "of the file"

def test_fixture(limit):
    assert limit == "3"
"""
GATE = [{"cells": "*", "figure": "accuracy", "at_least": 0.0}]


def theirs(folder: Path, ini: str = "") -> None:
    """Make a folder a project with options of its own."""
    with (folder / "conftest.py").open("a") as out:
        out.write(FOREIGN)
    keys = "".join(f"{name.replace('-', '_')} = of the file\n" for name in NAMES)
    (folder / "pytest.ini").write_text(f"{ini or '[pytest]'}\n{keys}")
    (folder / "test_theirs.py").write_text(f"NAMES = {NAMES}\n{TEST}")


@pytest.fixture
def plain(pytester, monkeypatch) -> pytest.Pytester:
    """A project without eval sets, in which the plugin is installed."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p harness.plugin")
    return pytester


def test_all_options_are_prefixed():
    parser = pytest.Parser(_ispytest=True)
    add_options(parser)
    found = [one for group in parser._groups for one in group.options]
    # pytest has a `--strict` of its own, which nobody else can have.
    names = (*NAMES, "strict")
    assert len(found) == len(names)
    assert {name for one in found for name in one.names()} == {f"--eval-{name}" for name in names}
    assert all(one.dest.startswith("eval_") for one in found)
    assert all(key.startswith("eval_") for key in parser._inidict)


def test_a_project_without_eval_sets_has_options_of_the_old_names(plain):
    theirs(plain.path)
    result = plain.runpytest_subprocess("--limit", "3")
    result.assert_outcomes(passed=len(NAMES) + 1)
    assert result.ret == pytest.ExitCode.OK


def test_a_project_with_eval_sets_has_options_of_the_old_names(evals):
    theirs(evals.root, (evals.root / "pytest.ini").read_text().rstrip())
    result = evals.run(".", "--limit", "3", "--eval-limit", "4")
    result.assert_outcomes(passed=2 + len(NAMES) + 1)
    assert [row.n for row in evals.saved.rows] == [4, 4]


@pytest.mark.parametrize("name", NAMES)
def test_an_old_name_is_unknown(plain, name):
    result = plain.runpytest_inprocess("-p", "harness.plugin", f"--{name}=x")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*unrecognized arguments: --{name}=x*"])


COLLECTOR = """\
import pytest

class Spec(pytest.File):
    def collect(self):
        yield SpecItem.from_parent(self, name="spec")

class SpecItem(pytest.Item):
    def runtest(self):
        assert self.path.read_text() == "not: [ours"

def pytest_collect_file(file_path, parent):
    if file_path.suffix in (".yaml", ".yml"):
        return Spec.from_parent(parent, path=file_path)
"""


def test_yaml_of_another_plugin_is_its_own(plain):
    plain.makeconftest(COLLECTOR)
    for name in ("spec.yaml", "models.yaml", "evalset.yml", "evalsets.yaml", "evals/set.yaml"):
        (plain.path / name).parent.mkdir(exist_ok=True)
        (plain.path / name).write_text("not: [ours")
    result = plain.runpytest_subprocess()
    result.assert_outcomes(passed=5)


def modified(by: str) -> str:
    return f"""
import random
def pytest_collection_modifyitems(items):
    {by}
"""


@pytest.mark.parametrize(
    "by", ["items.reverse()", "random.Random(7).shuffle(items)", "random.Random(3).shuffle(items)"]
)
def test_another_order_gives_the_same_run(evals, by):
    evals.set(gates=GATE)
    first = evals.run()
    outcomes, before = first.parseoutcomes(), evals.saved
    with (evals.root / "conftest.py").open("a") as out:
        out.write(modified(by))
    again = evals.run()
    assert again.parseoutcomes() == outcomes
    assert again.ret == first.ret
    after = evals.saved
    assert (after.rows, after.results) == (before.rows, before.results)
    assert {gate.id: gate.verdict for gate in after.gates} == {
        gate.id: gate.verdict for gate in before.gates
    }


def test_a_hook_may_drop_items_without_a_word(evals):
    evals.set(gates=GATE)
    with (evals.root / "conftest.py").open("a") as out:
        out.write(modified("items[:] = [item for item in items if 'gate' in item.name]"))
    result = evals.run()
    outcomes = result.parseoutcomes()
    assert sum(outcomes.get(word, 0) for word in ("passed", "skipped")) == 2
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    "absent",
    [["cacheprovider"], ["terminal"], ["junitxml", "setuponly", "stepwise", "durations"],
     ["capture", "logging", "warnings"], ["faulthandler", "unraisableexception"]],
)  # fmt: skip
def test_pytests_own_plugins_may_be_switched_off(evals, absent):
    result = evals.run(*(f"-pno:{name}" for name in absent))
    assert result.ret == pytest.ExitCode.OK
    assert [row.n for row in evals.saved.rows] == [6, 6]


@pytest.mark.parametrize(
    ("test", "code"),
    [("def test_it():\n    assert not 1\n", 1), ("def nothing():\n    pass\n", 0),
     ("import nothing_of_this_name\n", 2)],
)  # fmt: skip
def test_exit_codes_of_the_projects_own_tests_stay(evals, test, code):
    evals.write("test_theirs.py", test)
    assert evals.run(".").ret == code


def test_an_exit_code_that_a_project_sets_stays(plain):
    plain.makeconftest("def pytest_sessionfinish(session):\n    session.exitstatus = 77\n")
    plain.makepyfile("def test_it():\n    pass\n")
    assert plain.runpytest_subprocess().ret == 77


def test_junit_says_nothing_more_of_other_tests(evals):
    evals.write("test_theirs.py", "def test_it():\n    pass\n")
    evals.run(".", "--junitxml=out.xml").assert_outcomes(passed=3)
    cases = ET.parse(evals.root / "out.xml").iter("testcase")
    properties = {one.get("name"): len(list(one.iter("property"))) for one in cases}
    assert properties.pop("test_it") == 0
    assert len(properties) == 2
    assert min(properties.values()) > 0


STATE = """\
import csv, locale, logging, os, random, signal, sys, threading, warnings

def state():
    import matplotlib
    return {
        "environment": {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"},
        "folder": os.getcwd(),
        "random": random.getstate(),
        "filters": list(warnings.filters),
        "log": (logging.root.level, logging.root.handlers[:2], logging.root.manager.disable),
        "signals": [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)],
        "recursion": sys.getrecursionlimit(),
        "csv": csv.field_size_limit(),
        "locale": locale.setlocale(locale.LC_ALL),
        "hooks": (sys.excepthook, threading.excepthook, sys.stdout, sys.stderr),
        "threads": {one.name for one in threading.enumerate()},
        "figures": dict(matplotlib.rcParams),
    }

BEFORE = {}

def test_before():
    BEFORE.update(state())

def test_after():
    assert {k for k, v in state().items() if v != BEFORE[k]} == set()
"""


def test_the_process_is_left_as_it_was(evals):
    """Between two tests of a project its eval sets are run; nothing of the process changes."""
    evals.write("test_theirs.py", STATE)
    with (evals.root / "conftest.py").open("a") as out:
        out.write(modified("items.sort(key=lambda item: 'after' in item.name)"))
    result = evals.spawn("test_theirs.py", "evalsets", "-p", "no:xdist", "-v", "-s")
    names = re.findall(r"^(\S+)::(\S+) ", result.stdout.str(), re.MULTILINE)
    assert [name for _, name in names][-1:] == ["test_after"]
    result.assert_outcomes(passed=4)


def test_a_session_of_other_tests_needs_no_folder_that_may_be_written(evals, monkeypatch):
    """Where the modules of the plugin are loaded, and no eval set is collected."""
    evals.write("test_theirs.py", "import harness.plugin.evalfile\ndef test_it():\n    pass\n")
    evals.write("reports", "a file of the project\n")
    evals.run("test_theirs.py").assert_outcomes(passed=1)
