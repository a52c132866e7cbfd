from __future__ import annotations

import math
from dataclasses import replace

import pytest
from reasoned import because

from harness.errors import UntrustedJudge
from harness.gates.judged import judge_standing
from harness.gates.plan_judged import PlannedJudgedGate
from harness.reasons import Reason
from harness.records import Figure, Standing
from harness.run.probe_cells import ProbeCell
from harness.spec.judgeset import JudgedGateSpec, JudgeSet
from harness.spec.modelspec import ModelSpec

SET = JudgeSet.model_validate(
    {
        "kind": "judge",
        "models": ["one"],
        "probes": [
            {"id": f"p{i}", "kind": "k", "question": "?", "points": ["so"]} for i in range(10)
        ],
        "judge": {"models": ["wise"], "rubric": "a.j2"},
    }
)
NO_PASSPORT = Reason("passport_missing", {"path": "passports/wise.json"})
UNTRUSTED = Reason("untrusted", causes=(Reason("of_judge", {"judge": "wise"}, (NO_PASSPORT,)),))
STANDING = Standing(
    evalset="evalsets/p.yaml",
    model="one",
    probes=10,
    n=30,
    unscored=0,
    reasons={},
    figures={
        "score": Figure(7.0, 6.2, 7.8, 30),
        "win_rate": Figure(0.8, 0.4, 0.97, 30),
    },
    trusted=True,
)


def judge(standing: Standing = STANDING, *, untrusted: Reason | None = None, **spec: object):
    spec = {"figure": "score", "at_least": 6.0} | spec
    cells = tuple(
        ProbeCell("evalsets/p.yaml", "p", SET, "one", ModelSpec(source="file:m"), probe, {})
        for probe in SET.probes
    )
    planned = PlannedJudgedGate("gate-score-one", JudgedGateSpec.model_validate(spec), cells)
    return judge_standing(planned, standing, untrusted=untrusted)


def test_the_whole_interval_decides():
    assert judge().verdict == "pass"
    assert judge(at_least=8.0).verdict == "fail"
    assert judge(at_least=7.0).verdict == "inconclusive"
    assert judge(at_least=None, at_most=8.0).verdict == "pass"
    assert not judge(at_least=7.0).failed
    assert judge(at_least=7.0, on_inconclusive="fail").failed


@pytest.mark.parametrize(("low", "detectable"), [(4.0, 4.2882), (2.0, math.inf)])
def test_a_difference_that_no_score_can_have_is_not_detectable(low, detectable):
    wide = replace(STANDING, figures={"score": Figure(9.0, low, 10.0, 30)})
    assert judge(wide, at_least=6.0).detectable == pytest.approx(detectable, abs=1e-3)


def test_the_line_says_what_it_rests_on():
    assert judge().line == (
        "score 7.000 [6.200, 7.800], detectable 1.144, n=30 on 10 probes, unscored 0: at least 6"
        " - pass"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"void": because("wise scored a null answer 9.1")},
            "the run is void: wise scored a null answer",
        ),
        ({"n": 0, "unscored": 30, "figures": {}}, "none of 30 answers was scored"),
        ({"n": 0, "unscored": 0, "figures": {}}, "the model has no answers"),
        ({"probes": 9}, "only 9 of 10 probes were answered"),
        ({"n": 29, "unscored": 1}, "1 of 30 answers without a verdict, more than 2.0%"),
    ],
)
def test_what_cannot_be_judged_fails(changes, words):
    gate = judge(replace(STANDING, **changes))
    assert gate.failed
    assert gate.verdict == "fail"
    assert words in gate.line


def test_a_win_rate_counts_the_pairs_without_a_verdict():
    few = replace(STANDING, figures={"win_rate": Figure(1.0, 0.8, 1.0, 25)})
    gate = judge(few, figure="win_rate", at_least=0.5)
    assert gate.failed
    assert ", unscored 5: at least 0.5 - fail: 5 of 30 pairs without a verdict" in gate.line
    jury = replace(STANDING, pairs=60)
    gate = judge(jury, figure="win_rate", at_least=0.1)
    assert gate.failed
    assert "30 of 60 pairs without a verdict" in gate.line
    no_pairs = replace(STANDING, figures={"score": STANDING.figures["score"]})
    assert "compares no pairs" in judge(no_pairs, figure="win_rate", at_least=0.5).line


@pytest.mark.parametrize("due", [50, 100, 150, 350])
def test_as_many_without_a_verdict_as_are_allowed_are_no_failure(due):
    lost = due // 50
    pairs = replace(STANDING, n=due, figures={"win_rate": Figure(0.9, 0.8, 1.0, due - lost)})
    assert judge(pairs, figure="win_rate", at_least=0.5).verdict == "pass"
    assert judge(replace(STANDING, n=due - lost, unscored=lost)).verdict == "pass"
    fewer = replace(pairs, figures={"win_rate": Figure(0.9, 0.8, 1.0, due - lost - 1)})
    assert judge(fewer, figure="win_rate", at_least=0.5).failed


def test_unscored_is_a_figure_of_its_own():
    gate = judge(
        replace(STANDING, n=20, unscored=10), figure="unscored", at_least=None, at_most=0.1
    )
    assert gate.failed
    assert "unscored 0.333 [0.173, 0.528]" in gate.line


def test_an_untrusted_judge_gates_nothing_not_even_a_failure():
    with pytest.raises(UntrustedJudge, match=r"^untrusted: wise: no passport"):
        judge(STANDING, untrusted=UNTRUSTED)


def test_a_void_judge_is_called_void_whatever_its_passport():
    # No passport would open the gate, so none is asked for.
    with pytest.raises(UntrustedJudge, match=r"^(?!.*passport).*void: broken"):
        judge(replace(STANDING, void=because("broken")), untrusted=UNTRUSTED)


def test_a_gate_that_may_be_judged_at_any_time_takes_the_wider_interval():
    both = replace(STANDING, anytime={"score": Figure(7.0, 5.5, 8.2, 30)})
    assert judge(both).verdict == "pass"
    gate = judge(both, anytime=True)
    assert (gate.verdict, gate.anytime) == ("inconclusive", True)
    assert gate.line.startswith("score 7.000 [5.500, 8.200] at any number of probes, detectable ")
    assert judge(both, anytime=True, at_least=5.0).verdict == "pass"
    with pytest.raises(
        ValueError, match="'anytime' belongs to score, points, pass_rate and win_rate"
    ):
        judge(both, figure="unscored", at_least=None, at_most=0.1, anytime=True)
