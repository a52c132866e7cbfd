"""--eval-write-baseline and --eval-repeat-engine."""

from __future__ import annotations

import json

import pytest

from harness.language import words

ZERO = "m-prefill-zeroshot"
FILE = f"baselines/mini/{ZERO}.json"
GATE = {"cells": ZERO, "figure": "accuracy", "no_worse_than": "baseline"}
NAME = f"gate-accuracy-{ZERO}-vs-baseline"


@pytest.fixture
def gated(evals):
    evals.set(modes=["zeroshot"], gates=[GATE])
    return evals


def test_write_then_compare(gated):
    result = gated.run("--eval-write-baseline", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*its baseline is written by this run"])
    result.stdout.fnmatch_lines([f"baseline written: {FILE}*"])
    data = json.loads((gated.root / FILE).read_text())
    assert len(data["samples"]) == 6
    assert "fine" not in (gated.root / FILE).read_text()
    result = gated.run()
    result.assert_outcomes(passed=2)
    (gate,) = gated.saved.gates
    assert (gate.verdict, gate.against, gate.id) == ("pass", "baseline", NAME)
    assert "## Against the baseline" in gated.report
    result.stdout.no_fnmatch_line("baseline *")
    result = gated.run("--eval-write-baseline")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [f"baseline replaced: {FILE}, with answers that the engine fake made up"]
    )


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--eval-limit", "4"], "--eval-limit"),
        (["--eval-dataset", "mini=data.csv"], "--eval-dataset"),
        (
            ["--eval-shots", "mini=data.csv", "--eval-engine", "fake"],
            "--eval-shots and --eval-engine fake",
        ),
    ],
)
def test_nothing_less_than_the_set_becomes_a_baseline(gated, options, named):
    gated.run("--eval-write-baseline")
    before = (gated.root / FILE).read_text()
    result = gated.run("--eval-write-baseline", *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in result.errlines if line] == [
        f"ERROR: --eval-write-baseline with {named} would replace baselines by results that are "
        "not the set's own; leave one of them out"
    ]
    assert (gated.root / FILE).read_text() == before


def test_flips_fail_the_gate_and_are_listed(gated):
    gated.set(modes=["zeroshot"], gates=[GATE], scoring="generate")
    gated.models(m={"options": {"answer": "positive"}})
    gated.run("--eval-write-baseline")
    gated.models(m={"options": {"answer": "negative"}})
    gated.set(modes=["zeroshot"], gates=[{**GATE, "on_inconclusive": "fail"}], scoring="generate")
    result = gated.run()
    result.assert_outcomes(passed=1, failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (check,) = gated.saved.baselines
    assert (len(check.lost), len(check.won)) == (3, 3)
    assert "Was right, is wrong (3): " in gated.report
    assert "(positive → negative)" in gated.report
    assert "no difference shown" in gated.report


def test_a_missing_baseline_is_one_line_and_no_verdict(gated):
    result = gated.run()
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    line = f"{NAME}: no baseline {FILE}; write it with pytest --eval-write-baseline"
    result.stdout.fnmatch_lines([f"evalsets/mini.yaml: {line}"])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert gated.saved.gates == ()
    assert "Against the baseline" not in gated.report


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": {"source": "file:data.csv", "id": "id", "samples": {"n": 4}}},
         "made on 6 samples, this run has 4"),
        ({"scoring": "choice"}, "made with other scoring: "),
    ],
)  # fmt: skip
def test_a_baseline_of_something_else_is_refused(gated, change, words):
    gated.run("--eval-write-baseline")
    gated.set(modes=["zeroshot"], gates=[GATE], **change)
    result = gated.run()
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"*{NAME}: {FILE}: {words}*--eval-write-baseline"])
    assert "not compared" in gated.report


def test_a_gate_on_a_baseline_is_skipped_where_an_option_changes_the_data(gated):
    gated.run("--eval-write-baseline")
    result = gated.run("--eval-limit", "4", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["SKIPPED*the data is not the set's own (--eval-limit): *made on 6*"]
    )
    assert "not compared" in gated.report


def test_another_wording_is_compared_and_named(gated):
    gated.run("--eval-write-baseline")
    template = gated.root / "prompts/prefill.j2"
    gated.write("prompts/prefill.j2", template.read_text().replace("Is it", "Is the text"))
    gated.run()
    (check,) = gated.saved.baselines
    assert (check.refused, check.treatment) == (None, ("wording",))
    (gate,) = gated.saved.gates
    assert gate.contrast is not None
    assert gate.line.endswith("; changed since the baseline: wording")
    assert "Changed since: the prompt's wording." in gated.report
    # Accepted, it is the baseline, from which nothing differs.
    gated.run("--eval-write-baseline")
    gated.run().assert_outcomes(passed=2)
    assert gated.saved.gates[0].treatment == ()


def test_other_weights_are_compared_and_named(gated):
    gated.run("--eval-write-baseline")
    model = gated.root / "model"
    files = [(path.name, path.read_bytes()) for path in model.iterdir() if path.is_file()]
    model.unlink()
    for name, content in files:
        gated.write(f"model/{name}", content.decode())
    gated.write("model/other.txt", "x")
    gated.write("model/config.json", (model / "config.json").read_text() + "\n")
    # The same answers of other weights to six samples do not show that nothing was lost.
    gated.run().assert_outcomes(passed=1, failed=1)
    (check,) = gated.saved.baselines
    assert check.refused is None
    assert check.changed[0].startswith("weights ")
    (one,) = [one for one in check.contrasts if one.figure == "accuracy"]
    assert (one.lost, one.won, one.n) == (0, 0, 6)
    assert one.low == pytest.approx(-(1 - 0.025 ** (1 / 6)))
    (gate,) = gated.saved.gates
    assert (gate.verdict, gate.failed) == ("inconclusive", True)


def test_a_baseline_is_shown_though_no_gate_asks(gated):
    gated.set(modes=["zeroshot"])
    gated.run("--eval-write-baseline")
    gated.run().assert_outcomes(passed=1)
    assert "## Against the baseline" in gated.report
    gated.run("--eval-report-lang", "ru")
    assert "## " + words("ru")["baselines"] in gated.report


@pytest.mark.slow
def test_baselines_from_several_workers(evals):
    pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    evals.models(m={}, n={"seed": 1})
    evals.set(models=["m", "n"])
    result = evals.spawn("-n2", "--eval-write-baseline")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["baseline written: baselines/mini/*"] * 4)
    assert len(list((evals.root / "baselines/mini").iterdir())) == 4
    evals.spawn("-n2").assert_outcomes(passed=4)
    assert len(evals.saved.baselines) == 4


def test_requests_made_twice(evals):
    evals.set(modes=["zeroshot"])
    evals.run("--eval-repeat-engine").assert_outcomes(passed=1)
    (row,) = evals.saved.rows
    assert row.figures["label_flips"].value == 0
    assert evals.saved.info.engines[0].computed == 12
    assert "| label flips " in evals.report
    evals.run()
    assert "label flips" not in evals.report
