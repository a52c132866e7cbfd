"""Exit codes tell a failed gate from a broken eval set, wrong usage and a lost engine."""

from __future__ import annotations

import json

import pytest

from harness.workers.worker import Worker

PASSES = {"figure": "accuracy", "at_least": 0}
FAILS = {"figure": "accuracy", "at_least": 1}
LOST_ENGINE = 10


def test_passed(evals):
    evals.set(gates=[PASSES])
    assert evals.run().ret == pytest.ExitCode.OK


def test_a_failed_gate_shows_its_line_and_no_traceback(evals):
    evals.set(gates=[PASSES, FAILS])
    result = evals.run("-k", "zeroshot")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*FAILURES*",
            "accuracy *, n=6, unscored 0: at least 1 - fail",
            "*evals*",
            "evalsets/mini.yaml::gate-*-m-prefill-zeroshot-2: accuracy *: at least 1 - fail",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*items.py*")
    assert "# Evaluation report: made-up answers, FAILED" in evals.report


def test_nothing_selected(evals):
    result = evals.run("-k", "nothing-of-this-name")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert not (evals.root / "reports").exists()


@pytest.mark.parametrize(
    ("keys", "place", "words"),
    [
        ({"scorng": {}}, '"scorng"', "did you mean 'scoring'?"),
        ({"modelz": []}, '"modelz"', "unknown key; remove it, or use one of "),
        ({"models": ["nn"]}, '"nn"', "unknown model 'nn'; known: m"),
        ({"prompts": ["prefil.j2"]}, '"prefil.j2"', "no template prompts/prefil.j2; did you mean"),
        ({"labels": ["positive", False]}, '"labels"', "put it in quotes"),
    ],
)
def test_an_eval_set_that_does_not_load_is_one_line_with_its_place(evals, keys, place, words):
    evals.set(**keys)
    result = evals.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(errors=1)
    found = [one for one in result.outlines if one.startswith("evalsets/mini.yaml:")]
    assert len(found) == 1
    written = (evals.root / "evalsets/mini.yaml").read_text().splitlines()
    line = next(number for number, text in enumerate(written, 1) if place in text)
    assert found[0].startswith(f"evalsets/mini.yaml:{line}: ")
    assert words in found[0]
    result.stdout.no_fnmatch_line("*Traceback*")
    assert not (evals.root / "reports").exists()


def test_yaml_that_reads_no_as_a_boolean(evals):
    evals.write("evalsets/mini.yaml", "labels: [positive, NO]\n")
    result = evals.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(['evalsets/mini.yaml:1: labels*1*: *write "NO" in quotes*'])


def test_every_broken_set_is_named_and_the_others_are_collected(evals, collected):
    evals.set("broken", models=["n"])
    evals.set("worse", prompts=[])
    result = evals.run("--collect-only", "-q")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert len([one for one in collected(result) if one.startswith("evalsets/mini.yaml::")]) == 2
    result.stdout.fnmatch_lines(["evalsets/broken.yaml:*unknown model*"])
    result.stdout.fnmatch_lines(["evalsets/worse.yaml:*is empty*"])


