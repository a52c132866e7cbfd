"""New baselines of a pull request with a label: who may run what, and what is committed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

WORKFLOWS = Path(__file__).parents[2] / "harness/starter/project/github/workflows"
# Hands over what the other job made, and knows no login.
GH = f"""\
#!{sys.executable}
import shutil, sys
if sys.argv[1:3] == ["run", "download"]:
    shutil.copytree("made", "artifact", symlinks=True)
"""
OWN = {"GIT_AUTHOR_NAME": "me", "GIT_AUTHOR_EMAIL": "me@host", "GIT_COMMITTER_NAME": "me",
       "GIT_COMMITTER_EMAIL": "me@host", "GIT_CONFIG_GLOBAL": os.devnull}  # fmt: skip
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")


def workflow(name: str) -> dict:
    return yaml.safe_load((WORKFLOWS / name).read_text())


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True,
                          text=True, env=os.environ | OWN)  # fmt: skip
    return done.stdout.strip()


@pytest.fixture
def branch(tmp_path):
    """A bare repository with a branch `fix`, which has a baseline, and where it was checked out."""
    here = tmp_path / "here"
    (here / "baselines/old").mkdir(parents=True)
    (here / "baselines/old/a.json").write_text("1")
    (here / "code.py").write_text("x = 1\n")
    git(tmp_path, "init", "-q", "--bare", "repo")
    git(here, "init", "-q", "-b", "fix")
    git(here, "add", ".")
    git(here, "commit", "-qm", "first")
    git(here, "push", "-q", str(tmp_path / "repo"), "fix")
    return here


def accept(folder: Path, sha: str) -> subprocess.CompletedProcess[str]:
    """Run the steps of the job that may write."""
    (folder / "bin").mkdir()
    (folder / "bin/gh").write_text(GH)
    (folder / "bin/gh").chmod(0o755)
    (job,) = workflow("evals-accept.yml")["jobs"].values()
    env = os.environ | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "REMOTE": str(folder / "repo"),
        "RUN": "5",
        "SHA": sha,
        "BRANCH": "fix",
        "BASELINES": job["env"]["BASELINES"],
    }
    script = "\n".join(step["run"] for step in job["steps"])
    return subprocess.run(["bash", "-e", "-c", script], cwd=folder, env=env, check=False,
                          capture_output=True, text=True, timeout=60)  # fmt: skip


@needs_git
def test_baselines_are_committed_to_the_branch_and_nothing_else(tmp_path, branch):
    (tmp_path / "made/new").mkdir(parents=True)
    (tmp_path / "made/new/b.json").write_text("2")
    done = accept(tmp_path, git(branch, "rev-parse", "HEAD"))
    assert done.returncode == 0, done.stderr
    repo = tmp_path / "repo"
    assert git(repo, "log", "--format=%s %an", "fix").splitlines() == [
        "Accept new baselines github-actions[bot]",
        "first me",
    ]
    assert git(repo, "ls-tree", "-r", "--name-only", "fix").splitlines() == [
        "baselines/new/b.json",
        "code.py",
    ]


@needs_git
def test_baselines_that_are_what_they_were_are_no_commit(tmp_path, branch):
    shutil.copytree(branch / "baselines", tmp_path / "made")
    done = accept(tmp_path, git(branch, "rev-parse", "HEAD"))
    assert (done.returncode, done.stdout) == (0, "the baselines are what they were\n")
    assert git(tmp_path / "repo", "log", "--format=%s", "fix") == "first"


@needs_git
def test_a_branch_that_has_moved_on_is_left_alone(tmp_path, branch):
    (tmp_path / "made").mkdir()
    (tmp_path / "made/b.json").write_text("2")
    before = git(branch, "rev-parse", "HEAD")
    (branch / "code.py").write_text("x = 2\n")
    git(branch, "commit", "-qam", "second")
    git(branch, "push", "-q", str(tmp_path / "repo"), "fix")
    assert accept(tmp_path, before).returncode != 0
    assert git(tmp_path / "repo", "log", "--format=%s", "fix") == "second\nfirst"


@needs_git
@pytest.mark.parametrize("odd", ["code.py", "link.json"])
def test_what_is_no_file_of_json_stops_the_job(tmp_path, branch, odd):
    (tmp_path / "made").mkdir()
    if odd == "link.json":
        (tmp_path / "made" / odd).symlink_to("/etc/hostname")
    else:
        (tmp_path / "made" / odd).write_text("x")
    done = accept(tmp_path, git(branch, "rev-parse", "HEAD"))
    assert done.returncode == 1
    assert done.stdout == "the artifact holds more than baselines\n"
    assert git(tmp_path / "repo", "log", "--format=%s", "fix") == "first"


def test_the_job_that_runs_the_code_may_only_read():
    made = workflow("evals-baseline.yml")
    assert made["permissions"] == {"contents": "read"}
    (job,) = made["jobs"].values()
    assert "permissions" not in job
    # YAML 1.1 reads the key as true.
    assert made[True] == {"pull_request": {"types": ["labeled"]}}
    assert job["if"] == "github.event.label.name == 'accept-evals'"
    checkout = job["steps"][0]
    assert checkout["with"] == {"persist-credentials": False}
    assert job["steps"][-2]["run"] == "pytest -rs --eval-write-baseline"


def test_the_job_that_may_write_runs_no_code_of_the_branch():
    taken = workflow("evals-accept.yml")
    assert taken["permissions"] == {}
    (job,) = taken["jobs"].values()
    assert job["permissions"] == {"actions": "read", "contents": "write"}
    assert not [step for step in job["steps"] if "uses" in step]
    assert "${{" not in "".join(step["run"] for step in job["steps"])
    assert "head_repository.full_name == github.repository" in job["if"]
    assert taken[True]["workflow_run"]["workflows"] == [workflow("evals-baseline.yml")["name"]]
