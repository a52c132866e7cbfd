"""The page to look at: what it holds, and that nothing of it is live but its own script."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest
from attacks import ATTACKS, attack, attacking, hidden
from builders import LABELS, make_cell
from judged_builders import make_judged_run
from reasoned import because
from reports import write_report

from harness.analysis.analyze import analyze
from harness.markdown import cut, escape, plain, table_cells, unmarked
from harness.records import BaselineCheck, CellPrompt, Flip, Run, RunInfo, Score, Thought
from harness.report.page.samples import sample_sets
from harness.report.page.texts import LEFT_OUT, LONGEST, Texts
from harness.report.page.write import PAGE_FILE, write_page
from harness.report.plots.write_plots import Picture, PlotKind

SET = "evalsets/a.yaml"


def parts(page: str) -> tuple[dict, str, str]:
    """Return a page's data, its script and its style."""
    data, script = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    return json.loads(data), script, style


@pytest.fixture(scope="module")
def run() -> Run:
    targets = [LABELS[i % 2] for i in range(6)]
    cells = []
    for odd, prompt in ((0, "p"), (1, "q")):
        scores = [Score(float((i + odd) % 3 > 0), targets[i], None, (-0.2, -1.7)) for i in range(5)]
        scores.append(Score(None, None, because("it said 'nothing'")))
        row, results = make_cell(
            scores, targets, evalset=SET, model="m", prompt=prompt,
            texts=[f"secret text {i}" for i in range(6)], completions=["secret answer"] * 6
        )  # fmt: skip
        results[2] = replace(results[2], thought=Thought("secret thought", 3, "closed"))
        sliced = [replace(one, slices={"topic": "secret topic"}) for one in results]
        cells.append((row, sliced))
    check = BaselineCheck(SET, cells[0][0].cell, lost=(Flip("s000", LABELS[0], *LABELS),))
    results = tuple(one for _, own in cells for one in own)
    info = RunInfo("r", "2026-01-02", 61.0, "pytest evalsets", {}, {})
    return Run(info, tuple(row for row, _ in cells), (), results, baselines=(check,),
               prompts=(CellPrompt(SET, cells[0][0].cell, "s000", ("secret prompt",), ((1, 2),)),)
               )  # fmt: skip


def test_samples_are_kept_column_by_column(run):
    texts = Texts()
    (found,) = sample_sets(run, texts, lambda reason: reason.text)
    shown = texts.shown
    assert found["ids"] == [f"s{i:03}" for i in range(6)]
    assert [shown[place] for place in found["texts"]] == [f"secret text {i}" for i in range(6)]
    assert [found["labels"][place] for place in found["targets"]] == [
        LABELS[i % 2] for i in range(6)
    ]
    assert found["slices"] == {"topic": {"values": ["secret topic"], "of": [0] * 6}}
    first, second = found["cells"]
    assert (first["right"], second["right"]) == ("01101u", "11011u")
    assert shown.count("secret answer") == 1
    assert {shown[place] for place in first["said"]} == {"secret answer"}
    assert first["odds"] == [1.5] * 5 + [None]
    assert shown[first["thoughts"][2]] == "secret thought"
    assert "nothing" in shown[first["reasons"][5]]
    assert (first["lost"], first["won"]) == ([[0, 0]], [])
    assert "lost" not in second


def test_texts_without_room_are_counted():
    texts = Texts(room=LONGEST + 3)
    assert [texts.place(one) for one in ("", "x" * (LONGEST + 7), "abc", "abc", "d")] == [
        0, 1, 2, 2, LEFT_OUT]  # fmt: skip
    assert (texts.cut, texts.left_out) == ({1: 7}, 1)


def test_the_page_asks_for_nothing(run, tmp_path):
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots/a.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    plots = [PlotKind("forest", "A \\*note", (Picture("plots/a.svg", "What", ""),))]
    write_page(tmp_path, run, analyze(run), plots, verdict="failed", names={})
    page = (tmp_path / PAGE_FILE).read_text(encoding="utf-8")
    data, script, style = parts(page)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    hashes = [
        base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in (script, style)
    ]
    assert policy.split("; ") == [
        "default-src 'none'", f"script-src 'sha256-{hashes[0]}'", f"style-src 'sha256-{hashes[1]}'",
        "img-src data:", "base-uri 'none'", "form-action 'none'",
    ]  # fmt: skip
    assert "://" not in page
    assert not re.search(r"innerHTML|insertAdjacent|document\.write|eval\(|style=|\son\w+=", page)
    ((picture,),) = (kind["pictures"] for kind in data["plots"])
    assert (picture["alt"], data["plots"][0]["note"]) == ("What", "A *note")
    assert picture["source"].startswith("data:image/svg+xml;base64,")
    assert data["verdict"] == "failed"
    assert [row[0] for row in data["tables"][0]["rows"]] == ["m", "m"]
    assert data["prompts"] == [{
        "set": SET, "cell": run.rows[0].cell, "sample": "s000", "tokens": 2,
        "pieces": ["secret prompt"], "ids": ["1 2"], "place": 0, "left_out": 0,
    }]  # fmt: skip
    assert not list(tmp_path.glob("*.part"))


def test_without_texts_the_page_has_none(run, tmp_path):
    for each in (run, make_judged_run()):
        write_report(tmp_path, each, texts="none", plots="none")
        page = (tmp_path / PAGE_FILE).read_text(encoding="utf-8")
        data, _, _ = parts(page)
        assert data["no_texts"]
        assert not re.search("secret|Логистическая|Better covered|invents a fact", page)
    write_report(tmp_path, make_judged_run(), plots="none")
    page = (tmp_path / PAGE_FILE).read_text(encoding="utf-8")
    assert all(said in page for said in ("Логистическая", "Better covered", "invents a fact"))


@pytest.mark.parametrize("shift", range(0, len(ATTACKS), 30))
def test_attacks_stay_texts(run, tmp_path, shift):
    attacked = attack(run, attacking(shift))
    write_report(tmp_path, attacked, plots="none")
    page = (tmp_path / PAGE_FILE).read_text(encoding="utf-8")
    data, script, _ = parts(page)
    outside = page.replace(json_of(page), "")
    write_report(tmp_path, run, plots="none")
    like = (tmp_path / PAGE_FILE).read_text(encoding="utf-8")
    assert outside == like.replace(json_of(like), "")
    assert not set("<>&\u2028\u2029\x1b\x9b\u202e") & set(json_of(page))
    for one in attacked.results:
        assert one.text[:LONGEST].encode("utf-8", "replace").decode() in data["texts"]
    assert not hidden(script)


def json_of(page: str) -> str:
    return re.findall(r'<script id="data" type="application/json">(.*?)</script>', page)[0]


def test_our_markdown_is_read_as_what_it_shows():
    for text in ATTACKS:
        assert unmarked(escape(text)) == cut(plain(text), 200), text
    assert unmarked("**bold** *it* `co*de` a\\_b &lt;") == "bold it co*de a_b <"
    table = "| a | b |\n|---|---|\n| 1 | x \\| y |\n| `q` | \\\\ |"
    assert table_cells(table) == [["a", "b"], ["1", "x | y"], ["q", "\\"]]
