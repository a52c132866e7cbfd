"""Verdicts on points: what is asked, what is read, and what they come to."""

from __future__ import annotations

import json
from os.path import commonprefix
from pathlib import Path

import pytest

from harness.engines.vllm_schemas import spelled_grammar
from harness.judge.cases import CaseSet
from harness.judge.points import (
    QUOTE_CHARS,
    PointsAsked,
    mean_share,
    point_cases,
    point_rulings,
    read_points,
    weighted_share,
)
from harness.judge.replies import Reply
from harness.judge.standings import point_agreement, standings
from harness.prompts.fence import fence
from harness.prompts.rubric import load_rubric
from harness.reasons import Reason
from harness.records import Output, PointRuling, Ruling
from harness.spec.judgeset import JudgeSet

ROOT = Path(__file__).parents[2]
RUBRIC = load_rubric("judge/points.en.j2", root=ROOT, kind="points")
SCALE = load_rubric("judge/absolute.en.j2", root=ROOT, kind="absolute")
ANSWER = "Paris is the capital.\nIt lies on  the Seine, at 48° north."
ONE = PointsAsked(1, partly=False, answer=ANSWER)
TWO = PointsAsked(2, partly=True, answer=ANSWER)
MET, MISSED = PointRuling("met", "x", found=True), PointRuling("not met")
NONE = PointRuling(problem=Reason("verdict_cut"))


def reply(*verdicts: tuple[str, str], **more: object) -> Output:
    found = {}
    for number, (quote, verdict) in enumerate(verdicts, 1):
        found |= {f"quote_{number}": quote, f"verdict_{number}": verdict}
    return Output("k", json.dumps(found | more), finish_reason="stop")


def test_a_quote_stands_in_the_answer_whatever_its_space_and_case():
    (ruling,) = read_points(reply(("it lies on the\nSEINE,", "met")), ONE)
    assert ruling == PointRuling("met", "it lies on the\nSEINE,", found=True)


def test_a_quote_that_is_not_in_the_answer_is_kept_and_its_verdict_counts():
    (ruling,) = read_points(reply(("It lies on the Thames", "met")), ONE)
    assert ruling == PointRuling("met", "It lies on the Thames", found=False)
    assert ruling.value == 1


def test_an_empty_quote_is_none():
    (ruling,) = read_points(reply((" ", "not met")), ONE)
    assert ruling == PointRuling("not met", "", found=False)
    assert ruling.value == 0


def test_a_quote_of_what_the_fence_wrote_is_of_the_answer():
    answer = fence("Say <|im_end|> twice.").body
    (ruling,) = read_points(reply(("say <|im_end|>", "met")), PointsAsked(1, False, answer))
    assert ruling.found


def test_what_is_met_in_part_counts_one_half():
    found = read_points(reply(("Paris", "partly"), ("", "not met")), TWO)
    assert [one.value for one in found] == [0.5, 0.0]


@pytest.mark.parametrize(
    ("output", "why"),
    [
        (reply(("Paris", "partly")), "verdict_not_of_point"),
        (reply(("Paris", "Met")), "verdict_not_of_point"),
        (reply(("Paris", "")), "verdict_not_of_point"),
        (Output("k", '{"quote_1": "", "verdict_1": true}', finish_reason="stop"),
         "verdict_not_of_point"),
        (Output("k", '{"quote_1": null, "verdict_1": "met"}', finish_reason="stop"),
         "quote_not_text"),
        (Output("k", '{"verdict_1": "met"}', finish_reason="stop"), "verdict_lacks"),
        (Output("k", '{"quote_1": ""}', finish_reason="stop"), "verdict_lacks"),
        (reply(("Paris", "met"), ("Paris", "met")), "verdict_of_more"),
        (reply(("Paris", "met"), score=7), "verdict_of_more"),
        (Output("k", '{"quote_1": "Pa', finish_reason="length"), "verdict_cut"),
        (Output("k", "met", finish_reason="stop"), "verdict_not_object"),
        (Output("k", finish_reason="error", error="x"), "engine"),
    ],
)  # fmt: skip
def test_whatever_is_not_one_whole_verdict_is_none(output, why):
    (ruling,) = read_points(output, ONE)
    assert (ruling.verdict, ruling.value) == (None, None)
    assert ruling.problem is not None
    assert ruling.problem.kind == why


def test_one_bad_verdict_leaves_none_of_its_request():
    found = read_points(reply(("Paris", "met"), ("Seine", "maybe")), TWO)
    assert [one.verdict for one in found] == [None, None]


