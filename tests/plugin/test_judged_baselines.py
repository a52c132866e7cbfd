# ruff: noqa: RUF001
"""Baselines of judged models: written, compared with, and refused where the scale is another."""

from __future__ import annotations

import json
import re

import pytest
from endpoints import chat, serving
from judged_project import FENCED, certify, make_project, oracle, write_set
from typer.testing import CliRunner

from harness.cli import app
from harness.judge.judged_baseline import load_judged_baseline
from harness.records import Run

SET = "evalsets/probes.yaml"
PATH = "baselines/probes/fine.json"
GATE = {"models": "fine", "figure": "score", "no_worse_than": "baseline", "by": 0.5}
ID = f"{SET}::gate-score-fine-vs-baseline"
PROBES = [
    {"id": f"p{n}", "kind": "fact", "question": f"What of honey{n}?",
     "points": [f"honey{n} is good"]}
    for n in range(8)
]  # fmt: skip


@pytest.fixture(scope="module")
def running():
    with serving(oracle) as found:
        yield found


@pytest.fixture
def endpoint(running):
    yield running
    running.script = oracle


@pytest.fixture(scope="module")
def passports():
    """The passport of the judge at `running`, which is measured once."""
    return {}


@pytest.fixture
def judged(evals, endpoint, passports):
    """A project whose trusted judge scores `fine` 9 and `plain` 2 on eight probes."""
    project = make_project(evals, endpoint)
    path = project.root / "passports/wise.json"
    if not passports:
        certify(project)
        passports["wise"] = path.read_text()
    project.write("passports/wise.json", passports["wise"])
    write_set(project, probes=PROBES, gates=[GATE])
    return project


def answer(evals, text, *, model="fine", **more):
    """Have a model answer otherwise."""
    models = json.loads((evals.root / "evalsets/models.yaml").read_text())
    models["models"][model] |= {"options": {"answer": text}, **more}
    evals.write("evalsets/models.yaml", models)


def accept(evals) -> None:
    evals.run(SET, "--eval-write-baseline").assert_outcomes(passed=16, skipped=1)


def the_gate(run: Run):
    (gate,) = run.gates
    return gate


def test_a_baseline_keeps_answers_rulings_and_what_they_are_bound_to(judged):
    result = judged.run(SET, "--eval-write-baseline", "-rs")
    result.assert_outcomes(passed=16, skipped=1)
    printed = result.stdout.str()
    assert "its baseline is written by this run" in printed
    for model in ("plain", "fine"):
        doubt = "with answers or verdicts that the engine fake made up"
        assert f"baseline written: baselines/probes/{model}.json, {doubt}" in printed
    found = load_judged_baseline(judged.root, SET, "fine")
    assert [one.probe for one in found.probes] == [one["id"] for one in PROBES]
    first = found.probes[0].answers[0]
    assert (first.text, first.score) == ("it is good", 9)
    assert first.rulings["wise"].reason == "it says so"
    basis = found.basis
    assert set(basis.scale) >= {"judge wise, weights", "judge wise, template", "judge.rubric"}
    assert basis.probes.keys() == {one["id"] for one in PROBES}
    assert basis.provenance.model
    assert basis.provenance.engine.startswith("fake")
    drawn = json.loads(basis.sampling)
    assert (drawn["n"], drawn["max_tokens"]) == (2, 8)
    assert str(judged.root) not in (judged.root / PATH).read_text()


def test_the_same_again_passes_without_a_margin_and_asks_nothing(judged, endpoint):
    write_set(judged, probes=PROBES, gates=[{**GATE, "by": 0}])
    accept(judged)
    asked = len(endpoint.asked)
    judged.run(SET).assert_outcomes(passed=17)
    gate = the_gate(judged.saved)
    assert (gate.contrast.low, gate.contrast.high, gate.treatment) == (0, 0, ())
    assert len(endpoint.asked) == asked


def test_a_loss_fails_and_the_line_names_the_treatment(judged):
    accept(judged)
    answer(judged, "who knows")
    write_set(judged, probes=PROBES, gates=[GATE],
              answers={"n": 2, "max_tokens": 9, "system": "Be brief."})  # fmt: skip
    result = judged.run(SET)
    result.assert_outcomes(passed=16, failed=1)
    line = the_gate(judged.saved).line
    assert line.startswith("score 2.000 against 9.000 of baseline, difference -7.000 [-9.000, -")
    assert "n=8, left out 0" in line
    assert "8 probes worse, 0 better" in line
    changed = "changed since the baseline: wording, template, sampling"
    assert line.endswith(f"worse by 0.5 at most - fail; {changed}")
    report = judged.report
    assert "### Against the baseline" in report
    assert "Since the baseline `fine` is **worse** by mean score: −7.000" in report
    assert "Probes that became worse by mean score (8): p0 9.00 → 2.00" in report
    assert "Changed since: the prompt's wording, chat template, sampling (place of the" in report
    first, second = sorted((judged.root / "reports").glob("2*"))
    told = CliRunner().invoke(app, ["compare", str(first), str(second)])
    assert told.exit_code == 0, told.output
    assert "| `evalsets/probes.yaml::fine`" in told.output
    assert "Probes that became worse by mean score (8): p0 9.00 → 2.00" in told.output
    told = CliRunner().invoke(app, ["compare", str(first), str(second), "--json"])
    found = json.loads(told.output)
    assert [one["changes"][0]["contrast"]["second"] for one in found["models"]] == [2, 2]
    judged.run(SET, "--eval-report-lang", "ru")
    assert "вопросов хуже 8, лучше 0: хуже не более чем на 0.5" in judged.report
    changed = "с тех пор изменилось: формулировка промпта, шаблон чата, сэмплирование"
    assert changed in judged.report


