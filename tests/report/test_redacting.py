from __future__ import annotations

from dataclasses import replace

import pytest
from judged_builders import HOSTILE, PROSE, REASONS, make_judged

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


@pytest.mark.parametrize(
    ("problem", "left"),
    [
        ("the verdict was cut at the token limit", "the verdict was cut at the token limit"),
        ("no verdict in 'I | can't say'", "no verdict in '…'"),
        ('the judge wrote "a" and "b": no JSON', "the judge wrote '…': no JSON"),
        ("судья написал «десять»", "судья написал '…'"),
        ("the model refused: 'I won't say \"it\"'", "the model refused: '…'"),
        ("the judge's engine died, the model's too", "the judge's engine died, the model's too"),
    ],
)
def test_what_a_reason_quotes_goes(problem, left):
    judged = make_judged({"base": 5.0}, probes=2, answers=1)
    first = judged.probes[0]
    answer = replace(first.answers[0], problem=problem, rulings={"j": Ruling(problem=problem)})
    void = f"j gave no score to 2 of 2 deliberately bad answers: {problem}"
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
    assert bare.judges[0].void == bare.standings[0].void == void.replace(problem, left)


def test_reasons_that_become_alike_are_counted_together():
    judged = make_judged({"base": 5.0}, probes=2, answers=1)
    reasons = {"wrote 'a'": 1, "wrote 'b'": 2}
    judged = replace(judged, standings=(replace(judged.standings[0], reasons=reasons),))
    assert redact_judged(judged).standings[0].reasons == {"wrote '…'": 3}


def test_a_gate_on_a_judged_model_quotes_nothing():
    judged = make_judged({"base": 5.0}, probes=2, answers=1)
    line = "score: fail, the run is void: no score: the model refused: 'I won't'"
    made = [
        Gate(evalset, "base", "score", "at_least", 5.0, "fail", failed=True, line=line)
        for evalset in (judged.standings[0].evalset, "evalsets/labelled.yaml")
    ]
    bare, other = redact_gates(made, judged)
    assert bare.line == "score: fail, the run is void: no score: the model refused: '…'"
    assert other == made[1]


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
