from __future__ import annotations

import pytest

from harness.judge.canaries import canaries
from harness.prompts.fence import fence

OWN = ("it is a model", "it gives a probability")
OTHERS = [["a plan"], ["a sum", "a check"], ["a letter"]]


def made(**changes):
    options = {"others": OTHERS, "other_answer": "Dear Sir", "lang": "en", "answer": "A model."}
    return canaries("What is it?", OWN, **(options | changes))


def kinds(found) -> list[str]:
    return [canary.kind for canary in found]


def test_the_four_of_them():
    null, constant, off_topic, shuffled = made()
    assert kinds([null, constant, off_topic, shuffled]) == [
        "null", "constant", "off_topic", "shuffled"
    ]  # fmt: skip
    assert null.answer == ""
    assert "the answer is empty" in fence(null.answer).text
    assert off_topic.answer == "Dear Sir"
    assert null.points == constant.points == off_topic.points == OWN
    assert shuffled.answer == "A model."
    assert list(shuffled.points) in OTHERS


@pytest.mark.parametrize(("lang", "word"), [("en", "complete"), ("ru", "полный")])
def test_praise_is_in_the_language_of_the_set(lang, word):
    (constant,) = [canary for canary in made(lang=lang) if canary.kind == "constant"]
    assert word in constant.answer


def test_the_same_probe_has_the_same_canaries():
    assert made() == made()


def test_probes_do_not_all_borrow_the_same_points():
    borrowed = {
        canaries(f"Question {i}?", OWN, others=OTHERS, other_answer="x", lang="en", answer="y")[-1]
        for i in range(30)
    }
    assert {canary.points for canary in borrowed} == {tuple(other) for other in OTHERS}


def test_points_that_are_its_own_as_well_are_not_borrowed():
    found = made(others=[[OWN[0], "b"], [], ["a plan"]])
    assert found[-1].points == ("a plan",)


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"answer": ""}, ["null", "constant", "off_topic"]),
        ({"others": []}, ["null", "constant", "off_topic"]),
        ({"others": [list(OWN)]}, ["null", "constant", "off_topic"]),
        ({"other_answer": " \n"}, ["null", "constant", "shuffled"]),
    ],
)
def test_what_cannot_be_made_is_left_out(changes, left):
    assert kinds(made(**changes)) == left
