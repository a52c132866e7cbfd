"""--eval-write-baseline and --eval-repeat-engine."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from harness.gates import baseline_fields
from harness.language import words
from harness.plugin import reporting

ZERO = "m-prefill-zeroshot"
FILE = f"baselines/mini/{ZERO}.json"
GATE = {"cells": ZERO, "figure": "accuracy", "no_worse_than": "baseline"}
NAME = f"gate-accuracy-{ZERO}-vs-baseline"

# It answers by the key of a request, as an engine that draws by it does.
ENGINE = """
import os
from pathlib import Path

from harness.records import Output


class Moods:
    def __init__(self):
        self.turns = 0

    def generate(self, requests):
        self.turns += 1
        if self.turns == 2 and Path("die").exists():
            os._exit(1)
        for request in requests:
            word = ("positive", "negative")[int(request.key[:8], 16) % 2]
            word = "perhaps" if Path("mute").exists() else word
            yield Output(request.key, word, (1,), prompt_tokens=len(request.prompt_ids))

    def close(self):
        pass


def open_engine(config):
    return Moods()
"""


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
        f"ERROR: --eval-write-baseline with {named} would make baselines of results that are "
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
    assert result.ret == 11  # nothing was judged
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
    assert check.changed[0].startswith("model's files ")
    (one,) = [one for one in check.contrasts if one.figure == "accuracy"]
    assert (one.lost, one.won, one.n) == (0, 0, 6)
    assert one.low == pytest.approx(-(1 - 0.025 ** (1 / 6)))
    (gate,) = gated.saved.gates
    assert (gate.verdict, gate.failed) == ("inconclusive", True)
    # Which of its files changed is not known: none of them are weights here.
    assert gate.line.endswith("; changed since the baseline: model files")


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


def test_a_baseline_of_several_runs_asks_everything_anew(gated):
    gated.run()
    result = gated.run("--eval-write-baseline", "--eval-baseline-runs", "3", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    # The first run is the one whose outputs are stored; the others take nothing from the store.
    (engine,) = gated.saved.info.engines
    assert (engine.stored, engine.computed) == (6, 12)
    result.stdout.fnmatch_lines([f"baseline written: {FILE}, 3 runs, with answers that*"])
    data = json.loads((gated.root / FILE).read_text())
    assert [len(run) for run in data["answers"]] == [6, 6, 6]
    # And leave nothing in it.
    gated.run().assert_outcomes(passed=2)
    assert gated.saved.info.engines[0].computed == 0
    (check,) = gated.saved.baselines
    assert (check.runs, check.varied, check.looks) == (3, 0.0, 1)
    assert "label flips" not in gated.report


@pytest.fixture
def moody(gated):
    gated.write("src/moods.py", ENGINE)
    gated.write("pytest.ini", "[pytest]\npythonpath = src\naddopts = --eval-report-plots none\n")
    gated.write("conftest.py", """
def pytest_harness_register(registry):
    registry.engine("moods", "moods")
