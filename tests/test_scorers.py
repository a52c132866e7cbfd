from __future__ import annotations

import math
import unicodedata

import pytest
from reasoned import told

from harness.prompts.label_words import label_tree
from harness.records import SCORINGS, Output, Sample
from harness.scorers import SCORERS, Trial
from harness.scorers.label import score_label
from harness.scorers.match import parse_label, score_choice, score_match

WORDS = {"pos": "positive", "neg": "negative"}
LETTERS = {"a": "A", "b": "B"}
BRACKETS = {"a": "(A)", "b": "(B)"}
NUMBERS = {"down": "-1", "up": "1"}
STARS = {"one": "1", "two": "2"}
THAI = {"yes": "\u0e43\u0e0a\u0e48", "no": "\u0e44\u0e21\u0e48"}
HINDI = {"good": "\u0905\u091a\u094d\u091b\u093e", "bad": "\u092c\u0941\u0930\u093e"}
SIGNS = {"plus": "+", "minus": "-"}
THUMBS = {"up": "\U0001f44d", "down": "\U0001f44e"}
RUSSIAN = {"pos": "положительный", "neg": "отрицательный"}
COLOURS = {"green": "зелёный", "red": "красный"}
AMBIGUOUS = "ambiguous: several labels in the answer"
MORE = "more than the label in the answer"
NONE = "no label in the answer"
EMPTY = "empty answer"