def test_on_request_the_other_sets_run_and_the_broken_one_counts_as_lost(evals):
    evals.set("broken", models=["n"])
    result = evals.run("--continue-on-collection-errors")
    result.assert_outcomes(passed=2, errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert len(evals.saved.rows) == 2
    assert "unknown model 'n'" in evals.saved.info.lost[0].text


def test_data_that_does_not_load_is_no_failed_gate(evals):
    evals.set("other", data={"source": "file:data.csv", "text": "review"})
    result = evals.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["*review*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert len(evals.saved.rows) == 2
    (lost,) = evals.saved.info.lost
    assert "review" in lost.text
    assert "evalsets/other.yaml::m-prefill-zeroshot" in lost.text


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--eval-limit", "0"], "at least 1"),
        (["--eval-limit", "many"], "at least 1"),
        (["--eval-stall-timeout", "0"], "above 0"),
        (["--eval-start-timeout", "nan"], "above 0"),
        (["--eval-dataset", "mini"], "write NAME=PATH"),
        (["--eval-dataset", "mini=nowhere.csv"], "a file that exists"),
        (["--eval-shots", "=data.csv"], "write NAME=PATH"),
        (["--eval-dataset", "imdb=data.csv"], "no selected eval set has this name; there are mini"),
        (["--eval-shots", "imdb=data.csv"], "no selected eval set has this name; there are mini"),
        (["--eval-reports", "data.csv"], "data.csv; choose another folder with --eval-reports"),
        (["--eval-store", "data.csv/x"], "data.csv; choose another folder with --eval-store"),
        (["--eval-report-lang", "de"], "invalid choice"),
    ],
)
def test_wrong_usage(evals, args, words):
    result = evals.run(*args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert words in result.stderr.str()
    assert "Traceback" not in result.stderr.str()
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    assert evals.started == []


def test_an_engine_that_cannot_start(evals):
    evals.models(m={}, n={"options": {"fail_start": True}})
    evals.set(models=["n", "m"])
    result = evals.run()
    assert result.ret == LOST_ENGINE
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["lost: *told not to start*::n-prefill-zeroshot*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert "n-prefill-zeroshot" in evals.report
    assert "told not to start" in evals.report
    assert [row.model for row in evals.saved.rows] == ["m", "m"]


def test_an_engine_that_is_not_installed(evals, monkeypatch):
    monkeypatch.setattr("harness.run.serving.engine_installed", lambda name: name != "vllm")
    result = evals.run("--eval-engine", "vllm")
    assert result.ret == LOST_ENGINE
    result.stdout.fnmatch_lines(["lost: *vllm is not installed*"])
    assert "vllm is not installed" in evals.report


def test_what_an_engine_made_before_it_died_is_kept(evals):
    evals.models(m={"options": {"die_after": 4}})
    evals.set(modes=["zeroshot"])
    result = evals.run()
    assert result.ret == LOST_ENGINE
    result.stdout.fnmatch_lines(["lost: m: 2 of 6 outputs are missing*"])
    assert "2 of 6 outputs are missing" in evals.report
    assert evals.run().ret == pytest.ExitCode.OK
    (engine,) = evals.saved.info.engines
    assert (engine.stored, engine.computed) == (4, 2)


def test_an_engine_that_hangs(evals):
    evals.models(m={"options": {"hang_after": 3}})
    result = evals.run("--eval-stall-timeout", "0.5", "-k", "zeroshot")
    assert result.ret == LOST_ENGINE
    result.stdout.fnmatch_lines(["*gave no output for 0.5 s*"])
    assert evals.saved.info.engines[0].computed == 3


def test_a_lost_engine_outweighs_a_failed_gate(evals):
    evals.models(m={}, n={"options": {"die_after": 0}})
    evals.set(models=["m", "n"], gates=[FAILS])
    result = evals.run()
    assert result.ret == LOST_ENGINE
    result.assert_outcomes(passed=2, failed=2, errors=2, skipped=2)


def test_a_report_that_cannot_be_written_is_one_line(evals, monkeypatch):
    # As if the place had been writable when the session began.
    monkeypatch.setattr("harness.plugin.hooks.check_writable", lambda config: None)
    evals.write("taken", "a file")
    result = evals.run("--eval-reports", "taken/reports")
    assert result.ret == LOST_ENGINE
    result.stdout.fnmatch_lines(["the report could not be written: *taken*"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_other_tests_keep_their_exit_code(evals):
    evals.write("test_own.py", "def test_own():\n    assert False\n")
    result = evals.run("evalsets", "test_own.py")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=2, failed=1)


def test_unscored_samples_are_no_figures_of_zero(evals):
    evals.models(m={"options": {"answer": "neither"}})
    evals.set(scoring="generate", gates=[PASSES], modes=["zeroshot"])
    result = evals.run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    row = evals.saved.rows[0]
    assert (row.n, row.unscored) == (0, 6)
    assert (
        json.loads((evals.latest / "results.jsonl").read_text().splitlines()[0])["answer"] is None
    )


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("logs", "engine 'fake' could not start: *Not a directory: '*.harness/logs/*"),
        ("outputs.sqlite.claims", "cannot write to *outputs.sqlite.claims, where runs on one *"),
        ("engine.lock/in", "engine 'fake' could not start: *engine.lock*"),
        ("", "engine 'fake' could not start: *Resource temporarily*"),
    ],
)
def test_what_an_engine_cannot_have_is_one_line(evals, monkeypatch, place, said):
    def crowded(*_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    if place:
        evals.write(f".harness/{place}", "a file")
    else:
        monkeypatch.setattr(Worker, "_spawn", crowded)
    evals.set(gates=[{"figure": "accuracy", "at_least": 0}])
    result = evals.run()
    assert result.ret == 10
    result.assert_outcomes(errors=2, skipped=2)
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.fnmatch_lines([f"lost: {said}"])
    assert len(result.outlines) < 50
