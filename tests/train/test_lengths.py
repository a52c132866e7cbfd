"""Lengths of answers and dialogues."""

from __future__ import annotations

import pytest

from harness.train.lengths import measure, summary, token_counter
from harness.train.rows import Dialogue


def test_answers_and_dialogues_are_measured_apart():
    dialogue = Dialogue(1, ({"role": "user", "content": "one two"},
                            {"role": "assistant", "content": "three"}), {})  # fmt: skip
    lengths = measure([dialogue], lambda texts: [len(text.split()) for text in texts])
    assert lengths.columns == {"answer, characters": [5], "answer, tokens": [1],
                                 "dialogue, characters": [13], "dialogue, tokens": [3]}  # fmt: skip
    assert lengths.of([]).columns["answer, characters"] == []


def test_summary_of_one_to_a_hundred():
    found = summary(range(1, 101))
    assert list(found) == ["n", "mean", "minimum", "p5", "p25", "median", "p75", "p95", "p99",
                           "maximum"]  # fmt: skip
    assert [found[k] for k in ("n", "mean", "minimum", "median", "maximum")] == [100, 50.5, 1, 50.5,
                                                                                100]  # fmt: skip
    assert found["p5"] == pytest.approx(5.95)
    assert found["p99"] == pytest.approx(99.01)


def test_tokens_are_counted_without_special_ones(tokenizers, tmp_path):
    from transformers import AutoTokenizer

    folder = tokenizers(tmp_path / "t", adds_bos=True)
    count = token_counter(AutoTokenizer.from_pretrained(folder))
    assert count(["abc", "", "фильм"]) == [3, 0, 10]
    assert count([]) == []
