"""`scoring.read`: which part of a free answer counts, and what it must equal."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from harness.contracts import Trial
from harness.errors import HarnessError
from harness.records import Output, Sample
from harness.scorers import scorer_of
from harness.spec.readspec import FindSpec
from harness.spec.scoringspec import ScoringSpec

WORDS = {"good": "Yes", "bad": "No"}


def score(text, *, finish_reason="stop", words=WORDS, **read):
    scoring = ScoringSpec.model_validate({"method": "generate", "read": read})
    output = Output(key="", text=text, finish_reason=finish_reason)
    trial = Trial(Sample(id="a", text="", label="good"), words, [output])
    return scorer_of("generate", scoring).score(trial)


@pytest.mark.parametrize(("text", "read", "answer"), [
    ("Yes", {}, "good"),
    ("No", {}, "bad"),
    (" Yes", {}, None),
    ("Yes ", {}, None),
    ("yes", {}, None),
    ("Yes.", {}, None),
    (" Yes", {"lead": " "}, "good"),
    ("Yes", {"lead": " "}, None),
    ("yES", {"ignore": ["case"]}, "good"),
    ("**Yes!**", {"ignore": ["punctuation"]}, "good"),
    ("Yes\n", {"drop": [r"\s"]}, "good"),
    ("Y,e,s", {"drop": [","]}, "good"),
    ("So it is Yes, and not No.", {"find": [r"Yes|No"]}, "good"),
    ("So it is Yes, and not No.", {"find": [{"regex": "Yes|No", "match": -1}]}, "bad"),
    ("So it is Yes", {"find": [{"regex": "Yes|No", "match": 1}]}, None),
    ("The answer: ( No )", {"find": [r"answer: (\w+)|\(([^)]*)\)"]}, "bad"),
    ("first\nNo  \nlast", {"find": [r"(?m)^N.*$", "(?s).+"]}, "bad"),
    ("nothing of the kind", {"find": ["Yes|No"]}, None),
])  # fmt: skip
def test_what_counts(text, read, answer):
    found = score(text, **read)
    assert found.answer == answer
    assert found.value == (None if answer is None else float(answer == "good"))
    assert (found.reason is None) == (answer is not None)


def test_why_nothing_counts():
    assert score("").reason.kind == "empty_answer"
    assert score("maybe").reason.kind == "no_label"
    assert score("Yes", finish_reason="length").reason.kind == "answer_cut"
    assert score("It is Yes and", finish_reason="length", find=["Yes|No"]).answer == "good"


def test_other_methods_and_sets_without_it_read_as_ever():
    scoring = ScoringSpec.model_validate({"method": "generate"})
    trial = Trial(Sample(id="a", text="", label="good"), WORDS, [Output(key="", text=" *yes*.")])
    assert scorer_of("generate", scoring).score(trial).answer == "good"


@pytest.mark.parametrize(("keys", "said"), [
    ({"method": "choice", "read": {}}, "'read' belongs to method generate only"),
    ({"until": ["\n"]}, "'until' belongs to method generate only"),
    ({"method": "generate", "read": {"find": ["("]}}, "is no regular expression"),
    ({"method": "generate", "read": {"drop": ["["]}}, "is no regular expression"),
    ({"method": "generate", "read": {"lead": "x"}}, "pattern"),
    ({"method": "generate", "read": {"find": ["x"], "lead": " "}}, "remove 'lead'"),
    ({"method": "generate", "until": [""]}, "at least 1"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(keys, said):
    with pytest.raises(ValidationError, match=said):
        ScoringSpec.model_validate(keys)


def test_a_pattern_that_never_ends_is_an_error(monkeypatch):
    monkeypatch.setattr("harness.spec.readspec._SECONDS", 0.05)
    slow = FindSpec.model_validate("(a|aa)+$")
    with pytest.raises(HarnessError, match="takes seconds on one text; write it without repeats"):
        slow.found("a" * 60 + "!")
    with pytest.raises(HarnessError, match="takes seconds"):
        score("a" * 60 + "!", drop=["(a|aa)+$"])
