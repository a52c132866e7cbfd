from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.judge.basis import bases
from harness.judge.cases import CaseSet, Reply
from harness.prompts.rubric import load_rubric
from harness.reasons import Reason
from harness.records import Provenance, Ruling
from harness.spec.judgeset import JudgeSet
from harness.spec.probespec import ProbeSpec

ROOT = Path(__file__).parents[2]


def judge_set(**judge: object) -> JudgeSet:
    return JudgeSet.model_validate(
        {
            "kind": "judge",
            "models": ["base", "one", "two"],
            "probes": [
                {"id": name, "kind": "k", "question": f"what of {name}?", "points": [f"{name} is"]}
                for name in ("letter", "sum")
            ],
            "judge": {"models": ["wise"], "rubric": "judge/absolute.en.j2"} | judge,
        }
    )


def make_round(
    evalset: JudgeSet, replies: Mapping[tuple[str, str], list[Reply]], *, pairs: bool = True
) -> CaseSet:
    rubric = load_rubric("judge/absolute.en.j2", root=ROOT, kind="absolute")
    pairwise = load_rubric("judge/pairwise.en.j2", root=ROOT, kind="pairwise") if pairs else None
    return CaseSet(evalset, "evalsets/p.yaml", replies, rubric, pairwise)


def two_each(
    models: tuple[str, ...] = ("base", "one", "two"),
) -> dict[tuple[str, str], list[Reply]]:
    return {
        (model, probe): [Reply(n, n, f"{model} says {probe} {n}", 3) for n in range(2)]
        for model in models
        for probe in ("letter", "sum")
    }


def shown(case) -> str:
    return "\n".join(turn["content"] for turn in case.messages)


def test_every_answer_pair_in_both_orders_and_canary_is_a_case():
    asked = make_round(judge_set(), two_each())
    cases = asked.cases(None)
    names = [case.id for case in cases]
    assert len(set(names)) == len(names)
    count = {kind: sum(name.startswith(kind) for name in names)
             for kind in ("answer", "pair", "canary")}  # fmt: skip
    # 3 models x 2 probes x 2 answers; 3 pairs of models x 2 x 2 x 2 orders; 4 canaries a probe.
    assert count == {"answer": 12, "pair": 24, "canary": 8}


@pytest.mark.parametrize("token", ["what of", "letter is", "sum is", "says letter"])
def test_no_case_spells_a_token_of_the_judge(token):
    asked = make_round(judge_set(), two_each())
    assert sum(token in shown(case) for case in asked.cases(None)) > 10
    cases = asked.cases(re.compile(token))
    assert {case.id.split()[0] for case in cases} == {"answer", "pair", "canary"}
    assert not [case.id for case in cases if token in shown(case)]


def test_both_orders_show_the_same_two_answers_the_other_way_round():
    cases = {case.id: case for case in make_round(judge_set(), two_each()).cases(None)}
    forward = shown(cases["pair one base letter 1 0"])
    backward = shown(cases["pair one base letter 1 1"])
    mine, other = "one says letter 1", "base says letter 1"
    assert forward.index(mine) < forward.index(other)
    assert backward.index(mine) > backward.index(other)


def test_the_reference_is_always_the_second_side():
    asked = make_round(judge_set(against="two"), two_each())
    rulings = {case.id: Ruling(choice="A") for case in asked.cases(None) if "pair" in case.id}
    found = asked.pair_results("wise", rulings)
    assert {(pair.model, pair.against) for pair in found} == {
        ("base", "two"), ("one", "two"), ("one", "base"),
    }  # fmt: skip


def test_a_score_is_the_mean_of_all_judges_and_none_where_one_has_none():
    evalset = judge_set(models=["wise", "kind"])
    asked = make_round(evalset, two_each(("base",)), pairs=False)
    rulings = {
        "wise": {
            "answer base letter 0": Ruling(value=4.0),
            "answer base letter 1": Ruling(value=6.0),
        },
        "kind": {
            "answer base letter 0": Ruling(value=9.0),
            "answer base letter 1": Ruling(problem=Reason("two_verdicts")),
        },
    }
    letter, sum_ = asked.results(rulings)
    assert [answer.score for answer in letter.answers] == [6.5, None]
    assert [answer.score for answer in sum_.answers] == [None, None]
    assert letter.scores == [6.5]


