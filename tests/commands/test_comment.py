"""The comment on a pull request, from the report to what the workflows post."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from harness.cli import app

ROOT = Path(__file__).parents[2]
ACTION = ROOT / "action.yml"
WORKFLOWS = ROOT / "harness/starter/project/github/workflows"
EXAMPLE = ROOT / "docs/examples/imdb-smollm2-h200"
MARK = "<!-- harness comment -->"
# Writes down how it is called; lists of pulls and comments are what the test says.
GH = """\
#!{python}
import os, pathlib, sys
words = sys.argv[1:]
with open(os.environ["LOG"], "a") as log:
    print(*words, file=log)
if words[0] == "run":
    pathlib.Path("artifact").mkdir()
    pathlib.Path("artifact/comment.md").write_text(pathlib.Path("comment.md").read_text())
elif "GET" in words:
    print(os.environ["PULLS"])
elif "--paginate" in words:
    print(os.environ["COMMENTS"])
"""


def call(*words):
    return CliRunner().invoke(app, ["comment", *map(str, words)])


def steps(name):
    (job,) = yaml.safe_load((WORKFLOWS / name).read_text())["jobs"].values()
    return [step["run"] for step in job["steps"] if "run" in step]


def shell(script, folder, **env):
    (folder / "bin").mkdir(exist_ok=True)
    for name, text in {
        "gh": GH.format(python=sys.executable),
        "harness": f"#!{sys.executable}\nfrom harness.cli import app\napp()\n",
        "pytest": f"#!{sys.executable}\nimport pytest, sys\nsys.exit(pytest.main())\n",
    }.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    own = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "LOG": str(folder / "log")}
    env = os.environ | own | {"PYTHONPATH": str(ROOT)} | env
    done = subprocess.run(["bash", "-e", "-c", script], cwd=folder, env=env, check=False,
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("text", ["", "\n", "x" * 99])
def test_what_is_no_report_is_no_comment(tmp_path, text):
    (tmp_path / "report.md").write_text(text)
    done = call(tmp_path)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "is no report, which begins with its title; write it again" in done.stderr


def test_a_comment_is_the_first_screen_of_the_report():
    done = call(EXAMPLE, "--link", "https://host/run")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    report = (EXAMPLE / "report.md").read_text()
    assert lines[:2] == [MARK, report.splitlines()[0]]
    assert lines[-1] == "[The whole report](https://host/run)"
    # Ten questions are not of cells that guess: eight are shown, two folded under their own heads.
    rows = [line for line in lines if line.startswith("| smollm2-135m ")]
    assert rows == [line for line in report.splitlines() if line in rows]
    folded, guessed = done.stdout.split("<details>")[1:3]
    assert "<summary>2 more</summary>" in folded
    assert folded.partition("</details>")[0].count("\n| smollm2-135m ") == 2
    assert "<summary>7 more lines, each comparison of which has a cell not shown" in guessed
    assert guessed.count("\n| smollm2-135m ") == 7
    assert "Caution, smollm2-135m: **ranks the wrong way round**" in done.stdout
    assert "![" not in done.stdout
    assert "## " not in done.stdout


def test_a_folder_without_a_report_is_one_line(tmp_path):
    done = call(tmp_path)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert "has no report that can be read" in line


@pytest.mark.parametrize(
    ("pulls", "comments", "posted"),
    [
        ("7", "", "api --method POST repos/o/r/issues/7/comments -F body=@body.md"),
        ("7", "31\n32", "api --method PATCH repos/o/r/issues/comments/31 -F body=@body.md"),
        ("", "", None),
    ],
)
def test_the_workflows_steps_write_one_comment(tmp_path, pulls, comments, posted):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/latest").symlink_to(EXAMPLE)
    shell(steps("evals.yml")[-1], tmp_path, LINK="https://host/@run")
    for script in steps("evals-comment.yml"):
        told = shell(script, tmp_path, GH_REPO="o/r", RUN="5", SHA="abc", HEAD="me:b",
                     PULLS=pulls, COMMENTS=comments)  # fmt: skip
    calls = (tmp_path / "log").read_text().splitlines()
    assert calls[0] == "run download 5 --name evals-comment --dir artifact"
    assert "head=me:b" in calls[1]
    if posted is None:
        assert told == "no open pull request ends with abc\n"
        assert len(calls) == 2
    else:
        assert calls[-1] == posted
        body = (tmp_path / "body.md").read_text()
        assert body.startswith(f"{MARK}\n# Evaluation report: no gates\n")
        assert body.count(MARK) == 1
        assert "(https://host/@\u200brun)" in body


def test_a_job_without_a_report_says_so(tmp_path):
    shell(steps("evals.yml")[-1], tmp_path, LINK="https://host/run")
    assert (tmp_path / "comment.md").read_text().splitlines() == [
        MARK, "No report was written: [the job](https://host/run) says why."
    ]  # fmt: skip


@pytest.mark.slow
def test_the_action_checks_and_runs_a_project_and_leaves_a_comment(tmp_path):
    project = tmp_path / "evals of ours"
    assert CliRunner().invoke(app, ["init", str(project)]).exit_code == 0
    *_, check, run, comment = (
        one["run"] for one in yaml.safe_load(ACTION.read_text())["runs"]["steps"] if "run" in one
    )
    outputs = tmp_path / "outputs"
    env = {"PROJECT": project.name, "GITHUB_OUTPUT": str(outputs), "LINK": "https://host/run"}
    shell(check, tmp_path, **env)
    told = shell(run, tmp_path, **env, PYTEST_ADDOPTS="--collect-only -q -k 'zeroshot or gate'")
    assert "zeroshot" in told
    assert outputs.read_text() == "report=evals of ours/reports/latest\n"
    (project / "reports").mkdir()
    (project / "reports/latest").symlink_to(EXAMPLE)
    shell(comment, tmp_path, **env)
    lines = (tmp_path / "comment.md").read_text().splitlines()
    assert (lines[0], lines[-1]) == (MARK, "[The whole report](https://host/run)")


def test_what_the_workflows_of_a_project_say_reaches_the_actions_shell_as_variables_alone():
    steps = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    assert "${{" not in "".join(step.get("run", "") for step in steps)


def test_no_pull_request_reaches_the_runner_with_the_gpu():
    # YAML 1.1 reads the key as true.
    events = yaml.safe_load((ROOT / ".github/workflows/gpu.yml").read_text())[True]
    assert set(events) == {"push", "workflow_dispatch"}
    assert events["push"] == {"branches": ["main"]}


def test_an_audit_of_all_workflows_finds_nothing(tmp_path):
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    (tmp_path / "action.yml").write_text(ACTION.read_text())
    for path in (*WORKFLOWS.glob("*.yml"), *(ROOT / ".github/workflows").glob("*.yml")):
        (folder / path.name).write_text(path.read_text())
    assert len(list(folder.iterdir())) == 6
    audit = Path(sys.executable).parent / "zizmor"
    done = subprocess.run([audit, "--offline", "--no-progress", str(tmp_path)], check=False,
                          capture_output=True, text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_only_the_job_that_runs_no_code_of_others_may_write():
    workflow = yaml.safe_load((WORKFLOWS / "evals-comment.yml").read_text())
    assert workflow["permissions"] == {}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"actions": "read", "pull-requests": "write"}
    assert not [step for step in job["steps"] if "uses" in step]
    # What a stranger can name reaches the shell as variables alone.
    assert "${{" not in "".join(steps("evals-comment.yml") + steps("evals.yml"))
