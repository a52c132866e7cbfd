"""`harness init`: what it writes loads, and nothing that is there is touched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from harness.cli import app
from harness.jsontext import json_value
from harness.judge.gold import read_gold
from harness.sources.rows import read_table

PAGE = (Path(__file__).parents[2] / "docs/start.md").read_text(encoding="utf-8")


@pytest.fixture
def call(monkeypatch, tmp_path, tmp_path_factory):
    monkeypatch.chdir(tmp_path)
    # No tokenizer is at hand there, which takes a while to open.
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path_factory.mktemp("cache")))
    return lambda *args: CliRunner().invoke(app, [str(arg) for arg in args])


def test_a_first_project_loads_in_full(call, tmp_path):
    done = call("init", "first", "--judge")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.endswith("next:\n  cd first && harness validate\n  pytest\n")
    root = tmp_path / "first"
    written = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    assert {".gitignore", ".github/workflows/evals.yml", "prompts/judge/absolute.en.j2"} < written
    assert f"wrote {len(written)} files" in done.stdout
    rows = read_table(root / "data/reviews.csv", need=["id", "text", "label"]).rows
    assert len({row["text"] for row in rows}) == len(rows) >= 60
    assert len(read_gold(root / "evalsets/gold/pairs.jsonl")) == 12
    checked = call("validate", "--root", root)
    assert checked.exit_code == 0, checked.stderr
    assert "evalsets/reviews.yaml: 4 cells, 72 samples\n" in checked.stdout
    assert "evalsets/questions.yaml: a judge set, 2 probes" in checked.stdout
    assert "warning" not in checked.stdout
    for path in (root / "evalsets").glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        (schema,) = re.findall(r"^# yaml-language-server: \$schema=(.+)$", text, re.MULTILINE)
        wanted = json_value((path.parent / schema).read_text(encoding="utf-8"))
        Draft202012Validator(wanted).validate(yaml.safe_load(text))


def test_its_workflow_may_read_and_runs_actions_by_digest(call, tmp_path):
    call("init")
    text = (tmp_path / ".github/workflows/evals.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert [one.partition("@")[0] for one in used] == [
        "actions/checkout", "actions/setup-python", "actions/upload-artifact"
    ]  # fmt: skip
    assert all(re.fullmatch(r"[0-9a-f]{40}", one.partition("@")[2]) for one in used)
    assert [step["run"] for step in job["steps"] if "run" in step][-3:-1] == [
        "harness validate", "pytest -rs"
    ]  # fmt: skip
    assert "${{" not in "".join(step.get("run", "") for step in job["steps"])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (".gitignore", "*.o\n", ": has .gitignore already, and nothing was written; "),
        ("pyproject.toml", "[tool.pytest.ini_options]\n", "has settings of pytest, which a "),
        ("data", "a file\n", "data"),
    ],
)
def test_nothing_that_is_there_is_touched(call, tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    done = call("init")
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [name]
    assert (tmp_path / name).read_text() == text


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_is_not_written_to_its_end_leaves_nothing(call, monkeypatch, tmp_path, error):
    def full(path, *args, **kwargs):
        if path.name == "pytest.ini" and args[:1] == ("x",):
            raise error
        return real(path, *args, **kwargs)

    real = Path.open
    monkeypatch.setattr(Path, "open", full)
    done = call("init", "first")
    assert done.exit_code != 0
    assert isinstance(error, KeyboardInterrupt) or done.stderr.endswith(": 'first/pytest.ini'\n")
    assert not [one for one in tmp_path.rglob("*") if one.is_file()]


def test_what_is_not_a_folder_is_named(call, tmp_path):
    (tmp_path / "prompts").symlink_to("nowhere")
    done = call("init")
    assert done.exit_code == 2
    assert ": has prompts already, and nothing was written; " in done.stderr
    (tmp_path / "a file").write_text("")
    assert "a file: is not a folder; give a new one" in call("init", "a file").stderr
    assert "cd 'a folder' && harness validate" in call("init", "a folder").stdout


def test_a_folder_in_a_repository_is_told_where_workflows_are_read(call, tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert "root of a repository alone: move first/.github there" in call("init", "first").stderr
    assert call("init").stderr == ""


@pytest.mark.parametrize("gone", ["evalsets", "evalsets/models.yaml", "prompts"])
def test_a_project_that_lacks_a_file_is_told_of_it(call, tmp_path, gone):
    call("init")
    (tmp_path / gone).rename(tmp_path / "elsewhere")
    done = call("validate")
    assert done.exit_code == 2
    assert done.stderr.endswith(": harness init FOLDER\n")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("data/reviews.csv", ",positive", ",good"), "no label has 'good' in column 'label'"),
        (("evalsets/reviews.yaml", "negative]", "negative, mixed]"), "0 samples of label 'mixed'"),
        (("recipes/r.yaml", "", "base: {}\n"), "recipes/r.yaml:1: "),
        (("baselines/reviews/smollm2-135m-plain-zeroshot.json", "", "{"), "json: damaged ("),
    ],
)
def test_what_a_run_would_stop_at_fails_the_check(call, tmp_path, change, said):
    call("init")
    path, old, new = change
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    text = (tmp_path / path).read_text() if old else ""
    (tmp_path / path).write_text(text.replace(old, new, 1) if old else new)
    set_file = tmp_path / "evalsets/reviews.yaml"
    set_file.write_text(re.sub(r".*figure: auc.*\n", "", set_file.read_text()))
    done = call("validate")
    assert done.exit_code == 2
    assert said in done.stderr


def test_its_judge_is_measured_by_the_pairwise_rubric_beside_its_own(call):
    call("init", "--judge")
    given = ("--rubric", "judge/absolute.en.j2", "--gold", "gone.jsonl")
    # Gold is read behind the rubrics.
    assert "gone.jsonl" in call("judge", "passport", "smollm2-135m", *given).stderr


def test_a_label_that_no_sample_has_is_told(call, tmp_path):
    call("init")
    path = tmp_path / "evalsets/reviews.yaml"
    text = re.sub(r".*(figure: auc|fewshot).*\n", "", path.read_text())
    path.write_text(text.replace("negative]", "negative, mixed, none]"))
    said = call("validate").stdout
    assert "warning: evalsets/reviews.yaml: no sample has the label mixed, none; " in said


def test_the_page_shows_what_the_commands_say(call, tmp_path):
    """Its commands up to the run, which tests/test_wheel.py makes; its output is theirs."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    shown = [block.split("\n", 1) for block in blocks]
    told = {}
    for line, output in shown:
        words = line.removeprefix("$ ").split()
        if words[:1] == ["harness"]:
            told[words[1]] = output
            done = call(*words[1:])
            assert done.exit_code == 0, done.stderr
            if words[1] == "init":
                (tmp_path / "first").rename(tmp_path / "moved")
                for path in (tmp_path / "moved").iterdir():
                    path.rename(tmp_path / path.name)
            said = [one.split() for one in [*done.stdout.splitlines(), "…"]]
            assert [one for one in output.splitlines() if one.split() not in said] == []
    assert list(told) == ["init", "validate", "assets"]