def test_an_answer_that_is_missing_is_not_judged_and_has_no_pair():
    replies = two_each()
    replies["one", "sum"][0] = Reply(0, 0, problem=Reason("engine", {"said": "refused it"}))
    asked = make_round(judge_set(), replies)
    names = [case.id for case in asked.cases(None)]
    assert "answer one sum 0" not in names
    assert "pair one base sum 0 0" not in names
    assert "pair two base sum 0 0" in names
    found = {(r.model, r.probe): r for r in asked.results({"wise": {}})}
    assert found["one", "sum"].answers[0].problem == Reason("engine", {"said": "refused it"})
    assert found["one", "sum"].answers[0].score is None


def test_models_that_were_not_run_are_left_out():
    asked = make_round(judge_set(), two_each(("one",)))
    assert {name.split()[1] for name in (c.id for c in asked.cases(None)) if "answer" in name} == {
        "one"
    }
    assert not [c for c in asked.cases(None) if c.id.startswith("pair")]


@pytest.mark.parametrize(("value", "broke"), [(4.0, False), (4.1, True), (None, False)])
def test_a_canary_above_the_limit_breaks(value, broke):
    asked = make_round(judge_set(canary_limit=4.0), two_each())
    problem = None if value else "no verdict"
    rulings = {c.id: Ruling(value=value, problem=problem) for c in asked.cases(None)}
    found = asked.canary_results("wise", rulings)
    assert {canary.broke for canary in found} == {broke}
    assert {canary.kind for canary in found} == {"null", "constant", "off_topic", "shuffled"}


def test_an_answer_that_was_given_here_as_well_is_no_canary():
    # One refusal to two probes is a good answer to both.
    replies = {("base", probe): [Reply(0, 0, "I cannot help with that.", 5)]
               for probe in ("letter", "sum")}  # fmt: skip
    asked = make_round(judge_set(), replies)
    names = [case.id for case in asked.cases(None)]
    assert not [name for name in names if name.endswith("off_topic")]
    replies["one", "sum"] = [Reply(0, 0, "The sum is 4.", 5)]
    cases = {case.id: shown(case) for case in make_round(judge_set(), replies).cases(None)}
    assert not [name for name in cases if name == "canary letter off_topic"]
    replies["base", "sum"], replies["one", "letter"] = replies["one", "sum"], []
    cases = {case.id: shown(case) for case in make_round(judge_set(), replies).cases(None)}
    assert "The sum is 4." in cases["canary letter off_topic"]


def test_a_long_answer_is_cut_for_the_judge_alone():
    replies = {("base", "letter"): [Reply(0, 0, "word " * 500, 500)]}
    asked = make_round(judge_set(max_answer_chars=100), replies)
    case = next(c for c in asked.cases(None) if c.id.startswith("answer"))
    assert shown(case).count("word") < 40
    assert len(asked.results({})[0].answers[0].text) == 2500


def test_a_changed_turn_is_another_probe_to_a_baseline():
    def of(*turns):
        probe = {"id": "talk", "kind": "k", "turns": list(turns), "points": ["it is"]}
        talk = judge_set().model_copy(update={"probes": [ProbeSpec.model_validate(probe)]})
        asked = make_round(talk, {("base", "talk"): [Reply(0, 0, "so", 1)]}, pairs=False)
        rests = Provenance("", "", "", "", "", "", "", "")
        return bases(asked, {"base": rests}, [])[0].probes["talk"]

    own, given = of("One?", "Two?"), of({"user": "One?", "assistant": "Yes."}, "Two?")
    assert len({own, given, of("One.", "Two?"), of("One?", "Two?", "Two?")}) == 4
    assert own == of({"user": "One?"}, "Two?")