@pytest.mark.parametrize(
    ("words", "text", "label", "reason"),
    [
        (WORDS, "positive", "pos", None),
        (WORDS, " Negative", "neg", None),
        (WORDS, "**Positive.**", "pos", None),
        (WORDS, "\n\nPOSITIVE\n", "pos", None),
        (WORDS, "“positive”", "pos", None),
        (WORDS, "positive!!! 👍", "pos", None),
        (WORDS, "__positive__", "pos", None),
        (WORDS, "ｐｏｓｉｔｉｖｅ", "pos", None),  # noqa: RUF001  # full-width letters
        (WORDS, "positive, not negative", None, AMBIGUOUS),
        (WORDS, "negative positive", None, AMBIGUOUS),
        (WORDS, "positive/negative", None, AMBIGUOUS),
        (WORDS, "not positive", None, MORE),
        (WORDS, "The review is positive.", None, MORE),
        (WORDS, "positive positive", None, MORE),
        (WORDS, "non-positive", None, MORE),
        (WORDS, "positively", None, NONE),
        (WORDS, "It was great", None, NONE),
        (WORDS, "posit ive", None, NONE),
        (WORDS, "p", None, NONE),
        (WORDS, "", None, EMPTY),
        (WORDS, " \n\t", None, EMPTY),
        (WORDS, "...", None, EMPTY),
        (WORDS, "👍", None, EMPTY),
        (LETTERS, "(B). Eliminated (A)", None, AMBIGUOUS),
        (LETTERS, "(B).", "b", None),
        (LETTERS, "b", "b", None),
        (LETTERS, "B, because it is a better film", None, AMBIGUOUS),
        (LETTERS, "Banana", None, NONE),
        (LETTERS, "AB", None, NONE),
        (BRACKETS, "(B)", "b", None),
        (BRACKETS, "B", "b", None),
        (BRACKETS, "**(B).**", "b", None),
        (BRACKETS, "(B). Eliminated (A)", None, AMBIGUOUS),
        (NUMBERS, "-1", "down", None),
        (NUMBERS, "1", "up", None),
        (NUMBERS, "**-1**", "down", None),
        (NUMBERS, "-1.", "down", None),
        (NUMBERS, "- 1", None, AMBIGUOUS),
        (NUMBERS, "\u2013 1", None, AMBIGUOUS),
        (STARS, "- 1", "one", None),
        (WORDS, "\u2260 positive", None, MORE),
        # Struck through, crossed out, or not ticked.
        (WORDS, "~~positive~~", None, MORE),
        (WORDS, "~positive", None, MORE),
        (WORDS, "\u274c positive", None, MORE),
        (WORDS, "\u2717positive", None, MORE),
        (WORDS, "positive \u274c", None, MORE),
        (WORDS, "\U0001f44e positive", None, MORE),
        (WORDS, "\u2610 positive", None, MORE),
        (WORDS, "- [ ] positive", None, MORE),
        (WORDS, "- [x] positive", None, MORE),
        (WORDS, "\u2705 positive", "pos", None),
        (WORDS, "~~~\npositive\n~~~", "pos", None),
        ({"no": "\u274c", "yes": "\u2705"}, "\u274c", "no", None),
        (WORDS, "**\u00ac** positive", None, MORE),
        (NUMBERS, "+1", None, MORE),
        (STARS, "-1", None, MORE),
        (STARS, "1%", None, MORE),
        (STARS, ">1", None, MORE),
        (STARS, "$1", None, MORE),
        (STARS, ".1", None, MORE),
        # Other numbers than 1.
        *(
            (STARS, f"{sign}1", None, MORE)
            for sign in "^/\u2044\u221a\u221b\u2211\u222b\u223c\u2261"
        ),
        *((STARS, f"1{sign}", None, MORE) for sign in "^/\u2044\u2215\u226a"),
        (STARS, "**\u221a1**", None, MORE),
        ({"one": "1", "ten": "10"}, "1\u2070", None, MORE),
        ({"one": "1", "twelve": "12"}, "**1\u2082**", None, MORE),
        (STARS, "\u00b9", "one", None),
        (STARS, "/1/", "one", None),
        (STARS, "\\(1\\)", "one", None),
        ({"half": "1/", "root": "\u221a1"}, "\u221a1.", "root", None),
        (LETTERS, "/a", "a", None),
        (STARS, "$1$", "one", None),
        (STARS, "<1>", "one", None),
        (STARS, "#1", "one", None),
        (STARS, "1.", "one", None),
        (STARS, "1!", "one", None),
        (LETTERS, "A+", None, MORE),
        (LETTERS, "A-", None, MORE),
        (LETTERS, "-A-", "a", None),
        (LETTERS, "~~A~~", None, MORE),
        (WORDS, "!positive", None, MORE),
        (WORDS, "\u2260positive", None, MORE),
        (WORDS, "=positive=", "pos", None),
        (WORDS, "positive \u2764\ufe0f", "pos", None),
        (THAI, THAI["yes"], "yes", None),
        (THAI, f"**{THAI['yes']}**.", "yes", None),
        (THAI, "\u0e43\u0e0a\u0e49", None, NONE),  # of other tone, the word for using
        (HINDI, "\u0905\u091a\u094d\u091b\u0947", None, NONE),  # of another vowel
        (HINDI, HINDI["good"] + "\u0964", "good", None),
        (THUMBS, "\U0001f44d", "up", None),
        (THUMBS, "\U0001f44d.", "up", None),
        (THUMBS, "**\U0001f44e\ufe0f**", "down", None),
        (THUMBS, "\U0001f44d\U0001f44e", None, AMBIGUOUS),
        (THUMBS, "`\U0001f44d`", "up", None),
        *((SIGNS, text, "minus", None) for text in ("-", "-.", "**-**", "`-`", '"-"')),
        *((SIGNS, text, "plus", None) for text in ("+", "+.", "**+**", "`+`")),
        *((SIGNS, text, None, AMBIGUOUS) for text in ("+/-", "+, -", "- +", "+-")),
        (SIGNS, "++", None, MORE),
        (SIGNS, "...", None, EMPTY),
        ({"ask": "?", "tell": "!"}, "?!", None, AMBIGUOUS),
        (NUMBERS, "11", None, NONE),
        (RUSSIAN, "Положительный.", "pos", None),
        (RUSSIAN, "«отрицательный»", "neg", None),
        (RUSSIAN, unicodedata.normalize("NFD", "положительный"), "pos", None),
        (RUSSIAN, "не положительный", None, MORE),
        (RUSSIAN, "положительный или отрицательный", None, AMBIGUOUS),
        (RUSSIAN, "неположительный", None, NONE),
        (COLOURS, "зелёный", "green", None),
        (COLOURS, "ЗЕЛЁНЫЙ", "green", None),
        (COLOURS, unicodedata.normalize("NFD", "зелёный"), "green", None),
        (COLOURS, "зеленый", None, NONE),
        ({"g": "grün", "s": "Straße"}, "STRASSE", "s", None),
        ({"x": "very good", "y": "good"}, "very  good", "x", None),
        ({"x": "very good", "y": "good"}, "good", "y", None),
        ({"x": "very good", "y": "good"}, "very very good", None, AMBIGUOUS),
        ({"plus": "C++", "plain": "C"}, "C++", "plus", None),
        ({"plus": "C++", "plain": "C"}, "C", "plain", None),
        ({"plus": "C++", "plain": "C"}, "**C++.**", "plus", None),
        ({"java": "Java", "plain": "C"}, "C++", None, MORE),
        ({"java": "Java", "plain": "C"}, "C#", None, MORE),
    ],
)
def test_parse(words, text, label, reason):
    found, why = parse_label(text, words)
    assert (found, told(why)) == (label, reason)


@pytest.mark.parametrize(
    "text", ["positive", "*positive*", "Positive?", "positive\x00", "positive​"]
)
@pytest.mark.parametrize("around", ["{}", " {} ", "\n{}\n", "«{}»", "({})", "- {}"])
def test_decoration_does_not_count(text, around):
    assert parse_label(around.format(text), WORDS) == ("pos", None)


