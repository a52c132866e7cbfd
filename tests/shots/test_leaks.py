from __future__ import annotations

import random
import time

import pytest

from harness.characters import is_unseen
from harness.records import Sample
from harness.shots.leaks import Copy, copies, near_copies, normal_text

TEXT = "Ёлка и её свет: the finest café film, 5 stars of 5, I'd say."
# Twenty ways to write TEXT so that its bytes differ.
DISGUISES = {
    "as it is": TEXT,
    "upper case": TEXT.upper(),
    "lower case": TEXT.lower(),
    "title case": TEXT.title(),
    "white space around": f"  \n{TEXT}\t ",
    "double spaces": TEXT.replace(" ", "  "),
    "line breaks": TEXT.replace(" ", "\r\n"),
    "no-break spaces": TEXT.replace(" ", "\u00a0"),
    "wide spaces": TEXT.replace(" ", "\u3000"),
    "HTML break": TEXT.replace(": ", ":<br>"),
    "closed HTML break": TEXT.replace(": ", ":<br /><BR/>"),
    "HTML break with a class": TEXT.replace(": ", ':<br class="x">'),
    "escaped HTML break": TEXT.replace(": ", ":&lt;br&gt;"),
    "HTML entities": TEXT.replace(" ", "&nbsp;").replace("'", "&#39;"),
    "e for yo": TEXT.replace("Ё", "\u0415").replace("ё", "\u0435"),
    "yo of two characters": TEXT.replace("ё", "\u0435\u0308").replace("Ё", "\u0415\u0308"),
    "accent of its own": TEXT.replace("é", "e\u0301"),
    "ligature": TEXT.replace("fi", "\ufb01"),
    "full width": TEXT.replace("5", "\uff15"),
    "invisible characters": TEXT.replace("film", "fi\u00adl\u200bm").join("\ufeff\u200e"),
}


def samples(*texts: str) -> list[Sample]:
    return [Sample(f"s{i}", text, "a") for i, text in enumerate(texts)]


def pool(*texts: str) -> list[Sample]:
    return [Sample(f"p{i}", text, "a") for i, text in enumerate(texts)]


def test_there_are_twenty_disguises():
    assert len(set(DISGUISES.values())) == len(DISGUISES) == 20


@pytest.mark.parametrize("text", DISGUISES.values(), ids=DISGUISES)
def test_a_disguised_copy_is_found(text):
    found = copies(pool("something else", text), samples("another", TEXT))
    assert found == [Copy("p1", "s1")]
    assert copies(pool(TEXT), samples(text)) == [Copy("p0", "s0")]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A  b\n", "a b", True), ("a<br />b", "a b", True), ("a<BR>b", "a\u00a0b", True),
        ("ﬁne", "fine", True), ("STRASSE", "straße", True), ("a b", "a, b", False),
        ("a<b>c", "a c", False), ("a<brave>c", "a c", False), ("a &amp; b", "a & b", True),
        ("йод", "иод", False), ("not good", "good", False), ("ab", "a b", False),
    ],
)  # fmt: skip
def test_normal_text(one, other, same):
    assert (normal_text(one) == normal_text(other)) is same
    assert normal_text(normal_text(one)) == normal_text(one)


def test_no_character_that_nobody_sees_hides_a_copy():
    for char in filter(is_unseen, map(chr, range(0x110000))):
        # Breaks are white space, and a text with half of a character is refused.
        if not char.isspace():
            assert normal_text(f"fi{char}lm") == "film"
    heart = "I \u2764 it"
    assert copies(pool(f"{heart[:3]}\ufe0f{heart[3:]}"), samples(heart)) == [Copy("p0", "s0")]


def test_copies_name_the_first_sample_in_the_order_of_the_pool():
    found = copies(pool("b", "a", "c", "B "), samples("A", "b", "a"))
    assert found == [Copy("p0", "s1"), Copy("p1", "s0"), Copy("p3", "s1")]


LONG = (
    "The film opens slowly, with a long shot of the harbour at dawn, and it takes its time to tell "
    "who these people are. The second half pays for all of it: the chase through the market is the "
    "best scene that I have seen this year, and the last ten minutes broke my heart."
)


@pytest.mark.parametrize(
    "near",
    [
        LONG.replace("heart.", "heart!!! 10/10"),
        LONG.replace("harbour", "harbor"),
        LONG.replace("The second half", "Its second half").replace("this year", "in years"),
        LONG + " Recommended.",
        "Spoilers ahead. " + LONG,
    ],
)
def test_near_copies_of_a_long_text(near):
    rest = [f"Review {i}: the film is what it is, and number {i} is not a copy." for i in range(30)]
    assert copies(pool(near), samples(LONG)) == []
    found = near_copies(pool(*rest[:20], near), samples(*rest[20:], LONG))
    assert Copy("p20", "s10") in found
    assert near_copies(pool(*rest[:3], LONG[:90]), samples(LONG)) == []


def test_a_text_on_the_same_matter_is_no_near_copy():
    other = (
        "The film opens at the harbour, takes a long time, and tells who these people are. The "
        "chase in the second half is a mess, the market looks fake, and the last ten minutes bored "
        "me to tears."
    )
    assert near_copies(pool(other), samples(LONG)) == []


def test_the_closest_sample_is_named():
    texts = samples(LONG.replace("market", "station").replace("dawn", "dusk"), LONG)
    assert near_copies(pool(LONG + " So."), texts) == [Copy("p0", "s1")]


@pytest.mark.parametrize("texts", [(), ("", " "), ("!", "?!")])
def test_nothing_to_compare(texts):
    assert near_copies(pool(*texts), samples("...", "!")) == []
    assert near_copies(pool("a"), []) == []


def test_a_sample_word_that_the_pool_lacks_counts():
    assert near_copies(pool("a great film"), samples("a great Zanzibar film of trains")) == []


def test_two_thousand_samples_against_eight_thousand_shots():
    rng = random.Random(0)
    vocabulary = [f"w{min(int(rng.paretovariate(0.7)), 20000)}" for _ in range(50000)]
    texts = [" ".join(rng.sample(vocabulary, 60)) for _ in range(10000)]
    asked = samples(*texts[:2000])
    leaks = [f"{text} {text[: text.index(' ')]}" for text in texts[:20]]
    began = time.process_time()
    found = near_copies(pool(*texts[2000:], *leaks), asked)
    assert {(copy.shot, copy.sample) for copy in found} >= {
        (f"p{8000 + i}", f"s{i}") for i in range(20)
    }
    assert len(found) < 40
    assert time.process_time() - began < 30
