"""Every kind of note in every language, inert in markdown and on a terminal."""

from __future__ import annotations

from typing import get_args

import pytest
from reports import report_markdown

from harness.language import words
from harness.records import Note, NoteKind, Run, RunInfo
from harness.report.notes import note_lines, plain_note
from harness.report.runfiles import load_run, save_run

SET = "evalsets/x.yaml"
PAIRS = tuple(f"s{i} = {i}" for i in "1|3456")
NOTES = (
    Note("repeated", SET, {"count": 3, "texts": 2, "pairs": ("4 = 1", "5 = 1", "6 = 2")}),
    Note("conflicting", SET, {"count": 2, "texts": 1, "pairs": ("7 good = 8 bad",)}),
    Note("alike", SET, {"count": 1, "pairs": ("9 = 10",)}),
    Note("fewer", SET, {"drawn": 1234, "wanted": 2000}),
    Note("undecidable", SET, {"gate": "gate-auc-m", "count": 1234}),
    *(Note("undefined", SET, {"figure": "mcc", "why": why, "cells": ("m-a", "m-b")})
      for why in ("unscored", "target", "answer", "same", "cluster", "samples")),
    Note("unreadable", SET, {"model": "m", "count": 2, "total": 9}),
    Note("near_copies", SET, {"count": 7, "pool": 9, "pairs": PAIRS}),
    Note("near_gold", "gold/own", {"count": 1, "total": 9, "pairs": ("b = a",)}),
    Note("malformed", "file:a.jsonl", {"count": 2, "first": "row 3: it has no 'messages'"}),
    Note("no_record", "m", {"folder": "adapters/one", "file": "training.json"}),
    Note("no_template", "m", {"folder": "adapters/one", "file": "training.json"}),
    Note("other_base", "m", {"folder": "adapters/one", "told": "a/b", "source": "hub:a/c"}),
    Note("no_trained_rows", "m", {"folder": "adapters/one", "file": "rows.safetensors"}),
    Note("trained_samples", SET, {"model": "m", "count": 2, "total": 9, "exact": 1,
                                  "ids": ("a", "b"), "rows": ("3", "4")}),
    Note("trained_probes", SET, {"model": "m", "count": 1, "total": 9, "exact": 1,
                                 "ids": ("capital",), "rows": ("3",)}),
    Note("not_asked_again", "m", {"why": "old", "gold": ()}),
    Note("not_asked_again", "m", {"why": "lost", "gold": ()}),
    Note("not_asked_again", "m", {"why": "gold", "gold": ("gold/a", "gold/b")}),
    Note("no_thought", "m", {}),
    Note("closed_thought", "m", {}),
    Note("thinks_anyway", "m", {"count": 2, "total": 9}),
    Note("other_model", "m", {"asked": "a", "count": 1, "total": 2, "told": ("b", "c")}),
    Note("uncounted", "m", {"count": 1, "total": 2}),
    Note("float16_overflow", "m", {"engine": "vllm", "dtype": "bfloat16"}),
    Note("float16_refused", "m", {"engine": "vllm", "dtype": "bfloat16"}),
    Note("stand_in", "m", {"what": "hub:owner/name"}),
    Note("remote_code", "m", {}),
    Note("given_missing", SET, {"model": "m", "count": 2, "total": 9, "ids": ("a", "b")}),
    Note("given_spare", SET, {"model": "m", "count": 1, "total": 9, "ids": ("c",)}),
    Note("cut", SET, {"model": "m", "count": 1234, "total": 2000, "window": 512}),
    Note("stopped", "m", {"stored": 84, "wanted": 240}),
    Note("replica_lost", "m", {"gpu": "1", "problem": "engine 'vllm' failed"}),
)  # fmt: skip
INFO = RunInfo("r", "2026-01-01", 1.0, "pytest", {}, {}, notes=NOTES)


def test_there_is_a_note_of_every_kind():
    assert {note.kind for note in NOTES} == set(get_args(NoteKind))


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.kind)
def test_a_phrase_tells_all_facts(note, lang):
    assert set(words(lang).facts(f"note_{note.kind}")) == {"about", *note.facts}
    (line,) = note_lines([note], words(lang))
    assert note.about in line
    assert "\n" not in line


def test_lines_of_a_report():
    lines = {note.kind: line for note, line in
             zip(NOTES, note_lines(NOTES, words("en")), strict=True)}  # fmt: skip
    assert lines["fewer"] == (
        "`evalsets/x.yaml`: the data has 1\u00a0234 different texts to draw, not 2\u00a0000"
    )
    named = "`s1 = 1`, `s| = |`, `s3 = 3`, `s4 = 4`, `s5 = 5` and 1 more"
    assert named in lines["near_copies"]


def test_the_reasons_of_a_note_are_told_apart():
    for lang in ("en", "ru"):
        for kind in ("not_asked_again", "undefined"):
            notes = [note for note in NOTES if note.kind == kind]
            assert len(set(note_lines(notes, words(lang)))) == len(notes)
    (old, *_) = note_lines([n for n in NOTES if n.kind == "not_asked_again"], words("en"))
    assert old.endswith("its passport has none that it was asked about twice; make it anew")


def test_a_terminal_gets_no_control_characters():
    note = Note("no_record", "m\x1b[31m", {"folder": "a\nb\u202e", "file": "training.json"})
    assert plain_note(note).startswith("m: a b has no training.json, so that")


def test_a_report_has_them_once_before_the_run():
    found = report_markdown(Run(INFO))
    assert found.count("## Notes") == 1
    assert found.index("## Notes") < found.index("training.json") < found.index("## Run")
    assert "## Замечания" in report_markdown(Run(INFO), lang="ru")
    assert "## Notes" not in report_markdown(Run(RunInfo("r", "", 1.0, "pytest", {}, {})))


@pytest.mark.parametrize("texts", ["full", "none"])
def test_a_run_keeps_them(tmp_path, texts):
    save_run(tmp_path, Run(INFO), texts=texts)
    assert load_run(tmp_path).info.notes == NOTES
