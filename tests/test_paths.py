"""What a report shows of paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.paths import public_argument, public_path, public_source, public_text

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
