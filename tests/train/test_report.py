"""The training report and the model card."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.train.artifacts import final_loss
from harness.train.filters import Step
from harness.train.record import Record, read_record, write_record
from harness.train.report import verdict, write_card, write_training_report

RECORD = Record(
    name="r_1",
    backend="trl",
    recipe="lora: {r: 4}\n",
    given={"data": "own.jsonl"},
    fingerprint="f",
    base={"source": "hub:a/b", "revision": "c" * 40, "digest": "d" * 64},
    data={"source": "file:x", "revision": "1", "digest": "e" * 64, "read": 9, "malformed": 1,
          "kept": 8, "too_long": 1, "rows": 7, "tokens": 1234, "trained_tokens": 56},
    template="t",
    variables={"date": "2026-01-31"},
    weights="w",
    versions={"torch": "2"},
    settings={"device": "cpu", "micro_batch": 4},
    losses=[3.0, 2.0, 1.0] * 10,
    final_loss=1.0,
    expected="0.7 to 1.4",
    as_expected=True,
    probe_difference=2.5,
    continuations=[{"question": "A | b?", "before": "``` x", "after": "y"}],
)  # fmt: skip


def test_the_record_is_read_as_it_was_written(tmp_path):
    write_record(RECORD, tmp_path)
    found = read_record(tmp_path)
    assert (found["name"], found["losses"][:2], found["expected"]) == ("r_1", [3.0, 2.0],
                                                                       "0.7 to 1.4")  # fmt: skip
    (tmp_path / "training.json").write_text("[1]")
    assert read_record(tmp_path) is None
    assert read_record(tmp_path / "none") is None


def test_the_final_loss_is_that_of_the_last_tenth():
    assert final_loss([5.0, 1.0]) == 1.0
    assert final_loss([9.0] * 18 + [1.0, 3.0]) == 2.0


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "final loss 1.000, within the expected range (0.7 to 1.4)"),
        ({"as_expected": False}, "final loss 1.000, OUTSIDE the expected range (0.7 to 1.4)"),
        ({"expected": None}, "final loss 1.000; the recipe states no range"),
    ],
)
def test_the_verdict(changes, text):
    assert verdict(replace(RECORD, **changes)) == text


def test_the_report(tmp_path):
    steps = [Step("score at least 8", 9, 8)]
    text = write_training_report(tmp_path, RECORD, steps, expected=(0.7, 1.4)).read_text()
    assert text.startswith("# Training of r_1 with trl\n\nFinal loss 1.000, within")
    assert "7 rows of 1,234 tokens, 56 of them trained" in text
    (line,) = [line for line in text.splitlines() if "score at least 8" in line]
    assert [cell.strip() for cell in line.split("|")[2:5]] == ["1", "11.1%", "8"]
    losses = [line for line in text.splitlines() if line.endswith("2.0000 |")]
    assert len(losses) == 10
    assert losses[0].startswith("| 1-3 ")
    assert "**A \\| b?**" in text
    assert "````text\n``` x\n````" in text


def test_the_card_has_what_makes_the_run_again(tmp_path):
    write_card(tmp_path, RECORD)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith('---\nbase_model: "a/b"\nlibrary_name: peft\n')
    assert "```yaml\nlora: {r: 4}\n```" in text
    assert "`--data own.jsonl`" in text
    assert "e" * 64 in text
