"""Figures without what adapters were trained on, beside those with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import make_cell
from judged_builders import EVALSET, make_judged, make_judged_run
from reports import report_markdown

from harness.analysis.analyze import analyze
from harness.records import Note, Run, RunInfo, Score

SET = "evalsets/x.yaml"


def note(kind, about, model, *ids):
    return Note(kind, about, {"model": model, "count": len(ids), "total": 9, "exact": 1,
                              "ids": ids, "rows": tuple("3" for _ in ids)})  # fmt: skip


def cell(model, rights):
    scores = [Score(float(right), "positive" if right else "negative") for right in rights]
    return make_cell(scores, ["positive"] * len(rights), evalset=SET, model=model, prompt="p",
                     scoring="generate")  # fmt: skip


@pytest.fixture
def labelled():
    made = [cell("base", [0, 0, 1, 1, 0, 1]), cell("tuned", [1, 1, 1, 0, 0, 1])]
    notes = (note("trained_samples", SET, "tuned", "s000", "s001"),)
    return Run(RunInfo("r", "now", 1.0, "pytest", {}, {}, notes=notes),
               rows=tuple(row for row, _ in made),
               results=tuple(one for _, own in made for one in own))  # fmt: skip


def test_all_cells_of_a_set_leave_out_the_same_samples(labelled):
    base, tuned = analyze(labelled).untrained
    assert [(one.name, one.trained, one.left_out, one.total) for one in (base, tuned)] == [
        ("base-p-zeroshot", False, 2, 6), ("tuned-p-zeroshot", True, 2, 6)]  # fmt: skip
    assert (tuned.before["accuracy"].value, tuned.after["accuracy"].value) == (4 / 6, 2 / 4)
    assert (base.before["accuracy"].value, base.after["accuracy"].value) == (3 / 6, 3 / 4)
    assert analyze(replace(labelled, info=replace(labelled.info, notes=()))).untrained == ()


def test_where_nothing_is_left_there_is_no_figure(labelled):
    every = note("trained_samples", SET, "tuned", *(f"s{i:03}" for i in range(6)))
    run = replace(labelled, info=replace(labelled.info, notes=(every,)))
    assert [one.after for one in analyze(run).untrained] == [{}, {}]
    assert "| with all" in report_markdown(run)


@pytest.mark.parametrize(("lang", "title"), [("en", "Trained on what"), ("ru", "Обучение на том")])
def test_the_report_has_both_at_its_beginning_and_in_a_table(labelled, lang, title):
    text = report_markdown(labelled, lang=lang)
    (line,) = [line for line in text.splitlines() if line.startswith(f"- **{title}")]
    assert "`tuned-p-zeroshot`" in line
    assert "0.667 [" in line
    assert "0.500 [" in line
    assert sum(line.startswith(f"| {SET} | `") for line in text.splitlines()) == 2


def test_judged_models_leave_out_probes():
    run = make_judged_run(make_judged())
    notes = (note("trained_probes", EVALSET, "ru-a", "p01", "p07"),)
    run = replace(run, info=replace(run.info, notes=notes))
    found = {one.name: one for one in analyze(run).untrained}
    assert [one.trained for one in found.values()] == [False, True, False]
    one = found["ru-a"]
    rest = [probe for probe in run.judged.probes
            if probe.model == "ru-a" and probe.probe not in ("p01", "p07")]  # fmt: skip
    means = [sum(probe.scores) / len(probe.scores) for probe in rest]
    assert one.after["score"].value == pytest.approx(sum(means) / 8)
    points = [pair.points for pair in run.judged.pairs if pair.points is not None
              and (pair.model, pair.against) == ("ru-a", "base")
              and pair.probe not in ("p01", "p07")]  # fmt: skip
    assert one.after["win_rate"].value == pytest.approx(sum(points) / len(points))
    assert (one.left_out, one.total) == (2, 10)
    # What a passing score is, only the basis of a run knows.
    assert list(one.before) == ["score", "win_rate"]
    assert f"| {EVALSET} | `ru-a` | 2 / 10 | mean score |" in " ".join(report_markdown(run).split())
