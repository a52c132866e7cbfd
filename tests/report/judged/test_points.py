# ruff: noqa: RUF001
"""Points in a report: the matrix, what was gained and lost, a jury, hostile quotes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from judged_builders import EVALSET, HOSTILE, JUDGE, make_judged, make_judged_run
from reports import report_markdown

from harness.analysis.compare_models import duels
from harness.analysis.judged_sets import all_judged
from harness.analysis.points import point_moves, probe_matrices
from harness.judge.points import mean_share
from harness.judge.standings import point_agreement
from harness.language import words
from harness.reasons import Reason
from harness.records import CanaryResult, Judged, PointRuling, Ruling, Run
from harness.report.judged.conclusions import conclusions
from harness.report.plots.judged import judged_forest
from harness.report.runfiles import load_run, save_run

OTHER = "second-7b"
MET, MISSED = PointRuling("met", "a quote", found=True), PointRuling("not met")
WEIGHTS = (1.0, -2.0)


def with_points(judged: Judged, *, jury: bool = False) -> Judged:
    """Return a run in which `ru-a` meets what `base` does not, and base what counts against it."""
    probes = []
    for one in judged.probes:
        answers = []
        for answer in one.answers:
            own = (MET, MISSED) if one.model == "ru-a" else (MISSED, MET)
            points = {JUDGE: own} | ({OTHER: (MET, own[1])} if jury else {})
            if (one.model, one.probe, answer.number) == ("ru-b", "p01", 0):
                points[JUDGE] = (MET, PointRuling(problem=Reason("verdict_cut")))
            answers.append(replace(answer, points=points, share=mean_share(points, WEIGHTS)))
        probes.append(replace(one, answers=tuple(answers), weights=WEIGHTS))
    agreement = point_agreement(probes) if jury else None
    return replace(judged, probes=tuple(probes),
                   point_agreement={EVALSET: agreement} if agreement else {})  # fmt: skip


@pytest.fixture(scope="module")
def judged() -> Judged:
    return with_points(make_judged())


def text(judged: Judged, **options: str) -> str:
    report = report_markdown(make_judged_run(judged), **options)
    return re.sub(r" +", " ", report)


def test_the_matrix_counts_answers_with_a_verdict(judged):
    first, *others = probe_matrices(judged, EVALSET)
    assert len(others) == 9
    good, bad = first.lines
    assert [(name, cell.met, cell.n, cell.unscored) for name, cell in bad.cells.items()] == [
        ("base", 3, 3, 0), ("ru-a", 0, 3, 0), ("ru-b", 2, 2, 1)
    ]  # fmt: skip
    assert (good.weight, bad.weight, good.ruled) == (1, -2, 0)
    report = text(judged)
    assert "| 1. Названо главное. | – | 0 / 3 | 3 / 3 | 1 / 3 |" in report
    assert "| −2 | 3 / 3 | 0 / 3 | 2 / 2, unscored 1 |" in report


def test_what_counts_against_an_answer_is_gained_when_it_goes(judged):
    moves = {one.model: one for one in point_moves(probe_matrices(judged, EVALSET), "base")}
    assert set(moves) == {"ru-a", "ru-b"}
    assert (len(moves["ru-a"].gained), len(moves["ru-a"].lost)) == (20, 0)
    # A third of the answers is less than a half.
    assert (len(moves["ru-b"].gained), moves["ru-b"].compared) == (0, 20)
    back = {one.model: one for one in point_moves(probe_matrices(judged, EVALSET), "ru-a")}
    assert (len(back["base"].gained), len(back["base"].lost)) == (0, 20)
    report = text(judged)
    assert "`ru-a` against `base`: of 20 points 20 gained, 0 lost." in report
    assert report.count("- Gained: ") == 12
    assert "- More of them: 8." in report


def test_shares_are_compared_over_probes(judged):
    own = [one for one in duels(judged) if one.figure == "points"]
    assert {one.model: (one.value, one.difference.n) for one in own} == {
        "ru-a": (1, 10), "ru-b": (0, 10)}  # fmt: skip
    (found,) = all_judged(judged)
    assert found.models[1].shares == dict.fromkeys((f"p{n:02}" for n in range(1, 11)), 1.0)
    assert "points met 1.00 against 0.00, difference +1.00 with no interval" in text(judged)


def test_all_figures_that_are_better_are_named():
    found = with_points(make_judged({"base": 4.3, "ru-a": 7.2}))
    even = replace(found, pairs=tuple(replace(one, points=0.5) for one in found.pairs))
    said = conclusions(all_judged(even), words("en"))[EVALSET]
    (line,) = said.short
    assert line.startswith(
        "`ru-a` against `base`, by the judge: **better by mean score, points met only**; "
    )


def test_a_jury_has_its_agreement_on_points():
    report = text(with_points(make_judged(), jury=True))
    assert "Agreement of the jury on single points, Krippendorff's alpha" in report
    # The second judge finds the first point everywhere.
    (line, *_) = [row for row in report.splitlines() if row.startswith("| 1. Названо главное.")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[2:4] == ["1.5 / 3", "3 / 3"]
    assert cells[-1] == "4 / 9"
    assert f"- point 1, {OTHER}: met: “a quote”" in report


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_hostile_quotes_and_points_render_as_text(judged, lang):
    probes = list(judged.probes)
    quotes = (*HOSTILE, "| a | b |\n|---|", "# head")
    answers = tuple(
        replace(answer, points={JUDGE: (PointRuling("met", quotes[number % len(quotes)]), MISSED)})
        for number, answer in enumerate(probes[0].answers)
    )
    probes[0] = replace(probes[0], points=(HOSTILE[0], HOSTILE[1]), answers=answers)
    report = report_markdown(make_judged_run(replace(judged, probes=tuple(probes))), lang=lang)
    assert "<script>" not in report
    assert "\n# head" not in report
    assert report.count("<details>") == report.count("</details>")


def test_points_survive_the_files_of_a_run(judged, tmp_path):
    save_run(tmp_path, make_judged_run(judged))
    assert load_run(tmp_path).judged == judged
    save_run(tmp_path, make_judged_run(judged), texts="none")
    assert "a quote" not in (tmp_path / "probes.jsonl").read_text()


def test_a_run_that_was_saved_before_points_is_read(tmp_path):
    save_run(tmp_path, make_judged_run())
    for name in ("probes.jsonl", "run.json"):
        path = tmp_path / name
        saved = path.read_text()
        for key in ('"points": {}', '"share": null', '"weights": []', '"point_agreement": {}'):
            saved = re.sub(r",\s*" + re.escape(key), "", saved)
        path.write_text(saved)
    found: Run = load_run(tmp_path)
    assert found.judged == make_judged()


def test_canaries_by_points_stand_by_themselves(judged):
    made = CanaryResult(EVALSET, JUDGE, "p01", "null", Ruling(), 0.5, True, by="points",
                        share=0.75)  # fmt: skip
    report = text(replace(judged, canaries=(*judged.canaries, made)))
    assert "| empty answer, by points | 1 | 0 | 0.75, p01 | 0.5 | **1** |" in report


def test_a_set_by_points_alone_has_a_plot():
    scored = with_points(make_judged())
    bare = replace(
        scored,
        probes=tuple(
            replace(one, answers=tuple(replace(a, score=None, rulings={}) for a in one.answers))
            for one in scored.probes
        ),
        standings=tuple(
            replace(one, figures={"points": replace(one.figures["pass_rate"], n=30)})
            for one in scored.standings
        ),
    )  # fmt: skip
    (found,) = all_judged(bare)
    (plot,) = judged_forest("x", found, bare, words("en"))
    assert "Points met by the models (3)" in plot.alt
    report = text(bare)
    assert "Scores from 1 to 10." not in report
    assert "| points met (least–greatest) |" in report
