"""What a report says of thoughts: of labelled sets, of judge sets, in both languages."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from builders import make_cell, make_row
from judged_builders import EVALSET, HOSTILE, JUDGE, make_judged
from reports import compare, report_markdown

from harness.analysis.ranking import best_pair
from harness.language import words
from harness.records import Run, RunInfo, Score, Thought, Thoughts, sum_up
from harness.report.modes import mode_place, thinking_word
from harness.report.runfiles import load_run, save_run
from harness.report.summary import append_step_summary
from harness.report.thoughts import folded, place_lines

INFO = RunInfo("r", "2026-01-01", 1.0, "pytest", {}, {})
THOUGHTS = Thoughts(n=300, closed=280, cut=18, open=2, tokens=812.4)


def cell(thinking: str, right: int, *, name: str, **changes):
    """Return row and results of a cell with 60 samples, so many of them right."""
    scores = [Score(float(i < right), "positive" if i < right else "negative") for i in range(60)]
    row, results = make_cell(scores, ["positive"] * 60, evalset="evalsets/x.yaml", model="m",
                             prompt="p", scoring="generate")  # fmt: skip
    row = replace(row, cell=name, mode=name.removeprefix("m-p-"), thinking=thinking, **changes)
    return row, [replace(one, cell=name) for one in results]


@pytest.fixture
def axis() -> Run:
    """A run of one prompt with thinking off, and twice on."""
    made = [
        cell("off", 30, name="m-p-zeroshot-nothink", place="empty"),
        cell("budget 256", 58, name="m-p-zeroshot-think256", place="behind", thoughts=THOUGHTS),
        cell("on", 31, name="m-p-zeroshot-think", place="behind", thoughts=THOUGHTS),
    ]
    results = tuple(one for _, own in made for one in own)
    return Run(INFO, rows=tuple(row for row, _ in made), results=results)


def test_thoughts_are_summed_up():
    made = [Thought("a", 4, "closed"), Thought("b", 8, "cut"), Thought("c", 0, "open")]
    assert sum_up(made) == Thoughts(3, closed=1, cut=1, open=1, tokens=6)
    assert sum_up([Thought("a")]).tokens is None
    assert sum_up([]) is None


def test_the_table_tells_the_setting_and_another_one_the_thoughts(axis):
    found = report_markdown(axis)
    table = found[found.index("## evalsets") :].splitlines()
    header = next(line for line in table if line.startswith("| model"))
    assert "| thinking" in header
    rows = [line for line in found.splitlines() if line.startswith("| m-p-zeroshot-think")]
    assert [[part.strip() for part in line.split("|")[2:-1]] for line in rows] == [
        ["300", "812", "280 (93%)", "18 (6%)", "2 (1%)"]
    ] * 2
    assert "- Asked behind an empty thought: `m-p-zeroshot-nothink`." in found


def test_a_run_without_thoughts_says_nothing_of_them():
    row, results = cell("", 30, name="m-p-zeroshot")
    found = report_markdown(Run(INFO, rows=(row,), results=tuple(results)))
    assert "think" not in found
    assert "thought" not in found


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_every_place_has_its_sentence(lang):
    t = words(lang)
    rows = [make_row(cell=place, place=place) for place in
            ("none", "absent", "empty", "before", "behind")]  # fmt: skip
    lines = place_lines(rows, t)
    assert [line.split("`")[1] for line in lines] == ["before", "empty", "absent"]
    said = [thinking_word(one, t) for one in
             ("off", "on", "budget 2560", "limit 9", "")]  # fmt: skip
    assert len(set(said)) == 5
    assert "2\u00a0560" in said[2]


def test_settings_are_compared_with_off_and_their_cost_is_told(axis):
    found = [one for one in compare(axis.rows, axis.results) if one.kind == "thinking"]
    assert [(one.first.thinking, one.second.thinking) for one in found] == [
        ("off", "budget 256"),
        ("off", "on"),
    ]
    assert [one.sign for one in found] == [1, 0]
    text = report_markdown(axis)
    assert re.search(
        r"\| thinking budget 256 against off +\| raw accuracy +\| \+46\.7 points \[[^]]*\], "
        r"p < 0\.001 +\| \*\*better\*\* +\|",
        text,
    )
    assert re.search(
        r"\| thinking on against off +\| raw [^|]*\| \+1\.7 [^|]*\| no difference shown ", text
    )
    assert (
        "- Thinking budget 256 against off, zero-shot, prompt p: **better**; raw accuracy "
        "0.500 → 0.967 (+46.7 points" in text
    )
    assert "812 tokens of thought a sample" in text
    assert "no difference could be shown" in next(
        line for line in text.splitlines() if line.startswith("- Thinking on against off")
    )


def test_cells_of_unlike_settings_are_no_pair_of_another_kind():
    bare, bare_results = cell("off", 30, name="m-p-zeroshot-nothink")
    shots = {"k": 5, "placement": "chat", "selector": "balanced", "seed": 0}
    few, few_results = cell("on", 58, name="m-p-fewshot5-chat-s0-think", **shots)
    other, other_results = cell("on", 40, name="m-p-fewshot5-user-s0-nothink",
                                **{**shots, "placement": "user"})  # fmt: skip
    other = replace(other, thinking="off")
    found = compare([bare, few, other], [*bare_results, *few_results, *other_results])
    assert {(one.kind, one.second.cell) for one in found} == {
        ("shots", other.cell),
        # The best of all few-shot cells is compared as the best, whatever it thinks.
        ("best", few.cell),
    }
    assert best_pair([bare, few, other], "accuracy") == (bare, few)
    assert mode_place(few, words("en")) == "5-shot chat (seed 0), thinking on"


def test_a_thought_is_folded_and_inert():
    t = words("en")
    for text in HOSTILE:
        found = folded(Thought(text, 1234), t)
        first, summary, *inner, last = found.splitlines()
        assert (first, last) == ("<details>", "</details>")
        assert summary == "<summary>Thought, 1\u00a0234 tokens</summary>"
        assert all(line.startswith(">") for line in inner if line)
    assert folded(Thought(" ", 9), t) == folded(None, t) == ""
    cut = folded(Thought("x" * 9000, 9, "cut"), t, by="j<b>")
    assert "<summary>Thought of j&lt;b&gt;, 9 tokens, cut at its budget</summary>" in cut
    assert "3\u00a0000 more characters" in cut


def test_wrong_answers_show_what_was_thought(axis):
    thought = Thought("it may be\nso", 4)
    results = tuple(replace(one, thought=thought) for one in axis.results)
    run = replace(axis, results=results)
    found = report_markdown(run)
    at = found.index("<summary>Thought, 4 tokens</summary>")
    # Within the item of the list that it belongs to.
    assert found[:at].endswith("   <details>\n   ")
    assert "   > it may be" in found[at:]
    bare = report_markdown(run, texts="none")
    assert "it may be" not in bare
    assert "<summary>Thought" not in bare


@pytest.fixture
def judged() -> Run:
    """Two models whose answers and rulings have thoughts."""
    made = make_judged({"base": 5.0, "other": 6.0}, probes=2, answers=1)
    said, ruled = Thought("said to itself", 20), Thought("weighed it", 30, "cut")
    probes = tuple(
        replace(
            probe,
            answers=tuple(
                replace(
                    answer,
                    thought=said if probe.model == "other" else None,
                    rulings={k: replace(v, thought=ruled) for k, v in answer.rulings.items()},
                )
                for answer in probe.answers
            ),
        )
        for probe in made.probes
    )
    return Run(INFO, judged=replace(made, probes=probes))


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_thoughts_of_models_and_judges(judged, lang):
    t, found = words(lang), report_markdown(judged, lang=lang)
    header = f"| {t['h_model']}"
    tables = [part for part in found.split("\n\n") if part.lstrip().startswith(header)]
    (own,) = [part for part in tables if t["h_thoughts"] in part]
    lines = [[c.strip() for c in line.split("|")[1:-1]] for line in own.splitlines()[2:]]
    assert [line[:4] for line in lines] == [
        ["other", t["th_answers"], "2", "20"],
        [JUDGE, t["th_rulings"], "4", "30"],
    ]
    assert found.count("said to itself") == 2
    assert found.count("weighed it") == 4
    assert "weighed it" not in report_markdown(judged, lang=lang, texts="none")
    assert EVALSET in found


def test_a_summary_that_is_cut_in_a_thought_closes_both_folds(tmp_path, monkeypatch):
    text = "<details>\n<summary>a</summary>\n\n<details>\n<summary>b</summary>\n\n" + "> x\n" * 500
    monkeypatch.setattr("harness.report.summary.SUMMARY_BYTES", 900)
    path = tmp_path / "summary.md"
    append_step_summary(text + "\n</details>\n\n</details>\n", path)
    found = path.read_text()
    assert found.count("<details>") == found.count("</details>") == 2
    assert len(found.encode()) <= 900


def test_a_run_keeps_its_thoughts(axis, judged, tmp_path):
    thought = Thought("hm", 4, "cut")
    results = tuple(replace(one, thought=thought) for one in axis.results)
    run = replace(axis, results=results, judged=judged.judged)
    save_run(tmp_path, run)
    found = load_run(tmp_path)
    assert found.rows == run.rows
    assert found.results[0].thought == thought
    assert found.judged.probes == run.judged.probes
