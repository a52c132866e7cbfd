"""Exact and near duplicates."""

from __future__ import annotations

from harness.train.duplicates import first_of_alikes, first_of_equals

LONG = "The harbour lay quiet under the rain, and the last ferry of the evening left its berth late"


def turns(*texts):
    """Return messages of user and assistant in turns."""
    return tuple({"role": ("user", "assistant")[i % 2], "content": text}
                 for i, text in enumerate(texts))  # fmt: skip


def test_equals_differ_in_case_and_spaces_at_most():
    answers = ["A  film.", "a film.", "another film.", "A FILM."]
    found = first_of_equals([turns("What is it?", answer) for answer in answers])
    assert found == [True, False, True, False]


def test_where_a_turn_ends_counts():
    parted = [turns("Answer red or blue", "green"), turns("Answer red", "or blue green")]
    longer = [turns("one", "two", "three", "four"), turns("one two", "three four")]
    assert first_of_equals([*parted, *longer]) == [True] * 4


def test_who_speaks_counts():
    told = ({"role": "system", "content": "Be brief."}, *turns("How?", "So."))
    said = ({"role": "user", "content": "Be brief."}, *turns("How?", "So."))
    assert first_of_equals([told, said, told]) == [True, True, False]


def test_a_text_with_one_word_changed_is_alike_and_one_in_other_words_is_not():
    near = LONG.replace("late", "early")
    other = "Nobody had told the gardener that the roses were to be moved before the first frost"
    assert first_of_alikes([LONG, near, other, other.upper()], 0.7) == [True, False, True, False]


def test_the_threshold_decides():
    # 16 of the 20 word triples that both have together are shared: a similarity of 0.8.
    words = LONG.split()
    near = " ".join([*words[:-2], "very", "early"])
    triples = [{tuple(t[i : i + 3]) for i in range(len(t) - 2)} for t in (words, near.split())]
    exact = len(triples[0] & triples[1]) / len(triples[0] | triples[1])
    assert 0.7 < exact < 0.85
    assert first_of_alikes([LONG, near], 0.5) == [True, False]
    assert first_of_alikes([LONG, near], 0.97) == [True, True]


def test_short_texts_are_compared_too():
    assert first_of_alikes(["yes", "Yes!", "no", ""], 0.8) == [True, False, True, True]


def test_chinese_is_compared_by_characters():
    text = "今天的天气很好。我们一起去公园散步吧。然后去吃饭"
    assert first_of_alikes([text, text.replace("吃饭", "看书")], 0.6) == [True, False]
