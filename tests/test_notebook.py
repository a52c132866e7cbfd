"""Evals from Python: run, loaded, as a table; and the pages whose code shows it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import harness
from harness import HarnessError, Run, load_run, run_evals
from harness.notebook import COLUMNS
from harness.records import Gate
from harness.report.runfiles import load_run as load_saved

ROOT = Path(__file__).parents[1]
EVALSET = """\
data: {source: "file:data.csv", id: id, split: {test_size: 0.5, seed: 1}}
labels: [positive, negative]
models: [tiny]
prompts: [prefill.j2]
modes: [zeroshot, {mode: fewshot, k: 2}]
scoring: generate
"""
MODELS = "models: {tiny: {source: 'file:model', engine: fake, options: {answer: positive}}}\n"


@pytest.fixture
def small(model_project):
    model_project.evalset(EVALSET)
    model_project.models(MODELS)
    model_project.write("pytest.ini", "[pytest]\naddopts = --eval-report-plots none\n")
    return model_project


@dataclass(frozen=True)
class Finished:
    """A run of the small project, and what it brought into this process."""

    run: Run
    root: Path
    modules: frozenset[str]
    moved: bool


@pytest.fixture(scope="module")
def finished() -> list[Finished]:
    """Return where the one run of `first` is kept."""
    return []


@pytest.fixture
def first(small, finished) -> Finished:
    """The first run of the small project, which tests only read."""
    if not finished:
        modules, here = set(sys.modules), Path.cwd()
        run = run_evals("evalsets", root=small.root)
        more = frozenset(set(sys.modules) - modules)
        finished.append(Finished(run, small.root, more, Path.cwd() != here))
    return finished[0]


@pytest.fixture
def done(first) -> Run:
    return first.run


def test_run_evals_gives_the_run_that_pytest_saves(first, pytester, monkeypatch):
    run, root = first.run, first.root
    assert run.folder.parent == root / "reports"
    assert not first.moved
    assert not any("conftest" in name for name in first.modules)
    assert run.passed
    assert run.saved == load_saved(run.folder) == load_run(run.folder).saved
    assert "2 passed" in run.output
    assert run.report.startswith("# Evaluation report")
    monkeypatch.chdir(root)
    for name in [name for name in os.environ if name.startswith("PYTEST_XDIST_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    again = pytester.runpytest_inprocess("-p", "no:xdist", "-p", "harness.plugin", "evalsets")
    again.assert_outcomes(passed=2)
    saved = load_run("reports/latest")
    assert saved.folder != run.folder
    assert (saved.rows, saved.saved.results) == (run.rows, run.saved.results)


@pytest.mark.slow
def test_a_second_call_sees_what_was_edited_and_takes_options(first, tmp_path):
    """In a copy of the project and its store, as others read the first run."""
    root = shutil.copytree(first.root, tmp_path / "copy", ignore=shutil.ignore_patterns("reports"))
    models = MODELS.replace("answer: positive", "answer: what")
    (root / "evalsets/models.yaml").write_text(models)
    second = run_evals(["evalsets/set.yaml"], root=root, limit=2, options=["-k", "zeroshot"])
    assert second.folder != first.run.folder
    assert [row.n for row in first.run.rows] == [6, 6]
    assert [(row.mode, row.n, row.unscored) for row in second.rows] == [("zeroshot", 0, 2)]
    frame = second.frame()
    assert frame["correct"].isna().all()
    assert set(frame["reason"]) == {"no label in the answer"}


def test_the_frame_has_a_row_for_each_cell_and_sample(done):
    frame = done.frame()
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == len(done.saved.results) == 12
    assert frame.groupby("cell")["sample"].nunique().tolist() == [6, 6]
    means = frame.groupby("cell")["correct"].mean()
    for row in done.rows:
        assert means[row.cell] == row.figures["accuracy"].value
    assert set(frame["k"]) == {0, 2}
    assert frame.loc[frame["k"] == 0, "seed"].isna().all()
    assert str(frame["correct"].dtype) == "boolean"


def test_findings_are_those_of_the_runs_folder(done, tmp_path):
    figures = {row.cell: row.figures["accuracy"] for row in done.rows}
    (one,) = [c for c in done.findings.comparisons if c.figure == "accuracy"]
    assert one.kind == "shots"
    assert one.difference.first == figures[one.first.cell].value
    assert one.difference.second == figures[one.second.cell].value
    with pytest.raises(HarnessError, match=r"findings\.json: no such file"):
        Run(tmp_path, done.saved).findings  # noqa: B018  # a property that reads a file


def test_a_run_without_labelled_cells_has_an_empty_frame(done, tmp_path):
    head = json.loads((done.folder / "run.json").read_text()) | {"rows": []}
    (tmp_path / "run.json").write_text(json.dumps(head))
    (tmp_path / "results.jsonl").write_text("")
    frame = load_run(tmp_path).frame()
    assert (len(frame), tuple(frame.columns)) == (0, COLUMNS)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda p: p.evalset(EVALSET + "modles: 1\n"), "set.yaml:7: modles: unknown key"),
        (lambda p: p.models(MODELS.replace("answer: positive", "fail_start: true")),
         "pytest ended with code 10; what there is of it is in "),
        (lambda p: shutil.rmtree(p.root / "evalsets"), "pytest ended with code 4"),
    ],
    ids=["mistake", "engine", "nothing"],
)  # fmt: skip
@pytest.mark.slow
def test_what_does_not_run_raises_with_pytests_words(small, break_it, said):
    break_it(small)
    with pytest.raises(HarnessError, match=re.escape(said)):
        run_evals("evalsets", root=small.root)


def test_a_failed_gate_is_a_result(done):
    gate = Gate("evalsets/set.yaml", "c", "accuracy", "at_least", 0.9, "fail", True, "no")
    assert done.passed
    assert not replace(done, saved=replace(done.saved, gates=(gate,))).passed


def test_a_folder_without_a_run_is_one_line(tmp_path):
    with pytest.raises(HarnessError, match="no such file; give the folder of a finished run"):
        load_run(tmp_path)


def test_importing_the_package_imports_no_more():
    code = "import sys, harness; print([m for m in sys.modules if m.startswith('harness.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", harness.__all__)
def test_every_name_is_there(name):
    assert getattr(harness, name).__name__ == name


@pytest.mark.slow
def test_the_code_of_the_page_on_notebooks_runs(tmp_path, monkeypatch, capsys):
    """All blocks of docs/notebooks.md, one after another, in a copy of the example project."""
    left = shutil.ignore_patterns("reports", ".harness", "__pycache__", ".pytest_cache")
    shutil.copytree(ROOT / "examples/plugin", tmp_path / "plugin", ignore=left)
    monkeypatch.chdir(tmp_path / "plugin")
    page = (ROOT / "docs/notebooks.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 4
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/notebooks.md", "exec"), names)
    assert len(names["frame"]) == 24
    assert set(COLUMNS) == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_the_code_of_the_page_on_extending_is_that_of_the_example():
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    for name in ("contains", "shortest", "label_bias", "conftest"):
        code = (ROOT / f"examples/plugin/{name}.py").read_text(encoding="utf-8")
        assert f"```python\n{code}```" in page, name
