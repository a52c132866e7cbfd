# ruff: noqa: RUF001
"""The judge's part of a report as its reader sees it: golden, and rendered as GitHub would."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from judged_builders import (
    EVALSET,
    FAILED,
    HOSTILE,
    JUDGE,
    PROSE,
    REASONS,
    make_canaries,
    make_judged,
    make_judged_run,
)
from reasoned import because
from reports import report_markdown, write_report

from harness.reasons import Reason
from harness.records import Figure, Gate, Ruling, Run, RunInfo
from harness.report.runfiles import load_run, save_run
from harness.report.summary import SUMMARY_BYTES, append_step_summary

GOLDEN = Path(__file__).parents[2] / "golden"
VOID = because("canary 'shuffled' of p01 scored 8.2, more than 4")
RATE = make_judged().standings[2].figures["win_rate"]
GATE = Gate(
    EVALSET, "ru-b", "win_rate", "at_least", 0.6, "inconclusive", False,
    f"win_rate {RATE.value:.3f} [{RATE.low:.3f}, {RATE.high:.3f}], detectable 0.208, n={RATE.n} on "
    "10 probes, unscored 2: at least 0.6 - inconclusive (warning)",
    id="ru-b-win_rate", detectable=0.208,
)  # fmt: skip


@pytest.fixture(scope="module")
def run() -> Run:
    return replace(make_judged_run(), gates=(GATE,))


def html_of(markdown: str) -> str:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("judged_en.md", {}),
        ("judged_ru.md", {"lang": "ru"}),
        ("judged_untrusted_en_no_texts.md", {"texts": "none"}),
    ],
)
def test_report_equals_golden(run, name, options):
    if "untrusted" in name:
        run = make_judged_run(make_judged(check=FAILED))
    path = GOLDEN / name
    found = report_markdown(run, **options)
    if os.environ.get("HARNESS_UPDATE_GOLDEN") == "1":
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def test_without_judge_sets_nothing_is_said_of_judges():
    found = report_markdown(Run(RunInfo("r", "now", 1.0, "pytest", {}, {})))
    assert "udge" not in found
    assert "<details>" not in found


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_hostile_answers_cannot_leave_their_quote(run, lang):
    found = report_markdown(run, lang=lang)
    folds = [line for line in found.splitlines() if re.match(r"\s*</?(details|summary)", line)]
    assert Counter(folds)["<details>"] == Counter(folds)["</details>"] == 11
    assert len(folds) == 33
    # Every `<` that begins a tag is one of those.
    assert len(re.findall(r"<[a-zA-Z/!]", found)) == 10 * 6 + 4
    assert not re.search(r"^\s*(::|##\[|<!--|```|~~~)", found, re.MULTILINE)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2028\ud800]", found)


def test_hostile_answers_render_as_text(run):
    page = html_of(report_markdown(run))
    tags = Counter(re.findall(r"<(\w+)", page))
    assert not {"script", "img", "a", "input", "hr", "pre"} & set(tags)
    assert (tags["details"], tags["summary"], tags["table"]) == (11, 11, 6)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "# A heading of my own" in page
    assert not re.search("<h[1-6]>A heading", page)
    # An indent outlives the quote.
    assert "\xa0\xa0\xa0\xa0total = sum(values)<br" in page


def test_every_answer_is_shown_side_by_side(run):
    page = html_of(report_markdown(run))
    folds = page.split("<details>")[1:]
    assert "<summary>How to read this</summary>" in folds.pop()
    for number, fold in enumerate(folds, 1):
        assert f"<b>p{number:02}</b>" in fold
        models = re.findall(r"<p><strong>(base|ru-a|ru-b)</strong>", fold)
        assert models == ["base", "ru-a", "ru-b"] * 3
        assert fold.count("<h4>Answer ") == 3
    assert "ru-a</strong>, score 8.9, better than base. judge-7b:" in folds[0]
    assert "No answer: too long: 2100 prompt tokens and room for 512 exceed" in folds[4]
    assert "An empty answer." in folds[4]
    assert "no score. judge-7b: No verdict: the verdict was cut" in folds[2]
    assert "better than ru-a" in "".join(folds) or "worse than ru-a" in "".join(folds)


def test_long_answers_are_cut_with_a_mark():
    judged = make_judged({"base": 5.0}, probes=2, answers=1)
    first = judged.probes[0]
    long = replace(first, answers=(replace(first.answers[0], text="слово " * 2000),))
    found = report_markdown(make_judged_run(replace(judged, probes=(long, judged.probes[1]))))
    assert "> *… cut here, 6\u00a0000 more characters*" in found


def test_of_many_answers_the_first_are_shown():
    found = report_markdown(make_judged_run(make_judged({"base": 5.0}, probes=2, answers=8)))
    assert found.count("#### Answer 5") == 2
    assert "#### Answer 6" not in found
    assert found.count("Answers of each model that are not shown: 3. They count") == 2


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_texts_none_shows_no_answer_and_no_word_of_a_judge(run, lang):
    full = report_markdown(run, lang=lang)
    bare = report_markdown(run, lang=lang, texts="none")
    for text in ("alert(1)", "Коэффициенты", "invents a fact", "cannot", "heading of my own"):
        assert text in full
        assert text not in bare
    refused = {"en": "the model refused: '…'", "ru": "модель отказалась отвечать: «…»"}[lang]
    for kept in ("Вопрос 1: что нужно знать?", "Названо главное.", refused):
        assert kept in bare
    assert len(re.findall(r"> \*(The text was left out|Текст не сохранён)\.\*", bare)) == 89


@pytest.mark.parametrize("texts", ["full", "none"])
def test_report_from_saved_files_is_the_same(run, tmp_path, texts):
    save_run(tmp_path, run, texts=texts)
    assert report_markdown(load_run(tmp_path)) == report_markdown(run, texts=texts)


def test_saved_without_texts_there_is_none(run, tmp_path):
    save_run(tmp_path, run, texts="none")
    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    for text in (*HOSTILE, *PROSE, *REASONS, "Better covered", "Says nothing", "cannot"):
        assert text[:20] not in written
    assert "Названо главное." in written


@pytest.mark.parametrize(
    ("judged", "title"),
    [
        (make_judged(), "# Evaluation report: no gates"),
        (make_judged(check=FAILED), "# Evaluation report: no gates, judge UNTRUSTED"),
        (make_judged(void=VOID), "# Evaluation report: no gates, judged scores VOID"),
    ],
)
def test_title_says_what_the_judge_is_worth(judged, title):
    found = report_markdown(make_judged_run(judged))
    assert found.split("\n", 1)[0] == title
    assert found.index("**The ") < found.index("## Run")


def test_gates_that_were_not_judged_are_no_missing_gates(run):
    untrusted = make_judged_run(make_judged(check=FAILED))
    found = report_markdown(
        replace(untrusted, unjudged=(("gate-win_rate", because("no passport")),))
    )
    assert found.startswith("# Evaluation report: gates not judged, judge UNTRUSTED\n")
    assert "\n- `gate-win_rate`: not judged, no passport\n" in found
    counts = (
        "Gates: 0 passed, 0 failed, 0 inconclusive, 1 not judged. Probes skipped: 0. "
        "Gates are thresholds of the set; a comparison below is not a gate."
    )
    assert f"\n{counts}\n" in found


def test_judge_only_run_has_no_empty_parts_of_other_sets(run):
    found = report_markdown(run)
    heads = re.findall(r"^## (.*)$", found, re.MULTILINE)
    assert heads == ["Run", EVALSET, "Gates"]


def test_gates_stand_in_both_languages(run):
    english, russian = report_markdown(run), report_markdown(run, lang="ru")
    assert f"`ru-b`: {GATE.line}" in english
    assert (
        f"`ru-b`: доля побед {RATE.value:.3f} [{RATE.low:.3f}, {RATE.high:.3f}], различимо 0.208, "
        f"n={RATE.n}, вопросов 10, без оценки 2: не меньше 0.6, не решено"
    ) in russian
    assert re.search(r"^\| ru-b .*\| inconclusive +\|$", english, re.MULTILINE)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            Reason("void", causes=(VOID,)),
            "оценки судьи недействительны: canary 'shuffled'",
        ),
        (
            Reason("answers_without_verdict", {"lost": 3, "due": 30, "most": 0.02}),
            "без вердикта 3 ответов из 30, допустимо не больше 2.0%",
        ),
    ],
)
def test_russian_gate_says_why_it_failed(run, reason, words):
    failed = replace(GATE, threshold=0.4, verdict="fail", failed=True, reason=reason)
    found = report_markdown(replace(run, gates=(failed,)), lang="ru")
    assert f"**НЕ ВЫПОЛНЕНО**, {words}" in found


def test_a_gate_without_figures_says_so_in_russian(run):
    bare = tuple(replace(one, figures={}, n=0, unscored=30) for one in run.judged.standings)
    why = Reason("no_answer_scored", {"total": 30})
    failed = replace(GATE, verdict="fail", failed=True, reason=why)
    judged = replace(run.judged, standings=bare)
    found = report_markdown(replace(run, gates=(failed,), judged=judged), lang="ru")
    assert "не меньше 0.6: **НЕ ВЫПОЛНЕНО**, ни один ответ не получил балла (всего 30)" in found


def test_broken_canary_is_in_the_table():
    judged = replace(make_judged(void=VOID), canaries=tuple(make_canaries(highest=8.2)))
    found = report_markdown(make_judged_run(judged))
    line = next(line for line in found.splitlines() if line.startswith("| points of another"))
    cells = [part.strip() for part in line.split("|")[1:-1]]
    assert cells == ["points of another probe", "10", "0", "8.2, p01", "4", "**10**"]
    empty = next(line for line in found.splitlines() if line.startswith("| empty answer"))
    assert [part.strip() for part in empty.split("|")[2:4]] == ["10", "1"]


@pytest.mark.parametrize(
    ("expected", "note"),
    [(0.0, "every score is the whole number"), (0.93, "93% of the scores are exp"), (1.0, "")],
)
def test_written_scores_are_told_from_expectations(expected, note):
    found = report_markdown(make_judged_run(make_judged(expected=expected)))
    notes = [line for line in found.splitlines() if line.startswith("- `judge-7b`: ")][3:]
    assert [note in line for line in notes] == ([True] if note else [])


def test_a_jury_shows_each_judges_ruling():
    judged = make_judged({"base": 5.0, "ru-a": 7.0}, probes=3, answers=1)
    probes = tuple(
        replace(one, answers=tuple(
            replace(answer, rulings={
                **answer.rulings, "second": Ruling(value=3.0, reason="Not so.")
            }) for answer in one.answers))
        for one in judged.probes
    )  # fmt: skip
    pairs = judged.pairs + tuple(replace(one, judge="second") for one in judged.pairs)
    judged = replace(judged, probes=probes, pairs=pairs,
                     agreement={EVALSET: Figure(0.5, 0.2, 0.7, 6)})  # fmt: skip
    found = report_markdown(make_judged_run(judged))
    assert re.search(r"better than base \(judge-7b\), better than base \(second\)\. judge-7b \d",
                     found)  # fmt: skip
    assert "second 3.0: “Not so.”" in found
    assert "Krippendorff's alpha (1 is full, 0 as by chance): 0.500 [0.20, 0.70], n=6" in found


def test_median_answer_gives_the_reason():
    judged = make_judged({"base": 5.0}, probes=2)
    answers = tuple(
        replace(answer, score=score, rulings={JUDGE: Ruling(value=score, reason=f"was {score}")})
        for answer, score in zip(judged.probes[0].answers, (9.0, 2.0, 4.0), strict=True)
    )
    judged = replace(judged, probes=(replace(judged.probes[0], answers=answers),))
    found = report_markdown(make_judged_run(judged))
    line = next(line for line in found.splitlines() if line.startswith("| p01"))
    assert [part.strip() for part in line.split("|")[3:6]] == ["5.0 (2.0–9.0)", "0", "was 4.0"]


def test_cut_summary_closes_the_fold(run, tmp_path):
    text = report_markdown(run)
    path = tmp_path / "summary.md"
    path.write_bytes(b"x" * (SUMMARY_BYTES - len(text.encode()) // 2))
    before = path.stat().st_size
    append_step_summary(text, path)
    added = path.read_bytes()[before:].decode()
    assert added.count("\n<details>\n") == added.count("\n</details>\n") > 0
    assert added.rstrip().endswith("is in report.md.*")
    assert path.stat().st_size <= SUMMARY_BYTES


def test_plot_is_drawn_and_linked(run, tmp_path):
    text = write_report(tmp_path, run).read_text(encoding="utf-8")
    assert re.findall(r"\]\((plots/.*)\)$", text, re.MULTILINE) == ["plots/judged-probes.svg"]
    assert (tmp_path / "plots/judged-probes.svg").read_text().startswith("<?xml")
    assert "could not be drawn" not in text
