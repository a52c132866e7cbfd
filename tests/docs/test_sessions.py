"""Blocks of the documentation that name a test of this file, run one after another in a shell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest
from shown import EVERY, ROOT, blocks

pytestmark = pytest.mark.slow
# What a command of the page selects by itself goes before this.
MADE_UP = "--eval-engine fake --eval-limit 12 -k 'plain and zeroshot'"
HERE = "tests/docs/test_sessions.py"


@pytest.fixture
def shell(tmp_path):
    """Run a line of a shell in a folder of its own, with this interpreter's commands."""
    where = tmp_path / "bin"
    where.mkdir()
    for name, module in (("pytest", "pytest -p harness.plugin"), ("harness", "harness")):
        (where / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        (where / name).chmod(0o755)
    left = {name: value for name, value in os.environ.items()
            if not name.startswith(("PYTEST_", "GITHUB_"))}  # fmt: skip
    root = tmp_path / "project"
    root.mkdir()

    def run(line, addopts=""):
        env = {"PATH": f"{where}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
               "PYTEST_ADDOPTS": addopts, "COLUMNS": "200"}  # fmt: skip
        done = subprocess.run(["bash", "-c", line], cwd=root, env=left | env, check=False,
                              capture_output=True, text=True, timeout=300)  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    run.root = root
    return run


def chosen(page, test):
    """Return the blocks of a page that a test of this file runs."""
    found = [one for one in blocks(page) if one.said == f"{HERE}::{test}"]
    assert found
    return found


def assert_shown(shown, said):
    """Find the lines that a page shows, in their order; `…` stands for anything."""
    left = iter(line.rstrip() for line in said.splitlines())
    for line in shown:
        if line.strip() != "…":
            told = re.compile(re.escape(line).replace("…", ".*"))
            assert any(told.fullmatch(one) for one in left), f"{line}\nis not in\n{said}"


def test_every_block_that_names_a_test_here_is_run():
    run = {f"{HERE}::{name}" for name in globals() if name.startswith("test_")}
    assert {one.said for one in EVERY if one.said.startswith(HERE)} <= run


def test_a_small_set(shell):
    for block in blocks("docs/evalsets.md"):
        if block.file in ("evalsets/models.yaml", "evalsets/first.yaml",
                          "prompts/sentiment/question.j2"):  # fmt: skip
            path = shell.root / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    # The model of the page is on a hub; this one is the same from the package index.
    shutil.copy(ROOT / "evalsets/models.yaml", shell.root / "evalsets/models.yaml")
    for block in chosen("docs/evalsets.md", "test_a_small_set"):
        for command, shown in block.commands:
            assert_shown(shown, shell(command))
    assert "smollm2-135m" in (shell.root / "reports/latest/report.md").read_text(encoding="utf-8")


def test_a_pull_request(shell):
    """As the page has it, but with one cell on fewer samples, which takes less."""
    shell("harness init")
    data = shell.root / "data/reviews.csv"
    data.write_text("".join(data.read_text().splitlines(keepends=True)[:41]))
    for block in chosen("docs/start.md", "test_a_pull_request"):
        for command, shown in block.commands:
            options = "-k 'plain and zeroshot' --eval-report-plots none"
            assert_shown(shown, shell(command, options))


def test_the_embedded_set(shell):
    for name in ("evalsets", "prompts", "baselines"):
        shutil.copytree(ROOT / name, shell.root / name)
    (shell.root / "pytest.ini").touch()
    shell("pytest evalsets/mini.yaml", MADE_UP)
    for block in chosen("docs/evalsets.md", "test_the_embedded_set"):
        if block.lang == "python":
            shell(f"'{sys.executable}' - <<'END'\n{block.text}\nEND")
        for command, _ in block.commands if block.lang != "python" else ():
            shell(command, "" if "--eval-plan" in command else MADE_UP)
    reports = [path.read_text(encoding="utf-8") for path in shell.root.glob("reports/*/report.md")]
    assert sum("## Выводы" in report for report in reports) == 1


def test_sets_of_gpu_machines(shell):
    for name in ("evalsets", "prompts"):
        shutil.copytree(ROOT / name, shell.root / name)
    (shell.root / "pytest.ini").touch()
    for name in ("validation", "train"):
        rows = [f"Day {n} of the {name},{('positive', 'negative')[n % 2]}" for n in range(60)]
        (shell.root / f"{name}.csv").write_text("\n".join(["review,sentiment", *rows]) + "\n")
    for block in chosen("docs/gpu-ci.md", "test_sets_of_gpu_machines"):
        for command, _ in block.commands:
            shell(command, "-k 'zeroshot or saiga'")
