"""`harness assets`: what sets need, whether it is here, and what cannot be had."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from harness.cli import app

MODELS = """\
models:
  tiny: {source: "file:model"}
  tuned: {source: "file:model", adapter: adapters/tuned}
  far: {source: "hub:nobody/nothing", gpu: true}
  packed:
    source: pypi:nothing-of-this-name==1.0
    member: a/b.gguf
    sha256: "0000000000000000000000000000000000000000000000000000000000000000"
  served: {source: "openai:x", options: {base_url: "http://127.0.0.1:9/v1", api_key_env: null}}
  tfidf: {engine: tfidf}
"""
JUDGED = """\
kind: judge
models: [tiny, served]
judge: {models: [far], rubric: judge/absolute.en.j2}
probes: [{id: a, kind: b, question: c, points: [d]}]
"""


@pytest.fixture
def call(project, monkeypatch, tmp_path_factory):
    caches = tmp_path_factory.mktemp("caches")
    monkeypatch.setenv("HARNESS_CACHE", str(caches / "own"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(caches / "datasets"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    project.models(MODELS)
    own = (project.root / "evalsets/set.yaml").read_text()
    project.evalset(own.replace("[tiny]", "[tiny, tuned, packed, tfidf]"))
    project.evalset(own.replace("file:data.csv", "hub:nobody/rows"), "hub")
    project.evalset(JUDGED, "judged")
    project.write("prompts/judge/absolute.en.j2",
                  "{% macro system() %}s{% endmacro %}"
                  "{% macro user(question, points, answer) %}{{ question }}{{ points }}{{ answer }}"
                  "{% endmacro %}")  # fmt: skip
    return lambda *args: CliRunner().invoke(app, ["assets", *args, "--root", str(project.root)])


def table(text: str) -> dict[str, list[str]]:
    """Return the cells of each line by what is needed."""
    rows = [re.split(r"  +", line.strip()) for line in text.splitlines()[:-1]]
    return {cells[3]: cells for cells in rows}


def test_each_source_is_listed_once(call):
    done = call("list")
    assert done.exit_code == 0, done.stderr
    rows = table(done.stdout)
    assert set(rows) == {"source", "file:model", "adapters/tuned", "pypi:nothing-of-this-name==1.0",
                         "file:data.csv", "hub:nobody/rows", "hub:nobody/nothing"}  # fmt: skip
    here = {name for name, cells in rows.items() if cells[0] == "yes"}
    assert here == {"file:data.csv"}
    assert rows["file:data.csv"] == ["yes", "data", "0.4 kB", "file:data.csv",
                                     "evalsets/set.yaml", "data.csv"]  # fmt: skip
    assert rows["file:model"][4] == "evalsets/hub.yaml, evalsets/judged.yaml, evalsets/set.yaml"


def test_what_cannot_be_had_is_a_line_each(call):
    done = call("fetch")
    assert done.exit_code == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 5
    for line, (users, said) in zip(
        lines,
        [
            ("evalsets/hub.yaml, evalsets/judged.yaml, evalsets/set.yaml: ", "file:model: no such"),
            ("evalsets/hub.yaml: ", "hub data set nobody/rows is out of reach"),
            ("evalsets/judged.yaml: ", "hub model nobody/nothing is out of reach"),
            ("evalsets/set.yaml: ", "no adapter at adapters/tuned; train it"),
            ("evalsets/set.yaml: ", "pypi:nothing-of-this-name==1.0"),
        ],
        strict=True,
    ):
        assert line.startswith(users + said), line
    assert done.stdout.startswith("data file:data.csv: ")


def test_what_is_here_is_found_whole(call, project):
    for name in ("config.json", "tokenizer.json"):
        project.write(f"model/{name}", "{}")
    assert table(call("list").stdout)["file:model"][0] == "no"
    project.write("model/model.safetensors", "weights")
    done = call("list", str(project.root / "evalsets/set.yaml"))
    assert "hub:" not in done.stdout
    assert table(done.stdout)["file:model"][0] == "yes"
