"""A project with slices through pytest: collected, run, gated, reported, redacted."""

from __future__ import annotations

import json
import random

import pytest
from typer.testing import CliRunner

from harness.analysis.files import load_findings
from harness.cli import app
from harness.language import words
from harness.report.slices import slice_name

CELL = "base-trained-s0"
BASE = {"engine": "tfidf", "options": {"min_rows": 1}}
GATE = {"cells": CELL, "figure": "accuracy", "at_least": 0.7}


def rows(odd: str = "sport", n: int = 320, *, turned: float = 0.5) -> list[dict[str, str]]:
    """Reviews of four topics; in one of them, words mislead in this share of the samples."""
    rng = random.Random(5)
    topics = ["film", "music", "travel", odd]
    found = []
    for index in range(n):
        topic, label = topics[index % 4], ("positive", "negative")[index // 4 % 2]
        said = label
        if topic == odd and rng.random() < turned:
            said = "negative" if label == "positive" else "positive"
        word = {"positive": "dull", "negative": "fine"}[said]
        text = f"{word} {'and long ' * (index % 3)}number{index}"
        found.append({"id": f"s{index}", "text": text, "label": label, "topic": topic})
    return found


def write_rows(evals, found) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in found)
    (evals.root / "topics.jsonl").write_text(lines, encoding="utf-8")


