"""`harness data analyze`, from the recipe to the report."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import app

RECIPE = """\
base: {source: "file:model", chat_template: own}
data:
  source: file:data.jsonl
  filters:
    - language: Russian
    - reply_tokens: {at_least: 4}
"""
ROWS = (
    '{"messages": [{"role": "user", "content": "Как?"}, {"role": "bot", "content": "Так."}],'
    ' "language": "Russian"}\n'
    '{"messages": [{"role": "user", "content": "How?"}, {"role": "bot", "content": "So."}],'
    ' "language": "English"}\n'
)


@pytest.fixture
def ready(project, tokenizers):
    """A project with a recipe, two rows, and a model folder that passes for one with weights."""
    root = project.root
    project.write("recipes/r.yaml", RECIPE)
    project.write("data.jsonl", ROWS)
    (tokenizers(root / "model") / "model.safetensors").touch()
    return root


@pytest.fixture
def call(ready):
    def call(*options):
        words = ["data", "analyze", str(ready / "recipes/r.yaml"), "--root", str(ready)]
        return CliRunner().invoke(app, [*words, *map(str, options)])

    return call


def test_analyze_writes_a_report(call, ready):
    done = call()
    assert done.exit_code == 0, done.output
    (report,) = (ready / "reports").glob("data-r-*/report.md")
    assert done.stdout.strip() == str(report)
    text = report.read_text()
    (line,) = [line for line in text.splitlines() if "1. language Russian" in line]
    assert [cell.strip() for cell in line.split("|")[2:5]] == ["1", "50.0%", "1"]
    assert {path.name for path in report.parent.iterdir()} == {
        "report.md", "funnel.png", "distributions.png", "lengths.png"
    }  # fmt: skip


def test_rows_that_are_left_out_are_told(call, ready):
    path = ready / "recipes/r.yaml"
    path.write_text(RECIPE.replace("  filters:", "  malformed: drop\n  filters:"))
    with (ready / "data.jsonl").open("a") as file:
        file.write('{"messages": [{"role": "user", "content": "How?"}], "language": "Russian"}\n')
    told = (
        "warning: file:data.jsonl: rows that are not dialogues and were left out: 1, the first row "
    )
    done = call()
    assert done.exit_code == 0, done.output
    assert done.stderr.startswith(told + "3: it does not end with an answer")
    words = ["train", str(path), "--root", str(ready), "--dry-run"]
    assert told in CliRunner().invoke(app, words).stderr


def test_an_empty_filter_result_is_one_line_beside_the_report(call, ready):
    path = ready / "recipes/r.yaml"
    path.write_text(RECIPE.replace("at_least: 4", "at_least: 400"))
    done = call()
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    told = ("step 2 (reply tokens at least 400) leaves none of 1 dialogues; loosen it or a step "
            "before it (language Russian: 1)")  # fmt: skip
    assert line == f"recipes/r.yaml:6: data.filters[1]: {told}"
    text = Path(done.stdout.strip()).read_text()
    assert "**No training with these filters**: recipes/r.yaml:6: " in text
    assert f": {told}" in text.replace("\\", "")
    assert "| 2. reply tokens at least 400 |" in text
    assert "answer, tokens: all" in text
    assert "answer, tokens: kept" not in text


def test_a_filter_that_cannot_work_ends_the_funnel(call, ready):
    path = ready / "recipes/r.yaml"
    path.write_text(RECIPE.replace("language: Russian", "language: Latin"))
    done = call()
    assert done.exit_code == 2
    assert "no dialogue has language 'Latin'; known: " in done.stderr
    text = Path(done.stdout.strip()).read_text()
    assert "no dialogue has language" in text
    assert "| 1." not in text
    assert "| Russian " in text


def test_without_a_tokenizer_lengths_are_in_characters(call, ready):
    path = ready / "recipes/r.yaml"
    path.write_text(RECIPE.partition("    - reply_tokens")[0].replace("file:model", "file:none"))
    done = call()
    assert done.exit_code == 0, done.output
    (line,) = done.stderr.splitlines()
    assert line.startswith("warning: lengths are in characters alone: file:none: ")
    text = Path(done.stdout.strip()).read_text()
    assert "Lengths are in characters alone: file:none: " in text
    assert "answer, characters: kept" in text
    assert ", tokens:" not in text
    # A filter that counts them cannot be tried.
    path.write_text(RECIPE.replace("file:model", "file:none"))
    done = call()
    assert done.exit_code == 2
    assert "this filter counts tokens, and no tokenizer is at hand" in done.stderr
    assert "| 1. language Russian |" in Path(done.stdout.strip()).read_text()


def test_a_given_file_and_a_missing_column(call, ready, tmp_path):
    other = tmp_path / "own.jsonl"
    other.write_text(ROWS.replace('"language"', '"tongue"'))
    done = call("--data", other)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert "needs the column 'language', which the data lacks; it has tongue" in line


def test_a_base_that_is_no_source(call):
    done = call("--base", "model")
    assert done.exit_code == 2
    assert done.stderr.startswith("--base: invalid source 'model'; write file:FOLDER")


def test_a_base_that_is_not_there(call):
    done = call("--base", "file:gone")
    assert done.exit_code == 2
    assert "no such folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_report_names_no_folder_of_the_user(call, ready, monkeypatch):
    home = ready.parent
    monkeypatch.setenv("HOME", str(home))
    other = home / "secret"
    other.mkdir()
    (ready / "data.jsonl").rename(other / "own.jsonl")
    (ready / "model").rename(other / "model")
    done = call("--data", other / "own.jsonl", "--base", f"file:{other / 'model'}")
    assert done.exit_code == 0, done.output
    (report,) = (ready / "reports").glob("data-r-*/report.md")
    text = report.read_text(encoding="utf-8")
    assert str(home) not in text
    assert "dialogues from own.jsonl (revision" in text
    assert "Tokens are those of file:model." in text


def test_what_is_wrong_is_told_without_commands_to_the_terminal(call, ready):
    (ready / "data.jsonl").write_text('{"te\\u001b[2Jxt": "x\\u202e"}\n')
    done = call()
    assert done.exit_code == 2
    assert r"te\x1b[2Jxt" in done.output
    assert not {"\x1b", "\u202e"} & set(done.output)
