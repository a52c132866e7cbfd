"""A text is drawn once; draws without repeats are what they always were."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from harness.errors import SpecError
from harness.records import Sample
from harness.sources.drawing import draw
from harness.spec.dataspec import DrawSpec

LABELS = ["good", "bad"]


def samples(*texts: str) -> list[Sample]:
    """Samples by number; a text that begins with `b` is bad."""
    return [Sample(str(n), text, "bad" if text.startswith("b") else "good")
            for n, text in enumerate(texts, 1)]  # fmt: skip


def drawn(found, **spec):
    lenient = spec.pop("lenient", False)
    return draw("set", found, LABELS, DrawSpec(**spec), lenient=lenient)


def ids(found) -> list[str]:
    return [sample.id for sample in found]


def test_repeats_are_passed_over_and_named():
    found = drawn(samples("a", "b", "a", " a\n", "c", "b"))
    assert ids(found.samples) == ["1", "2", "5"]
    assert [(one.id, first.id) for one, first in found.repeats] == [("3", "1"), ("4", "1"),
                                                                    ("6", "2")]  # fmt: skip
    assert found.conflicts == []


def test_one_text_in_two_unicode_forms_is_one():
    assert ids(drawn(samples("caf\u00e9", "cafe\u0301", "cafe")).samples) == ["1", "3"]


def test_a_text_under_two_labels_is_left_out():
    rows = [*samples("a", "b", "c"), Sample("x", "a", "bad"), Sample("y", "a", "bad")]
    found = drawn(rows)
    assert ids(found.samples) == ["2", "3"]
    assert [ids(group) for group in found.conflicts] == [["1", "x", "y"]]
    assert found.repeats == []


def test_nothing_is_left():
    rows = [Sample("1", "so", "good"), Sample("2", "so ", "bad")]
    with pytest.raises(SpecError, match=r"set: no sample is left to draw: .* such as 1 \(good\) "
                                        r"and 2 \(bad\); fix the labels"):  # fmt: skip
        drawn(rows)


@pytest.mark.parametrize("balanced", [False, True])
def test_others_take_the_place_of_repeats(balanced):
    rows = samples(*(f"{kind}{n // 2}" for n in range(40) for kind in "ab"))
    found = drawn(rows, n=20, balanced=balanced)
    assert len({one.text for one in found.samples}) == 20
    assert found.repeats
    for n in range(1, 20):
        assert drawn(rows, n=n, balanced=balanced).samples == found.samples[:n]


@pytest.mark.parametrize("balanced", [False, True])
def test_fewer_than_wanted_where_nothing_takes_their_place(balanced):
    rows = samples(*["a"] * 10, *["b"] * 10, "a2")
    found = drawn(rows, n=20, balanced=balanced)
    assert Counter(one.text for one in found.samples) == ({"a": 1, "b": 1} if balanced else
                                                          {"a": 1, "b": 1, "a2": 1})  # fmt: skip


def test_balanced_without_n_takes_whole_turns():
    found = drawn(samples("a1", "a2", "a3", "b1", "b1"), balanced=True)
    assert Counter(one.label for one in found.samples) == {"good": 1, "bad": 1}


@pytest.mark.parametrize("seed", [0, 42])
def test_draws_without_repeats_are_those_of_a_plain_permutation(seed):
    rows = samples(*(f"a{n}" for n in range(50)), *(f"b{n}" for n in range(30)))
    order = np.random.default_rng(seed).permutation(80)
    assert drawn(rows, n=25, seed=seed).samples == [rows[row] for row in order[:25]]
    assert drawn(rows).samples == rows
    rng = np.random.default_rng(seed)
    good, bad = (group[rng.permutation(len(group))] for group in
                 (np.arange(50), np.arange(50, 80)))  # fmt: skip
    wanted = [rows[row] for pair in zip(good, bad, strict=False) for row in pair]
    assert drawn(rows, n=25, balanced=True, seed=seed).samples == wanted[:25]
    assert drawn(rows, balanced=True, seed=seed).samples == wanted
