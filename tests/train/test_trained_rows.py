"""Copies of texts among training rows, found without the rows."""

from __future__ import annotations

import random

import pytest
from safetensors.numpy import load_file, save_file

from harness.train import trained_rows as kept
from harness.train.trained_rows import (
    TRAINED_ROWS,
    Match,
    matches,
    read_trained_rows,
    trained_rows,
    write_trained_rows,
)

LONG = ("The harbour lay quiet under the rain, and the last ferry of the evening left its berth "
        "late, with two passengers and a dog that nobody had asked for")  # fmt: skip
ORDER = "Say in one word whether the text below this line is for or against the plan:"


def row(question, answer="Yes."):
    return ({"role": "user", "content": question}, {"role": "assistant", "content": answer})


def found(text, *rows):
    return matches(trained_rows(enumerate(rows, 1)), [text])[0]


@pytest.mark.parametrize(
    ("text", "trained"),
    [
        ("\u0401\u0436 \u0435\u043b.", "\u0435\u0436  \u0415\u041b"),
        ("7 apples are left!", "«7 apples\tARE left»"),
        ("2019\u20132021 in Rome", "2019-2021 in rome"),
        ("A  good film.<br />Go!", "a good film. go!"),
        ("The capital is Paris.", "Two facts:\n- one\nThe capital is Paris.\n"),
    ],
)
def test_form_does_not_hide_a_copy(text, trained):
    for one in (row(trained), row("Well?", trained)):
        assert found(text, row("Hm?"), one) == Match(2, exact=True)


@pytest.mark.parametrize("other", ["7 pears are left", "7 apples", "What is 7+1?", "Yes, it is"])
def test_another_text_is_none(other):
    assert found(other, row("7 apples are left", "Yes, is it?"), row("What is 7-1?")) is None


def test_a_text_with_words_changed_is_a_near_copy():
    words = LONG.split()
    words[10], words[-1] = "morning", "for."
    assert found(" ".join(words), row("Hm?"), row("Go on.", LONG)) == Match(2, exact=False)
    # A row of several lines, with the text as one of them.
    assert found(" ".join(words), row(f"{ORDER}\nText: {LONG}")) == Match(1, exact=False)
    random.Random(0).shuffle(words)
    assert found(" ".join(words), row(LONG)) is None


def test_an_instruction_above_many_rows_makes_no_copy():
    texts = [f"{ORDER}\n{name} is what it says, it seems" for name in "abcdefgh"]
    rows = trained_rows(enumerate(map(row, texts[:-1]), 1))
    assert matches(rows, [texts[-1].replace("what it says", "another thing now")]) == [None]
    assert len(rows.signatures) == 7


def test_it_is_kept_beside_the_adapter(tmp_path, monkeypatch):
    assert read_trained_rows(tmp_path) is None
    digest = write_trained_rows(trained_rows([(7, row(LONG)), (9, row("So?"))]), tmp_path)
    again = read_trained_rows(tmp_path)
    assert matches(again, [LONG.upper(), "so", "no"]) == [Match(7, True), Match(9, True), None]
    assert len(digest) == 64
    path = tmp_path / TRAINED_ROWS
    save_file(load_file(path), path, {"version": "1", "probe": "made otherwise"})
    assert read_trained_rows(tmp_path) is None
    path.write_bytes(b"nothing")
    assert read_trained_rows(tmp_path) is None


def test_nothing_is_found_where_nothing_is_kept():
    assert matches(trained_rows([]), [LONG, ""]) == [None, None]
    assert matches(trained_rows([(1, row("So?"))]), []) == []


def test_estimates_are_of_the_triples_that_both_have():
    """A tenth of 128 bytes away from the truth at most, for texts of many words."""
    rng = random.Random(3)
    words = [f"w{number}" for number in range(400)]
    for share in (0.2, 0.5, 0.8):
        cut = round(400 * share)
        other = words[:cut] + [f"x{rng.random()}" for _ in range(400 - cut)]
        one, two = kept._kept(
            kept.signatures([kept.word_hashes(" ".join(text)) for text in (words, other)])
        )
        exact = (cut - 2) / (2 * 398 - (cut - 2))
        assert kept._resemblance(one, two[None])[0] == pytest.approx(exact, abs=0.1)