""")  # fmt: skip
    save_file({"weight": np.zeros(2)}, gated.root / "model/model.safetensors")
    gated.models(m={"engine": "moods"})
    gated.set(modes=["zeroshot"], gates=[GATE], scoring="generate")
    return gated


def test_each_run_of_a_baseline_has_draws_of_its_own(moody):
    moody.run("--eval-write-baseline", "--eval-baseline-runs", "5")
    runs = json.loads((moody.root / FILE).read_text())["answers"]
    assert len({tuple(run) for run in runs}) >= 4
    moody.run()
    (check,) = moody.saved.baselines
    assert 0.1 < check.varied < 0.9


def test_a_run_without_a_verdict_replaces_no_baseline(moody):
    moody.run("--eval-write-baseline")
    before = (moody.root / FILE).read_text()
    moody.write("mute", "")
    result = moody.run("--eval-write-baseline", "--eval-store", "other.sqlite")
    assert result.ret != 0
    line = f"{FILE}: not written, since none of 6 samples has a verdict"
    result.stdout.fnmatch_lines([line])
    result.stdout.no_fnmatch_line("baseline *")
    assert (moody.root / FILE).read_text() == before


def test_a_baseline_is_of_all_its_runs_or_is_not_written(moody):
    moody.run("--eval-write-baseline")
    before = (moody.root / FILE).read_text()
    moody.write("die", "")
    result = moody.run("--eval-write-baseline", "--eval-baseline-runs", "3")
    assert result.ret == 10
    result.stdout.no_fnmatch_line("baseline *")
    assert (moody.root / FILE).read_text() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--eval-baseline-runs", "5"],
         "ERROR: --eval-baseline-runs says of how many runs baselines are written; add "
         "--eval-write-baseline, or leave it out"),
        (["--eval-baseline-add"],
         "ERROR: --eval-baseline-add says how baselines are written; add --eval-write-baseline, "
         "or leave it out"),
        (["--eval-write-baseline", "--eval-baseline-runs", "0"],
         "*--eval-baseline-runs: 0: give a number of runs, at least 1"),
    ],
)  # fmt: skip
def test_runs_of_a_baseline_that_cannot_be(gated, options, said):
    result = gated.run(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])


ADD = ("--eval-write-baseline", "--eval-baseline-add")


def kept(project) -> dict:
    return json.loads((project.root / FILE).read_text())


def test_runs_are_added_to_a_baseline_with_draws_of_their_own(moody):
    moody.set(modes=["zeroshot"], scoring="generate")
    moody.run("--eval-write-baseline", "--eval-baseline-runs", "2")
    before = kept(moody)
    result = moody.run(*ADD, "--eval-baseline-runs", "3")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"baseline extended: {FILE}, 3 runs added, 5 in all"])
    now = kept(moody)
    for key in ("answers", "calibrated", "correct", "log_odds"):
        assert now[key][:2] == before[key]
        assert len(now[key]) == 5
    # A run whose requests have the keys of an earlier one would draw what that one drew.
    assert len({tuple(run) for run in now["answers"]}) >= 4
    assert (now["begun"], now["written"], now["samples"]) == (
        2, before["written"], before["samples"])  # fmt: skip
    result = moody.run(*ADD)
    result.stdout.fnmatch_lines([f"baseline extended: {FILE}, 1 run added, 6 in all"])
    assert (len(kept(moody)["answers"]), kept(moody)["begun"]) == (6, 2)
    assert kept(moody)["answers"][:5] == now["answers"]
    moody.run()
    (check,) = moody.saved.baselines
    assert check.runs == 6


def test_runs_that_are_added_begin_no_series_of_looks(moody):
    moody.set(modes=["zeroshot"], gates=[{**GATE, "by": 0.5, "looks": 250}], scoring="generate")

    def looks(*options: str) -> int:
        moody.run(*options)
        (check,) = moody.saved.baselines
        return check.looks

    moody.run("--eval-write-baseline", "--eval-baseline-runs", "2")
    assert [looks(), looks()] == [1, 1]
    # The run that adds is judged by the baseline as it was.
    assert looks(*ADD) == 1
    # By more runs the same results may raise an alarm that they did not raise before.
    assert [looks(), looks()] == [2, 2]
    assert looks(*ADD, "--eval-baseline-runs", "2") == 2
    assert looks() == 3
    moody.run("--eval-write-baseline")
    assert looks() == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": {"source": "file:data.csv", "id": "id", "samples": {"n": 4}}},
         "made on 6 samples, this run has 4"),
        ({"scoring": "choice"}, "made with other scoring: *"),
        ({"wording": "Is the text"}, "changed since: wording"),
    ],
)  # fmt: skip
def test_runs_of_something_else_are_not_added(gated, change, words):
    gated.run("--eval-write-baseline")
    before = (gated.root / FILE).read_text()
    change = dict(change)
    if wording := change.pop("wording", ""):
        template = gated.root / "prompts/prefill.j2"
        gated.write("prompts/prefill.j2", template.read_text().replace("Is it", wording))
    gated.set(modes=["zeroshot"], gates=[GATE], **change)
    result = gated.run(*ADD)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    line = (f"*{FILE}: no run is added to it: {words}; leave out --eval-baseline-add to write it "
            "anew")  # fmt: skip
    result.stdout.fnmatch_lines([line])
    result.stdout.no_fnmatch_line("baseline *")
    assert (gated.root / FILE).read_text() == before


@pytest.mark.parametrize("damaged", [False, True])
def test_without_a_baseline_nothing_is_added(gated, damaged):
    gated.run("--eval-write-baseline")
    said = "damaged (*); write it again with --eval-write-baseline"
    if damaged:
        (gated.root / FILE).write_text("{")
    else:
        (gated.root / FILE).unlink()
        said = "there is no baseline to add runs to; leave out --eval-baseline-add to write one"
    result = gated.run(*ADD)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {FILE}: {said}"])


@pytest.mark.slow
def test_runs_are_added_from_several_workers(evals):
    evals.run("--eval-write-baseline")
    result = evals.spawn("-n2", *ADD)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["baseline extended: baselines/mini/*, 1 run added, 2 in all*"] * 2)
    (evals.root / FILE).unlink()
    result = evals.spawn("-n2", *ADD)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{FILE}: there is no baseline to add runs to*"])


def test_a_gate_over_many_looks_says_which_it_is(gated):
    planned = {**GATE, "by": 0.5, "looks": 250}
    gated.set(modes=["zeroshot"], gates=[planned], scoring="generate")
    gated.models(m={"options": {"answer": "positive"}})
    gated.run("--eval-write-baseline")
    for looks, answer in ((1, "negative"), (2, "positive"), (2, "negative")):
        gated.models(m={"options": {"answer": answer}})
        result = gated.run()
        # Three lost and three won of six samples show no loss: a warning, and no failure.
        result.assert_outcomes(passed=2)
        (gate,) = gated.saved.gates
        assert (gate.look.planned, gate.look.count) == (250, looks)
        assert ", one of 250 looks, by which the difference is at most +" in gate.line


def test_requests_made_twice(evals):
    evals.set(modes=["zeroshot"])
    evals.run("--eval-repeat-engine").assert_outcomes(passed=1)
    (row,) = evals.saved.rows
    assert row.figures["label_flips"].value == 0
    assert evals.saved.info.engines[0].computed == 12
    assert "| label flips " in evals.report
    evals.run()
    assert "label flips" not in evals.report


@pytest.fixture
def full(monkeypatch):
    """Return what makes a folder one on a full disk."""

    def full(module, name, folder):
        whole = getattr(module, name)

        def write(path, *args, **kwargs):
            if path.is_relative_to(folder):
                raise OSError(28, "No space left on device")
            whole(path, *args, **kwargs)

        monkeypatch.setattr(module, name, write)

    return full


def test_a_baseline_that_cannot_be_written_is_kept_with_the_run(moody, full):
    full(baseline_fields, "write_whole", moody.root / "baselines")
    result = moody.run("--eval-write-baseline", "--eval-baseline-runs", "2")
    assert result.ret == 10
    result.stdout.fnmatch_lines([
        f"{FILE} could not be written, No space left on device; it is kept at "
        f"{moody.root}/reports/*/{FILE}: copy it there",
        "report: *",
    ])  # fmt: skip
    result.stdout.no_fnmatch_line("baseline written*")
    assert len(json.loads((moody.latest / FILE).read_text())["answers"]) == 2


def test_a_baseline_is_written_where_the_run_cannot_be(moody, full):
    full(reporting, "save_run", moody.root / "reports")
    result = moody.run("--eval-write-baseline", "--eval-baseline-runs", "2")
    assert result.ret == 10
    result.stdout.fnmatch_lines(["the report could not be written: *No space left on device"])
    assert len(json.loads((moody.root / FILE).read_text())["answers"]) == 2


@pytest.mark.parametrize("place", ["baselines", "baselines/mini"])
def test_where_none_can_be_written_nothing_is_asked(evals, place):
    evals.write(place, "a file")
    result = evals.run("--eval-write-baseline")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --eval-write-baseline: cannot write to *{place}; see *"])
    assert evals.started == []
