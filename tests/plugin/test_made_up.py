"""`--eval-engine fake`: a set is tried without weights, GPU, hub and endpoint, and says so."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from endpoints import chat, serving

from harness.report.runfiles import load_run
from harness.spec.yamlfile import read_yaml

ROOT = Path(__file__).parents[2]
SETS = sorted(path for path in (ROOT / "evalsets").glob("*.yaml") if path.stem != "models")
REMOTE = "hub:nobody/never-published-8b"


@pytest.fixture
def far(evals, monkeypatch, tmp_path):
    """A set of a GPU model on an unreachable hub, and an adapter on it that was never trained."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    big = {"source": REMOTE, "gpu": True, "max_model_len": 2048,
           "options": {"vllm": {"max_num_batched_tokens": 16384}}}  # fmt: skip
    evals.write("evalsets/models.yaml",
                {"models": {"big": big, "tuned": {**big, "adapter": "adapters/none"},
                            "words": {"engine": "tfidf", "options": {"min_rows": 1}}}})  # fmt: skip
    evals.set(models=["big", "tuned", "words"],
              gates=[{"cells": "*", "figure": "accuracy", "at_least": 0.9}])  # fmt: skip
    return evals


def test_a_set_for_a_gpu_runs_where_nothing_of_it_is(far):
    result = far.run("--eval-engine", "fake")
    # Four cells of models, one of the classifier, whose gate alone is judged.
    assert result.ret in (0, 1)
    outcomes = result.parseoutcomes()
    assert outcomes["skipped"] == 4
    assert outcomes["passed"] + outcomes.get("failed", 0) == 6
    run = far.saved
    assert {(row.model, row.n) for row in run.rows} == {("big", 6), ("tuned", 6), ("words", 6)}
    assert {one.engine for one in run.info.engines} == {"fake", "tfidf"}
    assert [gate.cell for gate in run.gates] == ["words-trained-s0"]
    result.stdout.fnmatch_lines(
        [
            f"warning: big, tuned: {REMOTE} is not on this machine, and a stand-in took its place*",
            "warning: tuned: adapters/none is not on this machine, and a stand-in took its place*",
            "warning: the engine fake made up the answers of big; its figures say nothing",
            "warning: the engine fake made up the answers of tuned; its figures say nothing",
        ]
    )
    assert "**Made-up answers.**" in far.report
    assert far.report.startswith("# Evaluation report: made-up answers")
    assert "the engine fake made its answers up, which decide no gate" in far.report


def test_base_and_adapter_are_given_different_answers(far):
    far.run("--eval-engine", "fake")
    by_model: dict[str, list[float]] = {}
    for one in far.saved.results:
        if one.cell.startswith(("big-prefill-zero", "tuned-prefill-zero")):
            by_model.setdefault(one.cell.partition("-")[0], []).append(one.log_odds)
    assert len(by_model["big"]) == 6
    assert by_model["big"] != by_model["tuned"]


def test_thoughts_of_a_model_that_is_not_there_are_made_up_too(far):
    ways = ["off", "on", {"budget": 4}]
    far.set(models=["big"], modes=[{"mode": "zeroshot", "thinking": ways}])
    far.run("--eval-engine", "fake").assert_outcomes(passed=3)
    off, on, budget = far.saved.rows
    assert (off.place, off.thoughts, off.n) == ("empty", None, 6)
    assert (on.place, on.thoughts.closed, on.n) == ("behind", 6, 6)
    assert (budget.thoughts.cut, budget.thoughts.tokens, budget.n) == (6, 4, 6)


def test_without_the_option_it_is_skipped_as_before(far):
    result = far.run("-k", "big")
    assert result.ret == 11  # nothing was judged
    assert result.parseoutcomes()["skipped"] == 4


