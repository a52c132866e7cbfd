"""The wheel: what is in it, what it says of itself, and that it works away from the checkout."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from shown import blocks

import harness

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Run a command of this interpreter, with no network and nothing of this session."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, env=kept | environment, capture_output=True,
        text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """Build it from a copy, which keeps the checkout clean of what building leaves."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / "harness", copy / "harness",
                    ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
    quietly = "--quiet", "--disable-pip-version-check"
    run("pip", "wheel", *quietly, "--no-deps", "--no-build-isolation", "--wheel-dir", out, copy,
        cwd=copy)  # fmt: skip
    (built,) = out.iterdir()
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def site(wheel, tmp_path_factory) -> Path:
    """A folder of packages with the wheel's content; what it requires is this environment's."""
    folder = tmp_path_factory.mktemp("site")
    wheel.extractall(folder)
    return folder


def test_it_holds_the_package_and_nothing_else(wheel):
    held = {name for name in wheel.namelist() if not name.split("/")[0].endswith(".dist-info")}
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "harness").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert held == package
    assert {"harness/py.typed", "harness/language/ru.j2"} < held


def test_its_metadata(wheel):
    folder = f"pytest_evalsets-{harness.__version__}.dist-info"
    said = email.message_from_bytes(wheel.read(f"{folder}/METADATA"))
    assert (said["Name"], said["Version"]) == ("pytest-evalsets", harness.__version__)
    assert "Framework :: Pytest" in said.get_all("Classifier", [])
    assert set(said.get_all("Provides-Extra", [])) == {"gpu", "train", "browser", "dev"}
    entries = wheel.read(f"{folder}/entry_points.txt").decode()
    assert re.findall(r"^(?:\[.*\]|.+ = .+)$", entries, re.MULTILINE) == [
        "[console_scripts]", "harness = harness.cli:app",
        "[pytest11]", "harness.plugin = harness.plugin",
    ]  # fmt: skip


@pytest.fixture
def environment(site, tmp_path) -> dict[str, str]:
    return {"PYTHONPATH": str(site), "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf"),
            "HARNESS_CACHE": str(tmp_path / "cache")}  # fmt: skip


def test_what_it_writes_into_an_empty_folder_runs(site, environment, tmp_path):
    """The commands of README.md and docs/start.md, with made-up answers."""
    told = run("harness", "init", "first", "--judge", cwd=tmp_path, **environment)
    assert told.endswith("next:\n  cd first && harness validate\n  pytest\n")
    project = tmp_path / "first"
    where = project / "where.py"
    where.write_text("import harness; print(harness.__file__)")
    assert run("where", cwd=project, **environment).strip() == str(site / "harness/__init__.py")
    where.unlink()
    # By the entry point of the wheel's own metadata, as after an installation.
    told = run("pytest", "--eval-engine", "fake", "--eval-report-lang", "ru", "-p", "no:xdist",
               cwd=project, **environment)  # fmt: skip
    assert re.search(r"=+ 6 passed, 7 skipped", told)
    report = (project / "reports/latest/report.md").read_text(encoding="utf-8")
    assert f"pytest-evalsets {harness.__version__}" in report
    told = run("harness", "report", "reports/latest", "--lang", "en", cwd=project, **environment)
    assert told.strip().endswith("report.md")


def test_the_documented_small_set_loads(environment, tmp_path):
    """In an empty folder, with the files that the documentation shows and no others."""
    page = (ROOT / "docs/evalsets.md").read_text(encoding="utf-8")
    page = page[page.index("## A small set") : page.index("## Keys of an eval set")]
    files = {one.file: one.text for one in blocks("docs/evalsets.md", page) if one.file}
    assert set(files) == {"evalsets/models.yaml", "evalsets/first.yaml",
                          "prompts/sentiment/question.j2"}  # fmt: skip
    project = tmp_path / "empty"
    for name, text in {**files, "pytest.ini": ""}.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    told = run("harness", "validate", "evalsets/first.yaml", cwd=project, **environment)
    assert told.splitlines()[0] == "evalsets/first.yaml: 4 cells, 4 samples"
