"""Nothing judged is never green, and `--eval-strict` leaves nothing open."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
from endpoints import Reply, serving
from judged_builders import make_judged, make_judged_run

from harness.plugin.exits import final_code, nothing_judged
from harness.plugin.tally import Tally
from harness.reasons import Reason
from harness.records import Figure

NOTHING_JUDGED = 11
ROOT = Path(__file__).parents[2]
PASSES = {"figure": "accuracy", "at_least": 0}
UNSURE = {"figure": "accuracy", "at_least": 0.5, "on_inconclusive": "pass"}
PROBES = [
    {"id": f"p{i}", "kind": "fact", "question": f"What of {i}?", "points": ["good"]}
    for i in range(2)
]


def test_all_cells_skipped(evals, monkeypatch):
    monkeypatch.setattr("harness.hardware.device", lambda: "cpu")
    evals.models(m={"gpu": True})
    evals.set(gates=[PASSES])
    result = evals.run()
    assert result.ret == NOTHING_JUDGED
    result.stdout.fnmatch_lines(["nothing was judged: all cells were skipped, most often: *CUDA*"])
    assert not (evals.root / "reports").exists()


def test_no_verdict_on_any_sample(evals):
    evals.models(m={"options": {"answer": "neither"}})
    evals.set(scoring="generate", modes=["zeroshot"])
    result = evals.run()
    assert result.ret == NOTHING_JUDGED
    result.stdout.fnmatch_lines(["nothing was judged: no sample and no probe has a verdict"])


@pytest.mark.parametrize("figure", ["score", "points", "win_rate"])
def test_any_verdict_of_a_trusted_judge_is_one(figure):
    known = {figure: Figure(0.5, 0.4, 0.6, 30)}

    def why(**changes):
        own = replace(make_judged().standings[0], figures=known, **changes)
        judged = replace(make_judged(), probes=(), standings=(own,))
        return nothing_judged(make_judged_run(judged), Tally(), fake=False)

    assert why() == ""
    doubted = "all verdicts are of judges that are not trusted or void (judge-7b)"
    assert why(trusted=False) == why(void=Reason("no_answers")) == doubted


def test_what_is_lost_is_no_success_though_every_item_passed():
    whole = make_judged_run(make_judged())
    lost = replace(whole, info=replace(whole.info, lost=(Reason("worker_died"),)))
    assert [final_code(code, lost, Tally(), None) for code in (0, 1, 5)] == [
        (10, []), (10, []), (5, [])
    ]  # fmt: skip


def test_no_gate_was_judged(evals):
    evals.set(gates=[{"figure": "accuracy", "better_than": {"mode": "zeroshot"}, "by": 0,
                      "cells": "*fewshot*"}])  # fmt: skip
    result = evals.run("-k", "fewshot")
    assert result.ret == NOTHING_JUDGED
    result.stdout.fnmatch_lines(["nothing was judged: none of 1 gates was judged, most often: *"])
    assert evals.report.split("\n")[0].endswith("gates not judged")


@pytest.mark.parametrize("args", [[], ["--eval-engine", "fake"]])
def test_made_up_answers_that_were_asked_for_are_no_failure(evals, args):
    evals.set(gates=[PASSES])
    result = evals.run(*args)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.no_fnmatch_line("nothing was judged*")


@pytest.fixture
def probes(evals):
    """A judge set without gates; `wise` judges at an endpoint, and has no passport."""
    shutil.copytree(ROOT / "prompts/judge", evals.root / "prompts/judge")
    (evals.root / "evalsets/mini.yaml").unlink()
    local = {"source": "file:model", "engine": "fake", "dtype": "float32", "max_model_len": 4096}
    with serving(lambda body: Reply({"error": {"message": "no"}}, status=400)) as server:
        remote = {"base_url": server.url, "api_key_env": None, "deadline_s": 5.0}
        models = {
            "plain": {**local, "options": {"answer": "who knows"}},
            "wise": {"source": "openai:wise-1", "options": remote},
        }
        evals.write("evalsets/models.yaml", {"models": models})
        evals.write(
            "evalsets/probes.yaml",
            {
                "kind": "judge",
                "models": ["plain"],
                "answers": {"n": 1, "max_tokens": 8},
                "probes": PROBES,
                "judge": {"models": ["wise"], "rubric": "judge/absolute.en.j2"},
            },
        )
        yield evals


def test_a_judge_without_passport_whose_every_request_is_refused(probes):
    result = probes.run()
    assert result.ret == NOTHING_JUDGED
    result.stdout.fnmatch_lines(["nothing was judged: *"])


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (["-k", "mini and zeroshot"], "strict: 1 inconclusive: *gate-*-m-prefill-zeroshot"),
        ([], "strict: 2 skipped: *other.yaml::g-prefill-zeroshot, *"),
        (["--eval-engine", "fake", "-k", "mini and zeroshot"], "strict: 1 not judged: *"),
    ],
)
def test_strict(evals, monkeypatch, args, line):
    monkeypatch.setattr("harness.hardware.device", lambda: "cpu")
    evals.models(m={}, g={"gpu": True})
    evals.set(gates=[UNSURE])
    evals.set("other", models=["g"])
    assert evals.run(*args).ret == pytest.ExitCode.OK
    result = evals.run("--eval-strict", "--junitxml", "out.xml", *args)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([line])
    suite = ElementTree.parse(evals.root / "out.xml").getroot()[0]
    failed = [one for one in suite if one.find("failure") is not None]
    told = [int(one.split()[1]) for one in result.outlines if one.startswith("strict: ")]
    assert len(failed) == int(suite.get("failures")) == sum(told)
    assert len(suite) == int(suite.get("tests"))
    assert failed[0].get("name").startswith("strict-")


def test_strict_passes_where_all_is_decided(evals):
    evals.set(gates=[PASSES])
    assert evals.run("--eval-strict").ret == pytest.ExitCode.OK


def test_strict_fails_for_a_judge_that_is_not_trusted(probes):
    result = probes.run("--eval-strict", "--junitxml", "out.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["strict: 1 judges that are not trusted: *probes.yaml: wise"])
    (case,) = ElementTree.parse(probes.root / "out.xml").findall(".//testcase[failure]")
    assert (case.get("classname"), case.get("name")) == ("evalsets.probes.yaml", "strict-wise")
    assert case[0].get("message") == "--eval-strict: judges that are not trusted"


def test_a_missing_baseline_is_no_lost_output(evals):
    evals.set(gates=[PASSES, {"figure": "accuracy", "no_worse_than": "baseline", "by": 0.1,
                              "cells": "*zeroshot"}])  # fmt: skip
    result = evals.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.no_fnmatch_line("lost: *")
    assert evals.saved.info.lost == ()
    assert evals.report.split("\n")[0].endswith("undecided: 2 passed, 1 without a baseline")
    assert "not judged, no baseline" in evals.report
