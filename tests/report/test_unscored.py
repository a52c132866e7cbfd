"""Samples without a verdict are counted by reason, with answers to some of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import make_row
from reasoned import because
from reports import report_markdown

from harness.language import words
from harness.records import Result, Run, RunInfo
from harness.report.unscored import unscored_lines

CUT, NONE = because("cut"), because("no label")


def result(sample: str, completion: str, reason=NONE) -> Result:
    return Result(
        evalset="evalsets/e.yaml", cell="c", sample=sample, prompt_key="", text="",
        target="a", answer=None, calibrated=None, correct=None, reason=reason, logprobs={},
        log_odds=None, completion=completion, length=1,
    )  # fmt: skip


ROW = make_row(evalset="evalsets/e.yaml", cell="c", n=10, unscored=7, reasons={NONE: 6, CUT: 1})
RESULTS = [
    *(result(f"s{i}", text) for i, text in enumerate(["It is", " It is ", "b", "c", "d"])),
    result("s5", ""),
    result("s6", "So long", CUT),
]


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_three_different_answers_stand_below_their_reason(lang):
    none, cut = unscored_lines([ROW], RESULTS, {}, words(lang))
    assert "`c`" in none.line
    assert "6" in none.line
    assert [one.split()[0].strip(":,") for one in none.examples] == ["s0", "s2", "s3"]
    assert len(cut.examples) == 1
    assert "So long" in cut.examples[0]


def test_an_answer_is_inert_and_cut():
    hostile = [result("s", "<b>[x](http://evil) " + "long " * 100)]
    (line,) = unscored_lines([replace(ROW, reasons={NONE: 1})], hostile, {}, words("en"))[
        0
    ].examples
    assert "<b>" not in line
    assert "](http" not in line.replace("\\]", "")
    assert len(line) < 250


def test_the_report_shows_them_but_without_texts():
    run = Run(RunInfo("r", "now", 1.0, "pytest", {}, {}), rows=(ROW,), results=tuple(RESULTS))
    shown = report_markdown(run)
    assert "So long" in shown
    bare = report_markdown(run, texts="none")
    assert "So long" not in bare
    # Words of somebody are left out of reasons, too, which become one.
    assert "7 of 17" in bare