def reworded(judged):
    path = judged.root / "prompts/judge/absolute.en.j2"
    path.write_text(path.read_text() + "\n{# another wording #}\n")
    certify(judged)


def another_judge(judged):
    models = json.loads((judged.root / "evalsets/models.yaml").read_text())
    models["models"]["wise"]["source"] = "openai:wise-2"
    judged.write("evalsets/models.yaml", models)
    certify(judged)


def other_points(judged):
    other = [{**PROBES[0], "points": ["honey0 is good", "honey0 is sweet"]}, *PROBES[1:]]
    write_set(judged, probes=other, gates=[GATE])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (reworded, r"its scores are of another scale: judge\.rubric [0-9a-f]{12} → [0-9a-f]{12};"),
        (another_judge, "its scores are of another scale: judge wise, weights "),
        (other_points, "made on other probes; another question or other points: p0;"),
    ],
)
def test_another_scale_or_other_probes_are_refused_in_one_line(judged, change, said):
    accept(judged)
    change(judged)
    result = judged.run(SET)
    assert result.parseoutcomes()["errors"] == 1
    begun = f"{SET}: gate-score-fine-vs-baseline: {PATH}: "
    (line,) = [one for one in result.outlines if one.startswith(begun)]
    assert re.search(said, line), line
    assert line.endswith("run it as the baseline was run, or accept with --eval-write-baseline")
    assert "`fine`: not compared. baselines/probes/fine.json" in judged.report


def test_a_gate_without_a_baseline_says_how_to_write_one(judged):
    result = judged.run(SET)
    result.assert_outcomes(passed=16, errors=1)
    result.stdout.fnmatch_lines(
        [f"*gate-score-fine-vs-baseline: no baseline {PATH}; write it with pytest "
         "--eval-write-baseline*"]
    )  # fmt: skip


def test_without_a_passport_the_gate_is_skipped_and_nothing_is_claimed(judged):
    accept(judged)
    answer(judged, "who knows")
    (judged.root / "passports/wise.json").unlink()
    judged.run(SET).assert_outcomes(passed=16, skipped=1)
    report = judged.report
    assert "nothing is claimed.* `fine`: mean score 9.000 → 2.000 (−7.000" in report
    assert "Since the baseline" not in report


def test_a_void_run_and_a_part_of_the_probes_are_no_baseline(judged, endpoint):
    result = judged.run(SET, "--eval-write-baseline", "-k", "p0 or p1")
    result.stdout.fnmatch_lines(
        [f"*{PATH}: not written, since 2 of 8 probes are answered; run them all*"]
    )
    assert not (judged.root / PATH).exists()
    assert not any(one.startswith("baseline ") for one in result.outlines)

    def flattered(body):
        shown = [text for _, text in FENCED.findall(body["messages"][-1]["content"])]
        empty = len(shown) == 1 and "good" not in shown[0]
        return chat(json.dumps({"reason": "r", "score": 10})) if empty else oracle(body)

    endpoint.script = flattered
    result = judged.run(SET, "--eval-write-baseline")
    assert result.parseoutcomes()["errors"] == 16
    result.stdout.fnmatch_lines([f"*{PATH}: not written, since the run is void: wise scored *"])
    assert not (judged.root / PATH).exists()


def test_without_texts_a_baseline_has_none_and_compares_all_the_same(judged):
    judged.run(SET, "--eval-write-baseline", "--eval-report-texts", "none")
    kept = (judged.root / PATH).read_text()
    assert "it is good" not in kept
    assert "it says so" not in kept
    judged.run(SET).assert_outcomes(passed=17)


def test_a_damaged_baseline_is_named(judged):
    accept(judged)
    path = judged.root / PATH
    path.write_text(path.read_text().replace('"probe":"p0"', '"probe":"p9"'))
    judged.run(SET)
    assert f"{PATH}: damaged (its probes are not those that it says it has)" in judged.report


def test_looks_are_planned_and_counted(judged):
    write_set(judged, probes=PROBES, gates=[{**GATE, "looks": 1}])
    accept(judged)
    for text in ("who knows", "it is good, too"):
        answer(judged, text)
        judged.run(SET)
    gate = the_gate(judged.saved)
    assert (gate.look.planned, gate.look.count) == (1, 2)
    assert "look 2 of 1 planned: write the baseline anew" in gate.line


def test_a_model_is_compared_with_the_baseline_of_another(judged):
    accept(judged)
    write_set(judged, probes=PROBES, gates=[{**GATE, "models": "plain"}])
    judged.run(SET, "--eval-against", "fine").assert_outcomes(passed=16, failed=1)
    assert the_gate(judged.saved).former == "fine"
    result = judged.run(SET, "--eval-against", "fin")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = "--eval-against fin: none of evalsets/probes.yaml has a baseline of such a model"
    result.stderr.fnmatch_lines([f"*{said}; *'fine'*"])


def test_runs_are_added_to_baselines_of_labelled_sets_alone(judged):
    accept(judged)
    before = (judged.root / PATH).read_text()
    result = judged.run(SET, "--eval-write-baseline", "--eval-baseline-add")
    result.stdout.fnmatch_lines([f"baseline left as it is: {PATH}: runs are added to *"])
    assert (judged.root / PATH).read_text() == before