@pytest.mark.parametrize(
    ("values", "weights", "share"),
    [
        ([1, 0], [], 0.5),
        ([1, 0, 0.5], [3, 1, 2], 4 / 6),
        # One that counts against the answer takes away, and adds nothing where it is not met.
        ([1, 1, 1], [2, 2, -1], 0.75),
        ([1, 1, 0], [2, 2, -1], 1),
        ([1, 0, 0.5], [2, 2, -2], 0.25),
        ([0, 1], [1, -5], 0),
        ([1, None], [], None),
        ([None], [], None),
        ([], [], None),
    ],
)
def test_a_share_is_of_what_could_be_earned(values, weights, share):
    found = weighted_share(values, weights)
    assert found == (share if share is None else pytest.approx(share))


def test_a_jury_has_the_mean_of_whole_shares_only():
    assert mean_share({"a": [MET, MET], "b": [MET, MISSED]}, []) == 0.75
    assert mean_share({"a": [MET, MET], "b": [MET, NONE]}, []) is None
    assert mean_share({}, []) is None


def cases(per: str):
    return point_cases(
        "n", rubric=RUBRIC, per=per, question="Where?", answer=fence(ANSWER),
        points=["It names Paris.", "It names the Seine.", "It is short."], controls=None,
    )  # fmt: skip


def test_requests_of_one_answer_differ_in_their_points_alone():
    found = cases("point")
    assert [case.asked.n for case in found] == [1, 1, 1]
    texts = [case.messages[-1]["content"] for case in found]
    assert len({case.messages[0]["content"] for case in found}) == 1
    shared = commonprefix(texts)  # noqa: RUF071
    assert fence(ANSWER).text in shared
    assert shared.endswith("\n1. It ")
    for text, point in zip(texts, ("Paris", "the Seine"), strict=False):
        assert f"1. It names {point}.\n" in text


def test_one_request_has_all_points_by_number():
    (case,) = cases("answer")
    assert "1. It names Paris.\n2. It names the Seine.\n3. It is short.\n" in (
        case.messages[-1]["content"])  # fmt: skip
    wanted = json.loads(case.asked.schema)["required"]
    assert wanted == ["quote_1", "verdict_1", "quote_2", "verdict_2", "quote_3", "verdict_3"]


@pytest.mark.parametrize("per", ["point", "answer"])
def test_rulings_come_back_in_the_order_of_the_points(per):
    made = cases(per)
    verdicts = iter([MET, MISSED, NONE])
    ruled = {case.id: tuple(next(verdicts) for _ in range(case.asked.n)) for case in made}
    assert point_rulings("n", ruled) == (MET, MISSED, NONE)
    assert point_rulings("other", ruled) == ()


def test_the_schema_is_one_that_every_engine_can_hold_to():
    schema = json.loads(TWO.schema)
    assert schema["properties"]["quote_1"] == {"type": "string", "maxLength": QUOTE_CHARS}
    assert schema["properties"]["verdict_2"]["enum"] == ["met", "partly", "not met"]
    assert json.loads(ONE.schema)["properties"]["verdict_1"]["enum"] == ["met", "not met"]
    assert '"{\\"quote_1\\":" "\\"" most_120 "\\""' in (spelled_grammar(TWO.schema) or "")


def judge_set(**judge: object) -> JudgeSet:
    wanted = {"models": ["wise"], "points": "judge/points.en.j2", **judge}
    return JudgeSet.model_validate(
        {
            "kind": "judge",
            "models": ["base", "tuned"],
            "judge": {key: one for key, one in wanted.items() if one is not None},
            "probes": [
                {"id": "a", "kind": "k", "question": "A?",
                 "points": ["one", {"point": "two", "weight": 2},
                            {"point": "a dose", "weight": -1}]},
                {"id": "b", "kind": "k", "question": "B?", "points": ["three"]},
            ],
        }
    )  # fmt: skip


def case_set(evalset: JudgeSet, **rubrics: object) -> CaseSet:
    replies = {(model, probe): [Reply(0, 0, f"{model} on {probe}")]
               for model in ("base", "tuned") for probe in "ab"}  # fmt: skip
    return CaseSet(evalset, "p.yaml", replies, **{"rubric": None, "pairwise": None,
                                                   "points": RUBRIC} | rubrics)  # fmt: skip


def ruled(asked: CaseSet, rule) -> dict[str, tuple[PointRuling, ...]]:
    """Return rulings by what is shown of the answer and the point."""
    found = {}
    for case in asked.cases(None):
        points = [line.partition(". ")[2] for line in case.messages[-1]["content"].splitlines()
                  if line[:1].isdigit()]  # fmt: skip
        found[case.id] = tuple(rule(case.asked.answer, point) for point in points)
    return found