@pytest.mark.parametrize("role", ["judge", "model"])
def test_an_endpoint_is_made_up_too(evals, monkeypatch, role):
    monkeypatch.delenv("KEY", raising=False)
    shutil.copytree(ROOT / "prompts/judge", evals.root / "prompts/judge")
    (evals.root / "evalsets/mini.yaml").unlink()
    with serving(lambda body: chat("{}")) as endpoint:
        local = {"source": "file:model", "max_model_len": 4096}
        remote = {"source": "openai:wise", "options": {
            "openai": {"base_url": endpoint.url, "api_key_env": "KEY",
                       "price": {"prompt": 1.0, "completion": 2.0}}}}  # fmt: skip
        models = {"one": remote if role == "model" else local, "two": local,
                  "wise": remote if role == "judge" else local}  # fmt: skip
        evals.write("evalsets/models.yaml", {"models": models})
        evals.write("evalsets/probes.yaml", {
            "kind": "judge", "models": ["one", "two"], "answers": {"n": 1, "max_tokens": 8},
            "probes": [{"id": "a", "kind": "k", "question": "What?", "points": ["That."]},
                       {"id": "b", "kind": "k", "question": "Who?", "points": ["She."]}],
            "judge": {"models": ["wise"], "rubric": "judge/absolute.en.j2",
                      "pairwise": "judge/pairwise.en.j2"},
            "gates": [{"models": "two", "figure": "score", "at_least": 5}],
        })  # fmt: skip
        result = evals.run("--eval-engine", "fake")
        assert endpoint.asked == []
    assert result.ret == 0
    result.assert_outcomes(passed=4, skipped=1)
    (judge,) = evals.saved.judged.judges
    assert judge.engine == "fake"
    assert judge.unscored == {}
    assert judge.expected == 1.0
    assert judge.cost is None
    assert {one.engine for one in evals.saved.info.engines} == {"fake"}
    assert all(answer.text for one in evals.saved.judged.probes for answer in one.answers)


def data_of(path: Path, folder: Path) -> list[str]:
    """Return the options that give a set of samples with labels files of its own."""
    data = read_yaml(path, path).data["data"]
    names = data.get("columns") or [data["text"], data["label"]]
    rated = "at_least" in path.read_text(encoding="utf-8").partition("gates:")[0]
    options = []
    for option, start in (("dataset", 0), ("shots", 100)):
        file = folder / f"{path.stem}-{option}.csv"
        with file.open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out)
            rows.writerow(names)
            for number in range(start, start + 60):
                good = number % 2 == 0
                word = ("fine warm funny" if good else "dull slow loud").split()[number % 3]
                label = "positive" if good else "negative"
                row = {data["text"]: f"A {word} film in {number} parts, number {number}.",
                       data["label"]: (3 if good else -3) if rated else label}  # fmt: skip
                rows.writerow([row.get(name, number) for name in names])
        options.append(f"--eval-{option}={path.stem}={file}")
    return options


@pytest.mark.slow
def test_every_shipped_set_can_be_tried(tmp_path):
    options = [option for path in SETS if not path.stem.startswith("probes")
               for option in data_of(path, tmp_path)]  # fmt: skip
    offline = {
        "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf"), "PIP_INDEX_URL": "http://0.0.0.0:9",
        "HARNESS_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *SETS, "--eval-engine", "fake", "--eval-limit", "4",
         *options, "-p", "no:cacheprovider", "--eval-store", tmp_path / "store.sqlite",
         "--eval-reports", tmp_path / "reports", "--eval-report-plots", "none"],
        cwd=ROOT, env={**os.environ, **offline}, capture_output=True, text=True, check=False,
        timeout=1200,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    run = load_run(tmp_path / "reports/latest")
    assert run.skipped == ()
    assert run.info.lost == ()
    sets = {row.evalset for row in run.rows} | {one.evalset for one in run.judged.probes}
    assert sets == {path.relative_to(ROOT).as_posix() for path in SETS}
    faked = {name for one in run.info.engines if one.engine == "fake"
             for name in one.model.split(", ")}  # fmt: skip
    ran = {row.model for row in run.rows if not row.train_rows}
    ran |= {one.model for one in run.judged.probes} | {one.judge for one in run.judged.judges}
    assert ran == faked
    assert {"qwen2.5-3b", "saiga_r16", "qwen3-30b-instruct", "smollm2-135m"} <= faked
    assert all(row.n == 4 for row in run.rows if row.scoring == "logprobs")
    # Nothing of any model was here.
    stood_in = {name for note in run.info.notes if note.kind == "stand_in"
                for name in note.about.split(", ")}  # fmt: skip
    assert stood_in == faked
