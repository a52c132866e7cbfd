"""Near copies are found once for the same texts, and told in every run."""

from __future__ import annotations

import json

import pytest

from harness.records import Note, Sample
from harness.run import copies
from harness.run.copies import near_copies_note
from harness.sources.data import load_data
from harness.spec.evalset import EvalSet

TEXT = " ".join(f"word{n}" for n in range(90))
FACTS = {"count": 4, "pool": 4, "pairs": tuple(f"shots-{n} = r0" for n in (1, 2, 3, 4))}


@pytest.fixture
def spec():
    """Return a function that makes a set whose shots repeat its samples but for a word."""

    def make(modes=("zeroshot", "fewshot"), end="x"):
        rows = [{"id": f"r{n}", "text": f"{TEXT} {n}", "label": "positive"} for n in range(5)]
        shots = [{"text": f"{TEXT} {end}{n}", "label": "positive"} for n in range(4)]
        few = {"mode": "fewshot", "k": 1, "placement": "chat"}
        return EvalSet.model_validate(
            {
                "data": {"rows": rows, "shots": shots, "text": "text", "label": "label"},
                "labels": {"positive": "positive", "negative": "negative"},
                "models": ["m"],
                "prompts": ["plain.j2"],
                "modes": [few if mode == "fewshot" else mode for mode in modes],
            }
        )

    return make


@pytest.fixture
def searches(monkeypatch):
    """Count the searches."""
    seen = []
    search = copies.near_copies
    monkeypatch.setattr(copies, "near_copies", lambda *given: (seen.append(1), search(*given))[1])
    return seen


def test_they_are_told_and_remembered(spec, searches, tmp_path):
    loaded = load_data("set", spec(), base=tmp_path)
    memory = tmp_path / "deep/near.json"
    for _ in range(2):
        assert near_copies_note("a", spec(), loaded, memory=memory) == Note(
            "near_copies", "a", FACTS
        )
    assert len(searches) == 1


def test_that_there_are_none_is_remembered_too(spec, searches, tmp_path):
    loaded = load_data("set", spec(end="other words at the end of it all " * 30), base=tmp_path)
    for _ in range(2):
        assert near_copies_note("a", spec(), loaded, memory=tmp_path / "near.json") is None
    assert len(searches) == 1


def test_other_texts_are_searched_again(spec, searches, tmp_path):
    memory = tmp_path / "near.json"
    for end in ("x", "y"):
        loaded = load_data("set", spec(end=end), base=tmp_path)
        near_copies_note("a", spec(), loaded, memory=memory)
    assert len(searches) == 2
    assert len(json.loads(memory.read_text())) == 2


def test_ids_and_texts_are_told_apart(spec, tmp_path):
    loaded = load_data("set", spec(), base=tmp_path)
    digests = {
        copies._digest(type(loaded)(tuple(samples), tuple(pool), loaded.info))
        for samples, pool in (
            ([Sample("a", "bc", "x")], []),
            ([Sample("ab", "c", "x")], []),
            ([], [Sample("a", "bc", "x")]),
        )
    }
    assert len(digests) == 3


def test_without_shots_nobody_sees_the_pool(spec, searches, tmp_path):
    loaded = load_data("set", spec(), base=tmp_path)
    assert near_copies_note("a", spec(["zeroshot"]), loaded, memory=tmp_path / "n.json") is None
    assert searches == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": [["b"]]}', '{"a": ["bc"]}'])
def test_a_damaged_memory_is_written_anew(spec, tmp_path, text):
    memory = tmp_path / "near.json"
    memory.write_text(text)
    loaded = load_data("set", spec(), base=tmp_path)
    assert near_copies_note("a", spec(), loaded, memory=memory).facts == FACTS
    assert len(json.loads(memory.read_text())) == 1


def test_the_memory_does_not_grow_for_ever(spec, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "_KEPT", 3)
    memory = tmp_path / "near.json"
    for end in "abcde":
        loaded = load_data("set", spec(end=end), base=tmp_path)
        near_copies_note("a", spec(), loaded, memory=memory)
    assert len(json.loads(memory.read_text())) == 3