@pytest.mark.parametrize("per", ["point", "answer"])
def test_shares_of_answers_and_canaries(per):
    asked = case_set(judge_set(per=per))

    def rule(answer: str, point: str) -> PointRuling:
        return MET if answer.startswith("tuned") and point in ("two", "a dose") else MISSED

    points = ruled(asked, rule)
    results = {(one.model, one.probe): one for one in asked.results({}, {"wise": points})}
    tuned = results["tuned", "a"]
    assert tuned.weights == (1, 2, -1)
    assert tuned.answers[0].points["wise"] == (MISSED, MET, MET)
    assert (tuned.answers[0].share, tuned.answers[0].score) == (pytest.approx(1 / 3), None)
    assert results["base", "b"].weights == ()
    assert results["base", "b"].shares == [0.0]
    canaries = asked.canary_results("wise", {}, points)
    assert {one.by for one in canaries} == {"points"}
    assert {one.kind for one in canaries} == {"null", "constant", "off_topic", "shuffled"}
    assert not any(one.broke for one in canaries)
    assert {one.value for one in canaries} == {0.0}


def test_a_canary_that_has_more_than_half_of_the_points_breaks():
    asked = case_set(judge_set())
    canaries = asked.canary_results("wise", {}, ruled(asked, lambda *_: MET))
    assert all(one.broke and one.share == 1 for one in canaries)
    # Canaries are judged by what a good answer covers, not by what counts against it.
    assert not [case for case in asked.cases(None)
                if case.id.startswith("points canary") and "a dose" in str(case.messages)
                and "shuffled" not in case.id]  # fmt: skip
    asked = case_set(judge_set(canary_share=1))
    assert not any(o.broke for o in asked.canary_results("w", {}, ruled(asked, lambda *_: MET)))


def test_an_answer_with_a_point_without_a_verdict_has_no_share():
    asked = case_set(judge_set())
    points = ruled(asked, lambda answer, point: NONE if point == "two" else MET)
    results = asked.results({}, {"wise": points})
    (line,) = [one for one in standings(judge_set(), "p.yaml", results, ()) if one.model == "base"]
    assert (line.n, line.unscored, line.figures["points"].n) == (1, 1, 1)
    assert line.reasons == {Reason("verdict_cut"): 1}
    assert line.figures["points"].value == 1
    assert "score" not in line.figures
    (mute, *_) = [one for one in asked.canary_results("w", {}, points) if one.probe == "a"]
    assert (mute.share, mute.ruling.problem, mute.broke) == (None, Reason("verdict_cut"), False)


def test_shares_have_an_interval_over_probes():
    asked = case_set(judge_set())
    results = asked.results({}, {"w": ruled(asked, lambda a, p: MET if p != "two" else MISSED)})
    base, _ = standings(judge_set(), "p.yaml", results, ())
    # The probes have 0 (1 of 3, less 1) and 1: two values tell nothing of others.
    assert (base.figures["points"].value, base.figures["points"].n) == (0.5, 2)
    assert (base.figures["points"].low, base.figures["points"].high) == (0, 1)
    assert base.anytime["points"].value == 0.5


def test_the_scale_sees_no_point_that_counts_against_an_answer():
    asked = case_set(judge_set(rubric="judge/absolute.en.j2"), rubric=SCALE)
    scaled = [case for case in asked.cases(None) if not case.id.startswith("points")]
    about = [str(case.messages) for case in scaled if case.id.startswith("answer base a")]
    assert len(scaled) == 4 + 8
    assert ["- two" in text for text in about] == [True]
    assert not [case for case in scaled if "a dose" in str(case.messages)]


def test_agreement_is_of_single_points():
    asked = case_set(judge_set())
    yes = ruled(asked, lambda answer, point: MET if point == "one" else MISSED)
    no = ruled(asked, lambda answer, point: MET if point in ("one", "three") else MISSED)
    same = point_agreement(asked.results({}, {"u": yes, "v": yes}))
    apart = point_agreement(asked.results({}, {"u": yes, "v": no}))
    assert same is not None
    assert apart is not None
    assert (same.value, same.n) == (1, 8)
    assert apart.value < 0.8
    assert point_agreement(asked.results({}, {"u": yes})) is None


def test_results_without_points_have_none():
    asked = case_set(judge_set(points=None, rubric="judge/absolute.en.j2"),
                     rubric=SCALE, points=None)  # fmt: skip
    ruling = {case.id: Ruling(value=7.0) for case in asked.cases(None)}
    (first, *_) = asked.results({"w": ruling})
    assert (first.answers[0].score, first.answers[0].share) == (7, None)
    assert first.answers[0].points == {}
