"""The examples that messages show."""

from __future__ import annotations

from harness.spec.base import list_example, mapping_example
from harness.spec.judgeset import PassportSpec
from harness.spec.probespec import ProbeSpec
from harness.spec.recipe import Range, Topics, TrainingSpec


def test_an_example_holds_what_was_given_where_it_fits():
    assert mapping_example(Range, 8) == "{at_least: 8}"
    assert mapping_example(Topics, "код") == "{keep: [код]}"
    assert mapping_example(TrainingSpec, "trackio") == "{report_to: [trackio]}"
    assert mapping_example(PassportSpec, 0.8) == "{min_accuracy: 0.8}"
    assert mapping_example(PassportSpec, 80) == "{min_accuracy: 0.7}"
    assert mapping_example(ProbeSpec, "x") == "{id: ..., kind: ..., question: ..., points: ...}"
    assert list_example(None) == "[a, b]"
    assert list_example("a: b") == "['a: b']"
    assert list_example({"a": 1, "b": 2}) == "[{a: 1}]"
    assert list_example("long " * 20) == "[...]"