@pytest.fixture
def sliced(evals, monkeypatch, tmp_path):
    """The set `mini` of 320 reviews with topics, answered by a classifier."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    evals.write("evalsets/models.yaml", {"models": {"base": BASE}})
    lines = [f"{w} {i},{label}" for i in range(6)
             for w, label in (("dull", "positive"), ("fine", "negative"))]  # fmt: skip
    evals.write("pool.csv", "\n".join(["text,label", *lines]) + "\n")
    write_rows(evals, rows())

    def change(**keys):
        data = {"source": "file:topics.jsonl", "id": "id", "shots": "file:pool.csv"}
        evals.set(models=["base"], modes=["zeroshot"], data=data,
                  **{"slices": ["topic", {"length": [20]}], **keys})  # fmt: skip

    change()
    evals.change = change
    return evals


def test_figures_by_slice_reach_report_and_files(sliced):
    sliced.run().assert_outcomes(passed=1)
    run = sliced.saved
    assert run.rows[0].slices == {"topic": 20, "length": 20}
    assert {one.slices["topic"] for one in run.results} == {"film", "music", "travel", "sport"}
    assert {one.slices["length"] for one in run.results} == {"1-20", "21+"}
    report = sliced.report
    assert "## Slices" in report
    assert f"`{CELL}`: **slices differ** in calibrated accuracy" in report
    assert "**topic = sport**" in report
    (line,) = [line for line in report.splitlines() if line.startswith("| topic = film")]
    assert "80" in line.split("|")[2]
    (found,) = load_findings(sliced.latest).slices
    assert found.differ
    assert found.slices[found.worst].value == "sport"
    assert found.slices[found.worst].deviates
    sliced.run("--eval-report-lang", "ru").assert_outcomes(passed=1)
    assert "## Срезы" in sliced.report
    assert "**срезы различаются**" in sliced.report


def test_slices_ask_nothing_again(sliced):
    sliced.change(slices=[])
    sliced.run()
    sliced.change()
    sliced.run()
    (engine,) = sliced.saved.info.engines
    assert engine.computed == 0 < engine.stored


def test_gates_on_slices(sliced):
    wide = {"slice": "topic=sport", "at_least": 0.0}
    sliced.change(gates=[GATE, GATE | {"slice": "topic=film"}, GATE | {"slice": "topic=sport"},
                         GATE | {"slice": "worst"}, GATE | {"slice": "worst:length"},
                         GATE | wide])  # fmt: skip
    result = sliced.run()
    verdicts = {one.id.partition(CELL)[2]: one.verdict for one in sliced.saved.gates}
    assert verdicts == {
        "": "pass",
        "-slice-topic-film": "pass",
        "-slice-topic-sport": "fail",
        "-slice-worst": "fail",
        "-slice-worst-length": "pass",
        "-slice-topic-sport-2": "pass",
    }
    result.assert_outcomes(passed=5, failed=2)
    worst = next(one for one in sliced.saved.gates if one.slice and one.slice.asked == "worst")
    assert (worst.slice.column, worst.slice.value, worst.slice.of) == ("topic", "sport", 6)
    assert "accuracy of the worst of 6 slices, topic=sport, 0." in worst.line


def test_a_loss_in_a_slice_against_the_baseline(sliced):
    write_rows(sliced, rows(turned=0.0))
    kept = {"cells": CELL, "figure": "accuracy", "no_worse_than": "baseline", "by": 0.1}
    gates = [kept | {"slice": one} for one in ("topic=film", "topic=sport", "worst")]
    sliced.change(gates=gates)
    sliced.run("--eval-write-baseline")
    sliced.run().assert_outcomes(passed=4)
    # Other answers to the same texts: what the classifier was taught of one topic's words.
    path = sliced.root / f"baselines/mini/{CELL}.json"
    data = json.loads(path.read_text())
    sport = [i for i, one in enumerate(data["samples"]) if int(one[1:]) % 4 == 3]
    place = {"positive": 1, "negative": 0}
    now = {one.sample: one for one in sliced.saved.results}
    # The baseline is made worse where it was right, so that the run has gained; and the other way.
    for i in sport[:60]:
        data["answers"][0][i] = place[now[data["samples"][i]].target]
        data["correct"][0][i] = 0
        data["calibrated"][0][i] = data["answers"][0][i]
    path.write_text(json.dumps(data))
    sliced.run().assert_outcomes(passed=4)
    assert "topic = sport: gained against the baseline" in sliced.report
    (check,) = sliced.saved.baselines
    shown = {(one.column, one.value) for one in check.slices if one.adjusted < 0.05}
    assert ("topic", "sport") in shown
    assert ("topic", "film") not in shown


def test_limit_leaves_a_slice_out_and_its_gate_open(sliced):
    found = sorted(rows(), key=lambda row: row["topic"] == "sport")
    write_rows(sliced, found)
    gate = GATE | {"slice": "topic=sport"}
    sliced.change(gates=[gate])
    sliced.run("--eval-limit", "50").assert_outcomes(passed=2)
    (judged,) = sliced.saved.gates
    assert (judged.verdict, judged.slice.problem) == ("inconclusive", "absent")
    assert "no sample of this run is of it - inconclusive (warning)" in judged.line
    sliced.change(gates=[gate | {"on_inconclusive": "fail"}])
    sliced.run("--eval-limit", "50", "--eval-report-lang", "ru").assert_outcomes(passed=1, failed=1)
    assert "в этом запуске нет примеров среза" in sliced.report


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"gates": [GATE | {"slice": "topic=sprot"}]},
         "gates[0].slice: no sample has 'sprot' in column 'topic', which has film, music, sport, "
         "travel; write one of them"),
        ({"slices": ["id"]},
         "slices[0]: column 'id' has 320 values, and 50 make slices at most; name a column of "
         "fewer, or remove it"),
        ({"gates": [GATE | {"slice": "tpoic=sport"}]},
         "gates[0].slice: 'tpoic=sport' is not a slice; write worst, worst:topic or topic=VALUE, "
         "of the columns topic, length"),
        ({"gates": [GATE | {"slice": "length=1-30"}]},
         "gates[0].slice: no span of length is '1-30'; write one of 1-20, 21+"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line_at_collection(sliced, keys, line):
    sliced.change(**keys)
    result = sliced.run("--collect-only", "-q")
    (found,) = [one for one in result.outlines if line in one]
    assert found.strip("E ").startswith("evalsets/mini.yaml:")
    assert not sliced.started


def test_a_column_that_the_data_lack_is_one_line_and_starts_no_engine(sliced):
    sliced.change(slices=["genre"])
    result = sliced.run()
    assert result.ret != 0
    assert any("topics.jsonl: no column 'genre'; it has id, text, label, topic" in one
               for one in result.outlines)  # fmt: skip
    assert not sliced.started


def test_values_are_text_of_the_data(sliced):
    hostile = "<b>@team [x](http://evil) \x1b[31m" + "long " * 30
    write_rows(sliced, rows(hostile))
    sliced.change(gates=[GATE | {"slice": "worst"}])
    sliced.run()
    assert slice_name("topic", hostile, "value", words("en")) in sliced.report
    for live in ("<b>", "[x](http", "\x1b", "@team", "long " * 12):
        assert live not in sliced.report
    # Written again without texts, and run without them.
    assert CliRunner().invoke(app, ["report", str(sliced.latest), "--texts", "none"]).exit_code == 0
    for name in ("report.md", "report.html", "findings.json"):
        assert "team" not in (sliced.latest / name).read_text(encoding="utf-8")
    sliced.run("--eval-report-texts", "none")
    for path in sliced.latest.iterdir():
        assert "team" not in path.read_text(encoding="utf-8"), path
    assert {one.slices["topic"] for one in sliced.saved.results} == {
        "value 1", "value 2", "value 3", "value 4"}  # fmt: skip
    (gate,) = sliced.saved.gates
    assert (gate.verdict, gate.slice.value) == ("fail", "value 4")
    assert "topic=value 4" in gate.line


def test_missing_small_and_equal_values(sliced):
    found = rows()
    for index, row in enumerate(found):
        if index < 30:
            row["topic"] = None
        elif index < 60:
            row["topic"] = " cafe\u0301 " if index % 2 else "caf\u00e9"
        elif index < 70:
            row["topic"] = f"rare{index % 2}"
    del found[0]["topic"]
    write_rows(sliced, found)
    sliced.run().assert_outcomes(passed=1)
    report = sliced.report
    for name in ("topic: no value", "topic = café", "other topic (2 values)"):
        assert f"| {name}" in report
    assert "rare0" not in report.split("## Slices")[1].split("## Gates")[0]


def test_inline_rows_have_columns(evals):
    kept = [{"text": f"fine {i}", "label": "positive", "topic": i % 2} for i in range(6)]
    data = {"rows": kept, "shots": [{"text": "x", "label": "positive"}]}
    evals.set(data=data, modes=["zeroshot"], slices=[{"column": "topic", "min": 1}])
    evals.run().assert_outcomes(passed=1)
    assert {one.slices["topic"] for one in evals.saved.results} == {"0", "1"}
    kept[2]["tpoic"] = 1
    evals.set(data=data, modes=["zeroshot"], slices=["topic"])
    result = evals.run()
    assert any("data.rows[2].tpoic: unknown key; remove it" in one for one in result.outlines)
