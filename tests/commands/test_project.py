"""Commands see what a project registers, as pytest does."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

CONFTEST = """
class Contains:
    def score(self, trial):
        return trial.unscored("nothing")


def pytest_harness_register(registry):
    registry.scorer("contains", Contains())
    registry.selector("last", lambda draw: [draw.pool[-draw.k:]])
    registry.mean_figure("rate", lambda sheet: sheet.answers == 0)
    registry.engine("parrot", "parrot")
"""
SET = """\
data: {rows: [{text: a, label: positive}, {text: b, label: negative}]}
labels: [positive, negative]
models: [tiny]
prompts: [plain.j2]
modes: [zeroshot]
scoring: contains
figures: [rate]
"""


@pytest.fixture
def call(project):
    """Run `harness` in a process of its own, as a conftest is imported but once in this one."""
    project.evalset(SET)
    project.write("parrot.py", "")
    project.write("pytest.ini", "[pytest]\npythonpath = .\nfilterwarnings = error\n")

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "harness", *args],
            cwd=project.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env=os.environ | {"COLUMNS": "200"},
        )

    return run


@pytest.mark.parametrize("place", ["conftest.py", "evalsets/conftest.py"])
def test_validate_knows_what_a_project_registers(project, call, place):
    project.write(place, CONFTEST)
    done = call("validate")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("evalsets/set.yaml: 1 cell, 2 samples\n")


def test_validate_without_a_registration_names_what_there_is(project, call):
    project.evalset(SET.replace("figures: [rate]\n", ""))
    done = call("validate")
    assert done.returncode == 2
    assert done.stderr == ("evalsets/set.yaml:6: scoring: 'contains' is not one of logprobs, "
                           "generate, choice\n")  # fmt: skip


def test_a_conftest_of_another_folder_does_not_count(project, call):
    project.write("evalsets/own/conftest.py", CONFTEST)
    project.evalset(SET, "own/inner")
    done = call("validate")
    assert done.returncode == 2
    assert done.stdout.startswith("evalsets/own/inner.yaml: 1 cell, 2 samples\n")
    assert done.stderr.startswith("evalsets/set.yaml:6: scoring: 'contains' is not one of")


def test_the_schema_has_what_is_registered(project, call):
    project.write("evalsets/conftest.py", CONFTEST)
    assert call("schema").returncode == 0
    files = {name: json.loads((project.root / f"docs/schema/{name}.json").read_text())
             for name in ("evalset", "models")}  # fmt: skip
    parts = files["evalset"]["$defs"]
    method = parts["ScoringSpec"]["properties"]["method"]
    assert method["enum"] == ["logprobs", "generate", "choice", "contains"]
    selector = parts["ModeSpec"]["properties"]["selector"]["anyOf"][0]
    assert selector["enum"][-1] == "last"
    assert files["evalset"]["properties"]["figures"]["items"]["pattern"].endswith("|rate)$")
    assert files["models"]["$defs"]["ModelSpec"]["properties"]["engine"]["enum"][-1] == "parrot"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named "
         "'nothing_of_this_name'"),
        ("def pytest_harness_register(registry):\n    registry.selector('last', 1)\n",
         "conftest.py:2: selector 'last': 1 is not a function"),
        ("def pytest_harness_register(registry):\n    registry.scorer('one', object)\n",
         "conftest.py:2: scorer 'one': <class 'object'> is not an object with a method 'score'"),
        ("def pytest_harness_register(registre):\n    pass\n",
         "Argument(s) {'registre'} are declared in the hookimpl"),
    ],
    ids=["import", "no function", "no scorer", "argument"],
)  # fmt: skip
def test_a_conftest_that_is_wrong_is_one_line(project, call, code, said):
    project.write("conftest.py", code)
    done = call("validate")
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
