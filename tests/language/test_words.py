"""The words of both languages: the same names, the same facts, each used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from sentences import sentences

import harness
from harness.language import words
from harness.report.names import some

PACKAGE = Path(harness.__file__).parent


def test_all_words_and_sentences_are_known_to_the_tests():
    for lang in ("en", "ru"):
        assert list(sentences(lang)) == sorted(words(lang), key=list(sentences(lang)).index)


def test_languages_have_the_same_names_and_facts():
    english, russian = words("en"), words("ru")
    assert list(sentences("en")) == list(sentences("ru"))
    assert len(sentences("en")) > 600
    for name in english:
        assert set(english.facts(name)) == set(russian.facts(name)), name


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_a_sentence_tells_all_facts_that_it_takes(lang):
    for name, source in sentences(lang).items():
        code = " ".join(re.findall(r"{[{%](.*?)[%}]}", source))
        for fact in words(lang).facts(name):
            assert re.search(rf"\b{fact}\b", code), (name, fact)


def test_russian_is_russian():
    alike = {name for name, text in sentences("ru").items() if text == sentences("en")[name]}
    assert alike == {
        "h_n",
        "h_auc",
        "f_auc",
        "f_mcc",
        "tpl_line",
        "zeroshot",
        "fewshot",
        "c_mode",
        "c_mode_short",
        "c_auc_points",
        "p_mode_n",
        "p_fewshot",
        "p_mark",
        "why_other",
        "why_several",
        "why_of_judge",
        "why_passport",
        "why_cells_lost",
    }
    for name, text in sentences("ru").items():
        signs = name in alike or name in ("quote", "lang")
        assert signs or re.search(r"[\u0430-\u044f\u0451]", text.lower()), name


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_sentences_have_no_stray_spaces(lang):
    for name, text in sentences(lang).items():
        assert "  " not in text.replace("\n  ", "\n"), name


def test_every_word_is_used():
    sources = "".join(
        path.read_text(encoding="utf-8")
        for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("templates/*.j*"))
    )
    built = (
        r"[hfsoqg]_\w+|b_t_\w+|gate_(at|no_worse|better|opens)_\w+|p_(gate|note)_\w+"
        r"|c_(v|b|way)_(helps|hurts|same|open)|c_(selector|order)|d_(trained_)?(sentence|(un)?shown)"
        r"|c_(calibration|contextual)_(up|down|same)|p_judged(_untrusted|_void|_score|_points)?"
        r"|j_c_(better|worse|alpha|untrusted|void|score|points)\w*|j_canary_\w+|j_by_\w+"
        r"|j_(met|partly|not_met)|pass_(v|why|p|f|lost|pt|per)_\w+"
        r"|why_\w+|undecided_(passed|inconclusive|unjudged|baseless)|note_\w+"
        r"|c_beware_(worse|guesses|mass|unscored|system)|x_\w+"
        r"|page_((is|by|ruled|mark)_\w+|answers|calibrated|odds|said)"
        r"|th_(answers|rulings|off|on|budget|limit|at_\w+|\w+_thought)"
    )
    used = set(re.findall(r"[\"'.](\w+)", sources))
    for name in words("en"):
        assert name in used or re.fullmatch(built, name), f"{name} is not used"


def test_nouns_follow_their_numbers():
    assert [words("en").say("n_cells", count=n) for n in (1, 2, 21)] == [
        "1 cell", "2 cells", "21 cells"]  # fmt: skip
    assert [words("ru").say("n_cells", count=n) for n in (1, 2, 11, 21, 111)] == [
        "1 ячейки", "2 ячеек", "11 ячеек", "21 ячейки", "111 ячеек"]  # fmt: skip


def test_a_sentence_needs_its_facts_and_leaves_others_aside():
    t = words("en")
    assert t.say("n_cells", count=2, other=5) == t.say("n_cells", count=2)
    with pytest.raises(UndefinedError, match="count"):
        t.say("n_cells")
    with pytest.raises(KeyError):
        t["n_cells"]
    with pytest.raises(KeyError):
        t.say("nonsense")


def test_long_lists_are_cut():
    assert some(["a", "b"], words("en")) == "a, b"
    assert some(list("abcdefg"), words("en")) == "a, b, c, d, e and 2 more"
