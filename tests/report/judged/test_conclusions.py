from __future__ import annotations

from dataclasses import replace

import pytest
from judged_builders import EVALSET, FAILED, make_judged
from reasoned import because

from harness.analysis.judged_sets import all_judged
from harness.language import words
from harness.records import Figure, Judged
from harness.report.judged.conclusions import conclusions, method
from harness.stats import clopper_pearson_interval

T = words("en")
CLAIMS = ("better", "worse", "no difference shown", "not shown", "p = ", "say little", "at random")


def said(judged: Judged, lang="en"):
    return conclusions(all_judged(judged), words(lang))[EVALSET]


def verdicts(short) -> list[str]:
    """What is said of each model before its figures."""
    return [line.split("; ")[0] for line in short]


def test_verdicts_follow_the_tests():
    found = said(make_judged())
    assert verdicts(found.short) == [
        "`ru-a` against `base`, by the judge: **better**",
        "`ru-b` against `base`, by the judge: **no difference shown**",
    ]
    for line, whole in zip(found.short, found.models, strict=True):
        assert line.split("; ", 1)[1] == whole.split("; ", 1)[1]
    assert found.models[0].startswith("`ru-a` against `base`: **better**; win rate 0.9")
    assert found.models[1].count(": not shown") == 2
    assert "4 comparisons of judged models" in method(all_judged(make_judged()), T)


def test_a_worse_model_is_called_worse():
    found = said(make_judged({"base": 8.0, "ru-a": 4.0}))
    assert verdicts(found.short) == ["`ru-a` against `base`, by the judge: **worse**"]


def test_one_figure_alone_is_named():
    judged = make_judged({"base": 4.3, "ru-a": 7.2})
    found = said(replace(judged, pairs=tuple(
        replace(one, points=0.5) for one in judged.pairs)))  # fmt: skip
    assert verdicts(found.short) == [
        "`ru-a` against `base`, by the judge: **better by mean score only**"
    ]


@pytest.mark.parametrize("probes", [7, 10])
def test_inconclusive_says_what_a_clean_sweep_would_prove(probes):
    found = said(make_judged({"base": 5.0, "ru-a": 5.0}, probes=probes))
    low, _ = clopper_pearson_interval(probes, probes)
    assert (
        f"({probes} of {probes}) is only shown to be better on at least {low:.2f}"
        in (found.further[0])
    )
    assert "nothing could be shown" not in found.further[0]


def test_too_few_probes_say_that_nothing_could_be_shown():
    found = said(make_judged({"base": 2.0, "ru-a": 9.0}, probes=5))
    assert "**no difference shown**" in found.short[0]
    assert "With 2 comparisons the least p that can be reached is 0.12" in found.further[0]


def test_what_is_shown_needs_no_such_sentence():
    found = said(make_judged({"base": 3.0, "ru-a": 8.0}))
    assert "**better**" in found.short[0]
    assert not any("So few probes" in line for line in found.further)


@pytest.mark.parametrize(
    ("judged", "intro"),
    [
        (make_judged(check=FAILED), "*Untrusted judge, nothing is claimed.* "),
        (make_judged(void=because("canary of p01 scored 8")), "*Void, nothing is claimed.* "),
    ],
)
def test_nothing_is_claimed_by_scores_that_prove_nothing(judged, intro):
    judged = replace(judged, agreement={EVALSET: Figure(0.4, 0.1, 0.6, 90)})
    found = said(judged)
    assert found.short == ()
    lines = (*found.models, *found.further)
    assert len(lines) == 4
    for line in lines:
        assert line.startswith(intro)
        assert not [word for word in CLAIMS if word in line]
    assert "win rate 0.914" in lines[0]


@pytest.mark.parametrize(
    ("low", "word"), [(0.85, "reliable"), (0.7, "tentative"), (0.2, "do not agree enough")]
)
def test_agreement_of_a_jury_goes_by_its_lower_end(low, word):
    judged = replace(make_judged(), agreement={EVALSET: Figure(0.9, low, 0.95, 90)})
    assert word in said(judged).further[-1]
    assert f"0.900 [{low:.2f}, 0.95], n=90" in said(judged).further[-1]


def test_nothing_to_compare_has_no_method():
    assert method(all_judged(make_judged({"base": 5.0})), T) == ""
    assert said(make_judged({"base": 5.0})).models == ()


def test_several_sets_name_theirs():
    judged = make_judged()
    other = make_judged({"base": 3.0, "ru-c": 8.0})
    moved = Judged(*(
        tuple(replace(one, evalset="evalsets/b.yaml") for one in part)
        for part in (other.probes, other.pairs, other.canaries, other.judges, other.standings)
    ))  # fmt: skip
    both = Judged(judged.probes + moved.probes, judged.pairs + moved.pairs, (),
                  judged.judges + moved.judges, judged.standings + moved.standings)  # fmt: skip
    found = conclusions(all_judged(both), T)
    assert list(found) == [EVALSET, "evalsets/b.yaml"]
    assert verdicts(found["evalsets/b.yaml"].short) == [
        "`ru-c` against `base`, evalsets/b.yaml, by the judge: **better**"
    ]
    # One family of tests for the whole report.
    assert "over 6 comparisons" in method(all_judged(both), T)
