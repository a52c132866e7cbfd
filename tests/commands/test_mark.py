"""`harness judge mark`: what it refuses, in one line; tests/browser drives the page itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from judged_builders import make_judged, make_judged_run, told_apart
from typer.testing import CliRunner

from harness.cli import app
from harness.records import Judged
from harness.report.runfiles import save_run

JUDGED = told_apart(make_judged(probes=3, answers=2))


def marked(folder, *options, judged=JUDGED, texts="full"):
    save_run(folder, make_judged_run(judged), texts=texts)
    return CliRunner().invoke(app, ["judge", "mark", str(folder), "--root", str(folder), *options])


@pytest.mark.parametrize(
    ("given", "options", "line"),
    [
        ({"judged": Judged()}, (), "has no judge set; give the folder of a judged run"),
        ({"texts": "none"}, (), "has no texts; give a run with --eval-report-texts full"),
        ({"judged": replace(JUDGED, pairs=())}, (), "evalsets/probes.yaml compared no pairs; add "
         "judge.pairwise, or mark --of points"),
        ({}, ("--judge", "judge-7"), "--judge: no judge 'judge-7' in "),
        ({}, ("--set", "evalsets/probs.yaml"), "--set: no judge set 'evalsets/probs.yaml' in "),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(tmp_path, given, options, line):
    result = marked(tmp_path, *options, **given)
    assert result.exit_code == 2
    (told,) = result.output.splitlines()
    assert line in told
    assert not list(tmp_path.glob("*.html"))


def test_the_set_says_what_is_demanded_and_by_which_rubrics(tmp_path):
    assert marked(tmp_path).exit_code == 0
    usual = tables(tmp_path)
    (tmp_path / "evalsets").mkdir()
    models = {name: {"source": "file:m"} for name in ("base", "judge-7b")}
    (tmp_path / "evalsets/models.yaml").write_text(json.dumps({"models": models}))
    probe = {"id": "p", "kind": "k", "question": "?", "points": ["p"]}
    judge = {"models": ["judge-7b"], "rubric": "a.j2", "passport": {"min_accuracy": 0.9}}
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts/a.j2").write_text("")
    (tmp_path / "evalsets/probes.yaml").write_text(
        json.dumps({"kind": "judge", "models": ["base"], "probes": [probe], "judge": judge})
    )
    done = marked(tmp_path)
    assert done.exit_code == 0
    assert "then harness judge passport judge-7b --rubric a.j2 --gold marks-" in done.stderr
    found = tables(tmp_path)
    assert found["orders"] == usual["orders"]
    assert (usual["accuracy"]["least"][30], found["accuracy"]["least"][60]) == (27, 59)


def tables(folder):
    text = (folder / "mark-pairs.html").read_text("utf-8")
    (data,) = re.findall(r'<script id="data" type="application/json">(.*)</script>', text)
    return json.loads(data)
