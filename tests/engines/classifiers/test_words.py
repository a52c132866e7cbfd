from __future__ import annotations

import pytest

from harness.engines.classifiers.words import UNKNOWN, vocabulary, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A fine<br />film, isn't it?", ["a", "fine", "film", "isn't", "it"]),
        ("Don\N{RIGHT SINGLE QUOTATION MARK}t", ["don\N{RIGHT SINGLE QUOTATION MARK}t"]),
        ("Очень ХОРОШО", ["очень", "хорошо"]),
        ("10/10 'quoted'", ["10", "10", "quoted"]),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A}bc", ["abc"]),
        ("!!! :-)", []),
    ],
)
def test_words(text, found):
    assert words(text) == found


def test_the_most_frequent_words_are_known_and_ties_go_by_the_alphabet():
    known = vocabulary(["c c c b b", "a a d"], size=3)
    assert known.ids == {"c": 2, "a": 3, "b": 4}
    assert known.size == 5
    assert known.encode(["b d C", "", "?"]) == [(4, UNKNOWN, 2), (), ()]


@pytest.mark.parametrize(
    ("limit", "kept"),
    [(None, "abcdef"), (6, "abcdef"), (5, "abcef"), (4, "abef"), (1, "a")],
)
def test_a_limit_keeps_both_ends(limit, kept):
    known = vocabulary(["a b c d e f"], size=6)
    (row,) = known.encode(["a b c d e f"], limit=limit)
    assert row == tuple(known.ids[word] for word in kept)
