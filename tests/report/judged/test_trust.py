from __future__ import annotations

from dataclasses import replace

import pytest
from judged_builders import CHECK, EVALSET, FAILED, make_judged
from reasoned import because

from harness.analysis.judged_sets import judged_sets, trust
from harness.language import words
from harness.reasons import Reason
from harness.records import Judged, PassportCheck
from harness.report.judged.trust import head_word, trust_lines

T = words("en")
VOID = because("canary 'shuffled' of p01 scored 8.2, more than 4")


@pytest.mark.parametrize(
    ("judged", "state", "word"),
    [
        (make_judged(), "trusted", ""),
        (make_judged(check=FAILED), "untrusted", "judge UNTRUSTED"),
        (make_judged(void=VOID), "void", "judged scores VOID"),
        (make_judged(check=FAILED, void=VOID), "void", "judge UNTRUSTED, judged scores VOID"),
        (replace(make_judged(), judges=()), "untrusted", "judge UNTRUSTED"),
        (replace(make_judged(), standings=()), "untrusted", "judge UNTRUSTED"),
    ],
)
def test_only_what_everything_vouches_for_is_trusted(judged, state, word):
    assert trust(judged, EVALSET) == state
    assert head_word(judged, T) == word


def test_one_standing_that_is_not_trusted_is_enough():
    judged = make_judged()
    odd = replace(judged, standings=(replace(judged.standings[0], trusted=False),
                                     *judged.standings[1:]))  # fmt: skip
    assert trust(odd, EVALSET) == "untrusted"
    assert "**The scores of evalsets/probes.yaml are UNTRUSTED**" in trust_lines(odd, EVALSET, T)[1]


def test_the_worst_set_is_in_the_head():
    fine = make_judged()
    other = make_judged(void=VOID)
    moved = tuple(replace(one, evalset="evalsets/other.yaml") for one in other.standings)
    judges = tuple(replace(one, evalset="evalsets/other.yaml") for one in other.judges)
    both = replace(fine, standings=fine.standings + moved, judges=fine.judges + judges)
    assert judged_sets(both) == [EVALSET, "evalsets/other.yaml"]
    assert head_word(both, T) == "judged scores VOID"
    assert trust(both, EVALSET) == "trusted"


def test_no_judge_set_has_no_word():
    assert head_word(Judged(), T) == ""


def test_a_trusted_judge_shows_its_figures():
    assert trust_lines(make_judged(), EVALSET, T) == [
        "**The judge `judge-7b` is trusted** to say which of two answers is better, by what was "
        "measured before this run: accuracy on gold pairs 0.860 [0.81, 0.90], n=240, "
        "same verdict in both orders 0.900 [0.85, 0.93], n=240, `passports/judge-7b.json`. "
        "How high a score is was not measured."
    ]


def test_a_void_judge_is_not_sent_for_a_passport():
    cause = Reason("passport_missing", {"path": "passports/judge-7b.json"})
    check = PassportCheck("judge-7b", False, Reason("certify", {"command": "run this"}, (cause,)))
    (untrusted,) = trust_lines(make_judged(check=check), EVALSET, T)
    assert "run: run this" in untrusted
    judged = make_judged(check=check)
    void = tuple(replace(one, void=because("scored too high")) for one in judged.judges)
    (line,) = trust_lines(replace(judged, judges=void), EVALSET, T)
    assert "VOID" in line
    assert "no passport passports/judge-7b.json" in line
    assert "run this" not in line


def test_an_untrusted_judge_says_why():
    (line,) = trust_lines(make_judged(check=FAILED), EVALSET, T)
    assert line.startswith("**The judge `judge-7b` is UNTRUSTED**: passports/judge-7b.json: acc")
    assert "does not reach min_accuracy 0.7. Its scores are shown, but they prove nothing" in line
    assert line.endswith("0.410 [0.31, 0.51], n=100, `passports/judge-7b.json`.")
    hostile = Reason("other", {"said": "no passport | <b>x</b>"})
    bare = make_judged(check=PassportCheck("judge-7b", False, hostile))
    (line,) = trust_lines(bare, EVALSET, T)
    assert "no passport \\| &lt;b&gt;x&lt;/b&gt;. Its scores" in line
    assert "passport measured" not in line


def test_a_canary_outweighs_the_passport():
    (line,) = trust_lines(make_judged(void=VOID), EVALSET, T)
    said = "**The scores that the judge `judge-7b` gave are VOID**: canary 'shuffled' of p01"
    assert line.startswith(said)
    assert "Its passport (accuracy on gold pairs 0.860" in line
    (line,) = trust_lines(make_judged(check=FAILED, void=VOID), EVALSET, T)
    assert "It is UNTRUSTED, too: passports/judge-7b.json: accuracy on llmbar" in line


def test_one_untrusted_judge_makes_a_jury_untrusted():
    judged = make_judged()
    second = replace(judged.judges[0], judge="judge-2",
                     check=replace(CHECK, judge="judge-2", trusted=False))  # fmt: skip
    jury = replace(judged, judges=(*judged.judges, second))
    assert trust(jury, EVALSET) == "untrusted"
    assert "no passport covers it" in trust_lines(jury, EVALSET, T)[1]
    assert trust_lines(jury, EVALSET, T)[2] == T["j_untrusted_jury"]


def test_a_passport_that_is_not_enough_says_why_in_russian():
    worse = Reason("gold_worse", {"set": "gold/x", "known": "0.300 [0.20, 0.41]", "pairs": 80})
    reason = Reason("passport", {"path": "passports/judge-7b.json"}, (worse,))
    check = PassportCheck("judge-7b", False, reason)
    (english,) = trust_lines(make_judged(check=check), EVALSET, T)
    assert "it is people's own in 0.300 [0.20, 0.41] of 80: worse than chance" in english
    (russian,) = trust_lines(make_judged(check=check), EVALSET, words("ru"))
    assert "хуже случайного выбора" in russian
    assert "people" not in russian
