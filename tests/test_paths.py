"""What a report shows of paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.paths import public, public_argument, public_path, public_source, public_text
from harness.records import EngineInfo, Note, Result, Run, RunInfo

HERE = Path("/home/ann/project")


@pytest.fixture(autouse=True)
def _home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("/home/ann/project/evalsets/mini.yaml::m-p-zeroshot", "evalsets/mini.yaml::m-p-zeroshot"),
        ("/home/ann/project", "."),
        ("/home/ann/secret/mini.yaml", "mini.yaml"),
        ("--eval-dataset=imdb=/home/ann/secret/a=b.csv", "--eval-dataset=imdb=a=b.csv"),
        ("imdb=/home/ann/project/data/my.csv", "imdb=data/my.csv"),
        ("imdb=~/project/data/my.csv", "imdb=data/my.csv"),
        ("--rootdir=/srv/x", "--rootdir=x"),
        ("-c/home/ann/other/pytest.ini", "-cpytest.ini"),
        ("data/my.csv", "data/my.csv"),
        ("zeroshot or fewshot", "zeroshot or fewshot"),
        ("a/b", "a/b"),
        ("-q", "-q"),
    ],
)
def test_arguments(argument, shown):
    assert public_argument(argument, HERE) == shown


def test_a_relative_path_stays():
    assert public_path("../data/x.csv", HERE) == "../data/x.csv"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (
            "file:/home/ann/a.csv, shots file:/home/ann/project/b.csv",
            "file:a.csv, shots file:b.csv",
        ),
        ("hub:stanfordnlp/imdb (test)", "hub:stanfordnlp/imdb (test)"),
        ("pypi:vaderSentiment==3.3.2 a/b.txt", "pypi:vaderSentiment==3.3.2 a/b.txt"),
        ("file:~/models/x", "file:x"),
        ("inline", "inline"),
        ("/home/ann/a.csv, shots /home/ann/project/b.csv", "a.csv, shots b.csv"),
    ],
)
def test_sources(source, shown):
    assert public_source(source, HERE) == shown


def test_messages():
    text = "no such file at /home/ann/project/a.csv; see /home/ann/.cache/x"
    assert public_text(text, HERE) == "no such file at a.csv; see ~/.cache/x"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cannot write /home/ann", "cannot write ~"),
        ("('/home/ann/project', 'x')", "('.', 'x')"),
        ("in /home/ann/project.", "in .."),
        ("file:/home/ann/m:/home/ann/project/b", "file:~/m:b"),
        ("/home/anna/x /home/ann.old/x /mnt/home/ann/x",) * 2,
        ("/srv/runs/a", "a"),
        ("/home/ann/project/sub/x and /home/ann/project-2/x", "x and ~/project-2/x"),
    ],
)
def test_messages_name_folders_of_the_project_and_home_by_their_short_names(text, shown):
    assert public_text(text, HERE, HERE / "sub", Path("/srv/runs")) == shown


def test_no_home_is_no_path(monkeypatch):
    monkeypatch.setenv("HOME", "/")
    assert public_text("/etc/x", HERE) == "/etc/x"


def test_a_record_is_made_public_but_for_what_data_says():
    note = Note("no_record", "/home/ann/m", {"folder": "/home/ann/project/a", "count": 3,
                                             "pairs": ("/home/ann/x", "b")})  # fmt: skip
    engine = EngineInfo("m", "file:/home/ann/w", "d", "fake", "1", "float32", "cpu", 0.0, 0.0, 0, 0,
                        0, 0, 0)  # fmt: skip
    result = Result("e", "c", "s", "", "at /home/ann/a", "t", None, None, None,
                    "no /home/ann/l", {}, None)  # fmt: skip
    command = "pytest /home/ann/project/a"
    info = RunInfo("r", "", 1.0, command, {}, {}, engines=(engine,), notes=(note,))
    shown = public(Run(info, results=(result,)), HERE)
    assert shown.info.notes == (
        Note("no_record", "~/m", {"folder": "a", "count": 3, "pairs": ("~/x", "b")}),
    )
    assert (shown.info.engines[0].source, shown.info.command) == ("file:~/w", "pytest a")
    assert (shown.results[0].text, shown.results[0].reason) == ("at /home/ann/a", "no ~/l")
