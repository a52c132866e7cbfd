"""`findings.json`: what it holds, what it must not, and that it reads back as it was."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from drawn import GATES, drawn_cell, make_run
from jsonschema import Draft202012Validator
from judged_builders import make_judged, make_judged_run
from reasoned import because
from reports import report_markdown

from harness.analysis.analyze import analyze
from harness.analysis.files import FINDINGS_FILE, load_findings, save_findings
from harness.cli import schemas
from harness.errors import HarnessError
from harness.records import BaselineCheck, Contrast, Figure, Run, Thought
from harness.report import write
from harness.stats import holm

SECRET = "zanzibar"


def labelled() -> Run:
    cells = [
        drawn_cell(placement=place, k=5 * bool(place), seed=seed, n=90)
        for place, seed in ((None, 0), ("chat", 0), ("chat", 1), ("user", 0))
    ]
    run = make_run(*cells, drawn_cell(prompt="role", n=90, unscored=9), gates=GATES)
    contrast = Contrast("accuracy", 0.8, 0.7, -0.2, 0.0, 0.03, 9, 1, 90, 0, math.inf)
    first = run.rows[0]
    check = BaselineCheck(first.evalset, first.cell, contrasts=(contrast, replace(contrast, p=0.6)))
    results = tuple(
        replace(one, text=SECRET, completion=SECRET, reason=one.reason and SECRET,
                thought=Thought(SECRET, 3))
        for one in run.results
    )  # fmt: skip
    rows = tuple(replace(row, reasons={because(SECRET): row.unscored} if row.unscored else {})
                 for row in run.rows)  # fmt: skip
    return replace(run, rows=rows, results=results, baselines=(check,))


def both() -> Run:
    judged = make_judged()
    standings = tuple(
        replace(one, reasons={because(SECRET): 1}, void=because(SECRET))
        if one.model == "ru-b"
        else one
        for one in judged.standings
    )
    probes = tuple(
        replace(one, answers=tuple(replace(a, thought=Thought(SECRET, 9)) for a in one.answers))
        for one in judged.probes
    )
    return replace(labelled(), judged=replace(judged, standings=standings, probes=probes))


def strict(path: Path) -> dict[str, object]:
    def refuse(name: str) -> object:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.mark.parametrize(
    "run", [labelled(), both(), make_judged_run(make_judged()), Run(both().info)]
)
def test_findings_read_back_as_they_were(tmp_path, run):
    found = analyze(run)
    path = save_findings(tmp_path, found)
    assert load_findings(path) == load_findings(tmp_path) == found
    Draft202012Validator(json.loads(schemas()["findings"])).validate(strict(path))


def test_the_schema_refuses_what_is_not_findings(tmp_path):
    checker = Draft202012Validator(json.loads(schemas()["findings"]))
    data = strict(save_findings(tmp_path, analyze(labelled())))
    assert checker.is_valid(data)
    assert not checker.is_valid(data | {"schema": 1})
    assert not checker.is_valid({key: data[key] for key in data if key != "comparisons"})
    data["comparisons"][0]["adjusted"] = "0.1"
    assert not checker.is_valid(data)


def test_no_text_thought_or_reason_enters(tmp_path):
    path = save_findings(tmp_path, analyze(both()))
    assert SECRET not in path.read_text(encoding="utf-8")


def test_a_comparison_tells_all_that_belongs_to_it(tmp_path):
    run = labelled()
    data = strict(save_findings(tmp_path, analyze(run)))
    names = {f"{row.evalset}::{row.cell}" for row in run.rows}
    assert {one["family"] for one in data["comparisons"]} == {"primary", "secondary"}
    for one in data["comparisons"]:
        assert {one["first"], one["second"]} <= names
        found = one["difference"]
        assert one["value"] == found["second"] - found["first"]
        assert found["low"] <= one["value"] <= found["high"]
        assert one["low"] <= one["value"] <= one["high"]
        assert found["n"] + one["left_out"] == 90
        assert (one["adjusted"] < 0.05) == (not one["low"] <= 0 <= one["high"])
        assert one["primary"] == (one["family"] == "primary")
        decides = one["figure"] == ("accuracy" if one["kind"] == "calibration" else "auc")
        assert one["primary"] == decides
    assert data["questions"]
    for one in data["questions"]:
        assert {one["first"], one["second"]} <= names
        assert one["low"] <= one["value"] <= one["high"]
        assert (one["p"] < 0.05) == (not one["low"] <= 0 <= one["high"])
    role = next(row for row in data["rows"] if row["prompt"] == "role")
    assert (role["n"], role["unscored"]) == (81, 9)
    assert set(role["figures"]["accuracy"]) == {"value", "low", "high", "n"}


def test_families_are_adjusted_by_themselves(tmp_path):
    data = strict(save_findings(tmp_path, analyze(both())))
    assert [one["adjusted"] for one in data["baselines"]] == pytest.approx([0.06, 0.6])
    duels = data["judged"][0]["duels"]
    assert [one["adjusted"] for one in duels] == pytest.approx(
        holm([one["difference"]["p"] for one in duels])
    )
    families = {one["family"] for one in duels}, {one["family"] for one in data["baselines"]}
    assert families == ({"models"}, {"baselines"})


def test_what_is_infinite_is_left_out(tmp_path):
    run = labelled()
    worst = Figure(math.inf, 1.0, math.inf, 90)
    rows = tuple(replace(row, figures=row.figures | {"log_loss": worst}) for row in run.rows)
    data = strict(save_findings(tmp_path, analyze(replace(run, rows=rows))))
    assert all("log_loss" not in row["figures"] for row in data["rows"])
    assert all(one["contrast"]["detectable"] is None for one in data["baselines"])


def test_a_finding_that_is_no_number_is_one_line(tmp_path):
    found = analyze(labelled())
    odd = replace(found.comparisons[0], adjusted=math.nan)
    with pytest.raises(HarnessError, match="a finding is not a finite number"):
        save_findings(tmp_path, replace(found, comparisons=(odd,)))
    assert not (tmp_path / FINDINGS_FILE).exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-9], "damaged"),
        (lambda _: "[" * 100_000, "nested too deep"),
        (lambda text: text.replace('"schema": 2', '"schema": 7'), "schema 7 is not 2"),
        (lambda text: text.replace('"first": "', '"first": "other'), "damaged"),
        (lambda text: "[]", "schema None is not 2"),
    ],
)
def test_a_file_that_is_not_findings_is_one_line(tmp_path, change, message):
    path = save_findings(tmp_path, analyze(labelled()))
    path.write_text(change(path.read_text()))
    with pytest.raises(HarnessError, match=message) as caught:
        load_findings(path)
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(HarnessError, match="no such file"):
        load_findings(tmp_path / "nowhere")


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_a_report_of_findings_that_were_read_is_the_same(tmp_path, lang):
    run = both()
    save_findings(tmp_path, analyze(run))
    found = write.report_markdown(run, load_findings(tmp_path), lang=lang)
    assert found == report_markdown(run, lang=lang)
