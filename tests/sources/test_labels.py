from __future__ import annotations

import pytest

from harness.errors import SpecError
from harness.sources.labels import LabelMap
from harness.spec.dataspec import LabelRule


def test_text_matches_exactly():
    labels = LabelMap({"good": "positive", "bad": ["negative", "neg"]})
    assert labels.find("positive") == "good"
    assert labels.find(" positive ") == "good"
    assert labels.find("neg") == labels.find("negative") == "bad"
    assert labels.find("Positive") is None
    assert labels.find("") is None


def test_integers_match_any_spelling_of_the_number():
    labels = LabelMap({"good": 1, "bad": [0, "none"]})
    assert [labels.find(value) for value in ("1", "1.0", "0", "0.0", "none", "2", "x")] == [
        "good", "good", "bad", "bad", "bad", None, None,
    ]  # fmt: skip


def test_great_integers_are_told_apart():
    labels = LabelMap({"good": 2**53, "bad": 2**53 + 1, "none": 2**64 - 1})
    values = ["9007199254740992", "9007199254740993", "9007199254740993.0", "18446744073709551615"]
    assert [labels.find(value) for value in values] == ["good", "bad", "bad", "none"]


@pytest.mark.parametrize("value", ["", "one", "nan", "sNaN", "inf", "1,0", "1%", "0x1", "0_1"])
def test_what_is_no_number(value):
    assert LabelMap({"good": 1, "bad": 0}).find(value) is None


def test_rules_hold_at_their_bounds():
    labels = LabelMap({"good": LabelRule(at_least=1.0), "bad": LabelRule(at_most=-1.0)})
    values = ["1", "1.0", "0.9999", "-1", "-0.99", "-4e0", "nan", "text", "inf", "1_0"]
    assert [labels.find(value) for value in values] == [
        "good", "good", None, "bad", None, "bad", None, None, "good", None,
    ]  # fmt: skip


def test_rule_of_two_bounds_is_a_band():
    labels = LabelMap({"middle": LabelRule(at_least=-1, at_most=1), "x": "x"})
    assert [labels.find(value) for value in ("-1", "0", "1", "1.5")] == [
        "middle", "middle", "middle", None,
    ]  # fmt: skip


def test_value_with_two_labels_is_an_error():
    labels = LabelMap({"good": LabelRule(at_least=0), "bad": LabelRule(at_most=0)})
    assert labels.find("1") == "good"
    with pytest.raises(SpecError, match="'0' means both good and bad; make"):
        labels.find("0")
