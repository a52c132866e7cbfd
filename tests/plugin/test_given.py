"""Answers of another program as cells: figures, gates, baselines, notes, exit codes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from shown import blocks

import harness

ROOT = Path(harness.__file__).parents[1]
PAGE = (ROOT / "docs/answers.md").read_text(encoding="utf-8")
ROWS = [(f"r{i}", f"row {i}", "positive" if i % 2 else "negative") for i in range(40)]
ANSWERS = "answers.jsonl"
OPTION = ("--eval-answers", f"mini={ANSWERS}")


def data(**keys):
    return {"source": "file:rows.csv", "id": "id"} | keys


def lines(wrong=(), lost=(), **more):
    """Return answers to all rows but those that are lost, right but for those that are wrong."""
    other = {"positive": "negative", "negative": "positive"}
    return [{"id": key, "output": other[label] if key in wrong else f"{label}.", **more}
            for key, _, label in ROWS if key not in lost]  # fmt: skip


@pytest.fixture
def given(evals):
    """A set without models, and what writes answers to it."""
    table = "".join(f"{','.join(row)}\n" for row in ROWS)
    evals.write("rows.csv", f"id,text,label\n{table}")
    bare(evals)

    def write(*parts):
        found = [line for part in parts for line in part]
        evals.write(ANSWERS, "".join(json.dumps(line) + "\n" for line in found))
        return evals

    return write


def bare(evals, **keys):
    evals.write("evalsets/mini.yaml", {"data": data(), "labels": ["positive", "negative"], **keys})


def gate(**keys):
    return {"cells": "*-given", "figure": "accuracy", **keys}


def test_figures_gates_and_report(given):
    evals = given(lines(wrong=["r1", "r2"], model="one"), lines(wrong=["r1"], model="two"))
    bare(evals, gates=[gate(at_least=0.6)])
    evals.run(*OPTION).assert_outcomes(passed=4)
    run = evals.saved
    assert [(row.cell, row.mode, row.n, row.unscored) for row in run.rows] == [
        ("one-given", "given", 40, 0), ("two-given", "given", 40, 0)
    ]  # fmt: skip
    assert run.rows[0].figures["accuracy"].value == 0.95
    assert [gate.verdict for gate in run.gates] == ["pass", "pass"]
    assert run.results[1].completion == "negative"
    assert "| one     | given answers |" in evals.report
    assert "two against one, given answers: " in evals.report
    assert not evals.started


def test_a_gate_fails_by_its_figure_and_by_missing_answers(given):
    evals = given(lines(wrong=[row[0] for row in ROWS[:30]]))
    bare(evals, gates=[gate(at_least=0.5)])
    result = evals.run(*OPTION)
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == 1
    given(lines(lost=["r3", "r4"]))
    result = evals.run(*OPTION)
    assert result.ret == 1
    result.stdout.fnmatch_lines([
        "*5.0% of the samples*2.0%*",
        "warning: evalsets/mini.yaml: answers has no answer to 2 of 40 samples, which count as "
        "unscored: r3, r4",
    ])  # fmt: skip
    assert evals.saved.rows[0].unscored == 2
    assert {one.text for one in evals.saved.rows[0].reasons} == {"has no answer in the file"}


def test_what_has_no_answer_is_unscored(given):
    more = [{"id": "r0", "output": None}, {"id": "r1", "error": "timeout"},
            {"id": "r2", "output": "positive or negative"}]  # fmt: skip
    evals = given(lines(lost=["r0", "r1", "r2"]), more)
    evals.run(*OPTION).assert_outcomes(passed=1)
    (row,) = evals.saved.rows
    assert (row.n, row.unscored) == (37, 3)
    found = {one.sample: one.reason.text for one in evals.saved.results if one.reason}
    assert found == {
        "r0": "its line in the file has no answer",
        "r1": "the program has no answer: timeout",
        "r2": "ambiguous: several labels in the answer",
    }


def test_no_answer_at_all_is_no_verdict(given):
    evals = given([{"id": key, "error": "down"} for key, _, _ in ROWS])
    assert evals.run(*OPTION).ret == 11


def test_probabilities_give_auc_and_calibration(given):
    rated = [
        {"id": key, "probabilities": {"positive": 0.6 if label == "positive" else 0.55,
                                      "negative": 0.3}}
        for key, _, label in ROWS
    ]  # fmt: skip
    # One says the label that is not its most probable one, which is what counts.
    rated[0]["label"] = "negative"
    evals = given(rated)
    bare(evals, gates=[gate(figure="auc", at_least=0.9)])
    evals.run(*OPTION).assert_outcomes(passed=2)
    (row,) = evals.saved.rows
    assert row.scoring == "logprobs"
    assert row.figures["auc"].value == 1.0
    assert row.figures["accuracy"].value == 21 / 40
    assert {"calibrated_accuracy", "label_mass"} < row.figures.keys()


def test_a_text_without_a_label_enters_no_figure_of_probabilities(given):
    rated = [{**line, "probabilities": {"positive": 0.5, "negative": 0.3}} for line in lines()]
    rated[0]["output"] = "I cannot say"
    evals = given(rated)
    bare(evals, gates=[gate(figure="auc", at_least=0.1)])
    result = evals.run(*OPTION)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*unscored 1: *2.5% of the samples*2.0%*"])
    (row,) = evals.saved.rows
    assert {row.figures[name].n for name in ("accuracy", "auc", "label_mass")} == {39}


def test_a_figure_of_probabilities_needs_them(given):
    evals = given(lines())
    bare(evals, gates=[gate(figure="auc", at_least=0.9)])
    result = evals.run(*OPTION)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*gates[[]0[]].figure: 'answers-given' has no probabilities, *"])


@pytest.mark.parametrize(("line", "said"), [
    ({"id": "r99", "label": "positive"}, "answers.jsonl:41: id: 'r99' is no sample of "
     "evalsets/mini.yaml; did you mean 'r9'?"),
    ({"id": "r0", "label": "positive"}, "answers.jsonl:41: id: 'r0' was answered in line 1"),
])  # fmt: skip
def test_an_answer_to_nothing_is_one_line(given, line, said):
    evals = given(lines(), [line])
    result = evals.run(*OPTION)
    assert result.ret == 2
    (found,) = [one for one in result.outlines if one.startswith("answers.jsonl")]
    assert found.startswith(said)


def test_texts_need_labels_that_differ_in_a_text(given):
    evals = given(lines())
    bare(evals, labels={"yes": "positive", "Yes": "negative"})
    result = evals.run("--collect-only", "-q", *OPTION)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["answers.jsonl:1: output: the labels 'yes' and 'Yes' are one in*"])
    given([{"id": key, "label": label} for key, _, label in ROWS])
    assert evals.run("--collect-only", "-q", *OPTION).ret == 0


def test_answers_to_rows_that_are_not_drawn_are_passed_over(given):
    evals = given(lines())
    bare(evals, data=data(samples={"n": 10}))
    result = evals.run(*OPTION)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["warning: evalsets/mini.yaml: 30 of 40 answers of answers are to *"]
    )
    assert (evals.saved.rows[0].n, evals.saved.rows[0].unscored) == (10, 0)


def test_answers_to_rows_that_are_dropped_are_passed_over(given):
    evals = given(lines(), [{"id": "e\u0301", "output": "neutral"}])
    with (evals.root / "rows.csv").open("a", encoding="utf-8") as out:
        out.write("\u00e9,neither,neutral\n")
    bare(evals, data=data(others="drop"))
    result = evals.run(*OPTION)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["warning: *: 1 of 41 answers of answers are to *"])


def test_ids_are_in_one_unicode_form(given):
    evals = given(lines(), [{"id": "e\u0301", "output": "positive"}])
    with (evals.root / "rows.csv").open("a", encoding="utf-8") as out:
        out.write("\u00e9,more,positive\n")
    evals.run(*OPTION).assert_outcomes(passed=1)
    assert evals.saved.rows[0].n == 41


def test_rows_that_go_by_numbers_are_not_answered_by_ids(given):
    evals = given(lines())
    result = evals.run(*OPTION, "--eval-dataset", "mini=rows.csv")
    assert result.ret == 2
    result.stdout.fnmatch_lines(["evalsets/mini.yaml:*: data.id: the rows of --eval-dataset go *"])
    bare(evals, data={"source": "file:rows.csv"})
    given([{**line, "id": number} for number, line in enumerate(lines(), 1)])
    evals.run(*OPTION, "--eval-dataset", "mini=rows.csv").assert_outcomes(passed=1)


def test_a_baseline_of_answers(given):
    evals = given(lines())
    bare(evals, gates=[gate(no_worse_than="baseline", by=0.1)])
    result = evals.run(*OPTION, "--eval-write-baseline")
    result.assert_outcomes(passed=1, skipped=1)
    assert (evals.root / "baselines/mini/answers-given.json").is_file()
    result = evals.run(*OPTION)
    result.assert_outcomes(passed=2)
    # The same answers of the same system, in another order.
    given(lines()[::-1])
    evals.run(*OPTION).assert_outcomes(passed=2)
    assert evals.saved.gates[0].treatment == ()
    given(lines(wrong=[row[0] for row in ROWS[:20]]))
    assert evals.run(*OPTION).ret == 1
    assert evals.saved.gates[0].treatment == ("answers",)


def test_beside_the_models_of_the_set(given, collected):
    evals = given(lines(model="agent"))
    keys = {"models": ["m"], "prompts": ["prefill.j2"], "modes": ["zeroshot"]}
    bare(evals, **keys, gates=[
        {"cells": "*", "figure": "accuracy", "at_least": 0.0},
        {"cells": "agent-given", "figure": "accuracy",
         "no_worse_than": "m-prefill-zeroshot", "by": 0.5},
    ])  # fmt: skip
    found = collected(evals.run("--collect-only", "-q", "-m", "given", *OPTION))
    assert [one.partition("::")[2] for one in found] == [
        "agent-given", "gate-accuracy-agent-given",
        "gate-accuracy-agent-given-vs-m-prefill-zeroshot",
    ]  # fmt: skip
    # The model is not asked, and what needs it is not judged.
    result = evals.run("-m", "given", *OPTION)
    result.assert_outcomes(passed=2, skipped=1, deselected=2)
    assert not evals.started
    evals.run(*OPTION, "--eval-engine", "fake")
    assert {row.model for row in evals.saved.rows} == {"agent", "m"}
    # Gates of given answers alone are judged whatever the engine.
    assert [gate.id for gate in evals.saved.gates] == ["gate-accuracy-agent-given"]
    given(lines(model="m"))
    result = evals.run(*OPTION)
    assert result.ret == 2
    result.stdout.fnmatch_lines(
        ["answers.jsonl:1: model: 'm' is the name of one of the set's own*"]
    )


def test_a_set_without_models_waits_for_answers(given):
    evals = given(lines())
    bare(evals, gates=[gate(at_least=0.5), {"cells": "agent", "figure": "auc", "at_least": 0.5}])
    result = evals.run()
    result.assert_outcomes(skipped=3)
    assert result.ret == 11
    result.stdout.fnmatch_lines(["*harness score FILE --set evalsets/mini.yaml"])
    assert evals.run("--eval-plan").ret == 0


@pytest.mark.parametrize("option", [("--eval-baseline-runs", "2", "--eval-write-baseline"),
                                    ("--eval-repeat-engine",)])  # fmt: skip
def test_answers_are_given_once(given, option):
    result = given(lines()).run(*OPTION, *option)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*asks everything again, and --eval-answers are given once*"])


def test_a_judge_set_takes_none(given):
    evals = given(lines())
    evals.write("evalsets/mini.yaml", {"kind": "judge"})
    result = evals.run(*OPTION)
    assert result.ret == 2
    result.stdout.fnmatch_lines(["evalsets/mini.yaml:2: kind: the answers of other programs are *"])


def test_each_key_of_asking_needs_the_others(given):
    evals = given(lines())
    bare(evals, models=["m"], modes=["zeroshot"])
    result = evals.run(*OPTION)
    result.stdout.fnmatch_lines(["evalsets/mini.yaml:1: missing key 'prompts'; add it"])


def harness_command(project: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, "-m", "harness", *args],
        cwd=project, env=env | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_the_page(tmp_path):
    """In a folder with the files that the page shows and no others."""
    files = {one.file: one.text for one in blocks("docs/answers.md") if one.file}
    assert set(files) == {"evalsets/tickets.yaml", "data/tickets.csv", ANSWERS}
    for name, text in {**files, "pytest.ini": ""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    ((command, shown),) = re.findall(r"^\$ harness (.+)\n((?:.+\n)+)```", PAGE, re.MULTILINE)
    done = harness_command(tmp_path, *shlex.split(command))
    assert done.returncode == 0, done.stdout + done.stderr
    for line, wanted in zip(done.stdout.splitlines(), shown.splitlines(), strict=True):
        assert line.startswith(wanted.rstrip("…"))
    checked = harness_command(tmp_path, "validate")
    assert checked.stdout.startswith("evalsets/tickets.yaml: 1 cell, 10 samples\n")
    with (tmp_path / ANSWERS).open("a") as out:
        out.write('{"id": "t77", "model": "agent", "label": "other"}\n')
    reports = tmp_path / "elsewhere"
    done = harness_command(tmp_path, "score", ANSWERS, "--set", "evalsets/tickets.yaml",
                           "--report-dir", str(reports), "--", "--junitxml", "x.xml")  # fmt: skip
    assert done.returncode == 2
    shown = next(line for line in PAGE.splitlines() if "is no sample" in line)
    assert shown.partition(" ")[2] in done.stdout
    assert (tmp_path / "x.xml").is_file()


@pytest.mark.parametrize(("args", "said"), [
    (("none.jsonl", "--set", "evalsets/mini.yaml"), "none.jsonl: no such file"),
    ((ANSWERS, "--set", "evalsets/nine.yaml"), "no eval set"),
    ((ANSWERS, "--set", "rows.csv"), "is not an eval set"),
])  # fmt: skip
def test_the_command_names_what_is_not_there(given, args, said):
    from typer.testing import CliRunner

    from harness.cli import app

    given(lines())
    done = CliRunner().invoke(app, ["score", *args])
    assert done.exit_code == 2
    assert said in done.stderr