def test_match_scores():
    right = score_match("pos", WORDS, Output("k", text=" Positive."))
    assert (right.value, right.answer, told(right.reason)) == (1.0, "pos", None)
    wrong = score_match("pos", WORDS, Output("k", text="negative"))
    assert (wrong.value, wrong.answer) == (0.0, "neg")
    none = score_match("pos", WORDS, Output("k", text="who knows"))
    assert (none.value, none.answer, told(none.reason)) == (None, None, NONE)
    failed = score_match("pos", WORDS, Output("k", text="positive", error="it broke"))
    assert (failed.value, failed.answer, told(failed.reason)) == (None, None, "it broke")


@pytest.mark.parametrize("text", ["positive", "Positive.", " positive\n\n"])
def test_a_label_at_which_the_answer_was_cut_is_no_answer(text):
    cut = score_match("pos", WORDS, Output("k", text=text, finish_reason="length"))
    problem = "the answer was cut at its limit; raise scoring.max_tokens"
    assert (cut.value, cut.answer, told(cut.reason)) == (None, None, problem)
    other = score_match("pos", WORDS, Output("k", text="It was", finish_reason="length"))
    assert (other.value, told(other.reason)) == (None, NONE)


def test_a_choice_that_was_cut_where_a_longer_label_goes_on():
    words = {"a": "good", "b": "good enough"}
    cut = Output("k", text="good", finish_reason="length")
    assert (
        told(score_choice("a", words, cut).reason)
        == "cut behind 'good', which begins another label"
    )
    assert score_choice("a", words, Output("k", text="good")).answer == "a"
    whole = Output("k", text="good enough", finish_reason="length")
    assert score_choice("a", words, whole).answer == "b"


@pytest.mark.parametrize(
    ("text", "answer"),
    [(" positive", "pos"), ("negative", "neg"), ("posi", None), ("", None), ("Positive", None)],
)
def test_choice_scores(text, answer):
    score = score_choice("neg", WORDS, Output("k", text=text))
    assert score.answer == answer
    assert score.value == (None if answer is None else float(answer == "neg"))
    assert told(score.reason) == (None if answer else "the constrained answer is not a label")


def test_choice_without_completion():
    score = score_choice("neg", WORDS, Output("k", error="it broke"))
    assert (score.value, told(score.reason)) == (None, "it broke")


TREE = label_tree([(5,), (3,)], end_ids=())  # the question's ids are 3, 5


def test_label_scores_the_most_probable():
    output = Output("k", logprobs=(-2.0, -0.5))
    right = score_label("pos", ["pos", "neg"], [output], TREE)
    assert (right.value, right.answer, right.logprobs) == (1.0, "pos", (-0.5, -2.0))
    wrong = score_label("neg", ["pos", "neg"], [output], TREE)
    assert (wrong.value, wrong.answer) == (0.0, "pos")


def test_a_tie_has_no_verdict():
    score = score_label("pos", ["pos", "neg"], [Output("k", logprobs=(-1.0, -1.0))], TREE)
    assert (score.value, score.answer) == (None, None)
    assert told(score.reason) == "two labels are equally probable"
    assert score.logprobs == (-1.0, -1.0)


def test_a_tie_of_the_losers_does_not_matter():
    tree = label_tree([(1,), (2,), (3,)], end_ids=())
    output = Output("k", logprobs=(-1.0, -1.0, -0.5))
    assert score_label("c", ["a", "b", "c"], [output], tree).answer == "c"


@pytest.mark.parametrize("bad", [math.nan, -math.inf, math.inf, -1.7e308, 1e60])
def test_a_log_probability_that_is_no_number_has_no_verdict(bad):
    score = score_label("pos", ["pos", "neg"], [Output("k", logprobs=(-1.0, bad))], TREE)
    assert (score.value, score.answer, score.logprobs) == (None, None, ())
    assert told(score.reason) == "a label's log-probability is not finite"


def test_an_error_in_any_question_has_no_verdict():
    tree = label_tree([(1, 2), (1, 3)], end_ids=())
    outputs = [Output("a", logprobs=(-1.0,)), Output("b", error="it broke")]
    score = score_label("pos", ["pos", "neg"], outputs, tree)
    assert (score.value, told(score.reason)) == (None, "it broke")


@pytest.mark.parametrize(
    ("method", "output", "tree"),
    [
        ("logprobs", Output("k", logprobs=(-2.0, -0.5)), TREE),
        ("generate", Output("k", text="Positive"), None),
        ("choice", Output("k", text=" positive"), None),
    ],
)
def test_every_method_has_its_scorer(method, output, tree):
    trial = Trial(Sample("s", "text", "pos"), WORDS, [output], tree)
    scorer = SCORERS[method]
    score = scorer.score(trial)
    assert (score.value, score.answer) == (1.0, "pos")


def test_the_table_has_the_methods_that_a_set_may_name():
    assert set(SCORERS) == set(SCORINGS)


def test_logprobs_without_a_tree_is_a_defect():
    trial = Trial(Sample("s", "text", "pos"), WORDS, [Output("k")])
    with pytest.raises(ValueError, match="needs the label tree"):
        SCORERS["logprobs"].score(trial)
