from __future__ import annotations

from dataclasses import replace

import pytest
from judged_builders import HOSTILE, PROSE, REASONS, make_judged
from reasoned import because

from harness.reasons import Reason
from harness.records import Gate, Result, Ruling, Thought
from harness.report.redacting import redact, redact_gates, redact_judged


def test_questions_and_figures_stay():
    judged = make_judged()
    bare = redact_judged(judged)
    assert [one.question for one in bare.probes] == [one.question for one in judged.probes]
    assert [one.points for one in bare.probes] == [one.points for one in judged.probes]
    assert [one.scores for one in bare.probes] == [one.scores for one in judged.probes]
    assert [one.points for one in bare.pairs] == [one.points for one in judged.pairs]
    assert [one.ruling.value for one in bare.canaries] == [
        one.ruling.value for one in judged.canaries
    ]
    assert [one.figures for one in bare.standings] == [one.figures for one in judged.standings]
    assert bare.judges[0].check == judged.judges[0].check


def test_answers_and_words_of_judges_go():
    found = repr(redact_judged(make_judged()))
    for text in (*HOSTILE, *PROSE, *REASONS, "Better covered", "Says nothing"):
        assert repr(text)[1:20] not in found


SAID = Reason("model_refused", {"said": 'I won\'t say "it"'})
CANARIES = {"judge": "j", "lost": 2, "n": 2}
HIDDEN = Reason("model_refused", {"said": "…"})


@pytest.mark.parametrize(
    ("problem", "left"),
    [
        (Reason("verdict_cut"), Reason("verdict_cut")),
        (because("no verdict in 'I | can't say'"), because("…")),
        (SAID, HIDDEN),
    ],
)
def test_what_a_reason_quotes_goes(problem, left):
    judged = make_judged({"base": 5.0}, probes=2, answers=1)
    first = judged.probes[0]
    answer = replace(first.answers[0], problem=problem, rulings={"j": Ruling(problem=problem)})
    void = Reason("canaries_mute", {"judge": "j", "lost": 2, "n": 2}, (problem,))
    judged = replace(
        judged,
        probes=(replace(first, answers=(answer,)),),
        judges=tuple(replace(one, unscored={problem: 2}, void=void) for one in judged.judges),
        standings=tuple(replace(one, reasons={problem: 2}, void=void) for one in judged.standings),
    )
    bare = redact_judged(judged)
    assert bare.probes[0].answers[0].problem == left
    assert bare.probes[0].answers[0].rulings["j"].problem == left
    assert bare.judges[0].unscored == bare.standings[0].reasons == {left: 2}
    assert bare.judges[0].void == bare.standings[0].void == replace(void, causes=(left,))


def test_reasons_that_become_alike_are_counted_together():
    judged = make_judged({"base": 5.0}, probes=2, answers=1)
    reasons = {because("wrote 'a'"): 1, because("wrote 'b'"): 2}
    judged = replace(judged, standings=(replace(judged.standings[0], reasons=reasons),))
    assert redact_judged(judged).standings[0].reasons == {because("…"): 3}


def test_a_gate_on_a_judged_model_quotes_nothing():
    why = Reason("void", causes=(Reason("canaries_mute", CANARIES, (SAID,)),))
    line = f"score: fail: {why.text}"
    gate = Gate("e", "base", "score", "at_least", 5.0, "fail", True, line, reason=why)
    bare, other = redact_gates([gate, replace(gate, line="passed 'well'", reason=None)])
    assert bare.line == (
        "score: fail: the run is void: j gave no score to 2 of 2 deliberately bad answers: "
        "the model refused: '…'"
    )
    assert bare.reason == why.redacted()
    assert other.line == "passed 'well'"


def test_thoughts_go_and_their_lengths_stay():
    judged = make_judged({"base": 5.0}, probes=2, answers=1)
    first, thought = judged.probes[0], Thought("so secret", 7, "cut")
    ruling = Ruling(value=5.0, thought=thought)
    answer = replace(first.answers[0], thought=thought, rulings={"j": ruling})
    pair = replace(judged.pairs[0], forward=ruling, backward=ruling) if judged.pairs else None
    judged = replace(
        judged,
        probes=(replace(first, answers=(answer,)),),
        pairs=(pair,) if pair else (),
        canaries=tuple(replace(one, ruling=ruling) for one in judged.canaries),
    )
    bare = redact_judged(judged)
    assert "secret" not in repr(bare)
    assert bare.probes[0].answers[0].thought == Thought("", 7, "cut")
    assert bare.probes[0].answers[0].rulings["j"].thought == Thought("", 7, "cut")
    result = Result("e", "c", "s", "k", "text", "a", "a", None, True, None, {}, None,
                    thought=thought)  # fmt: skip
    assert redact(result).thought == Thought("", 7, "cut")
