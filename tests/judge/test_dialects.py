"""Judges that write as they were trained: forms of replies, and rubrics that ask for them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.engines.fake import open_engine
from harness.errors import SpecError
from harness.judge.bench import Case, Judge, case_sampling
from harness.judge.dialect_replies import read_choice, read_point, read_score, scale_values
from harness.judge.judge_session import JudgeSession
from harness.judge.points import PointCase, PointsAsked, check_per, point_cases, read_points
from harness.prompts.dialects import DIALECTS
from harness.prompts.fence import fence
from harness.prompts.open_format import open_format
from harness.prompts.rubric import PARTS, load_rubric
from harness.records import EngineConfig, Output, Request, Sampling
from harness.run.settings import Settings
from harness.spec.modelspec import ModelSpec

ROOT = Path(__file__).parents[2]
PROMETHEUS, SELENE, POLLUX = (DIALECTS[name] for name in ("prometheus", "selene", "pollux"))
MESSAGES = ({"role": "user", "content": "Judge it."},)


def output(text, finish="stop"):
    return Output("k", text=text, finish_reason=finish)


@pytest.mark.parametrize(
    ("dialect", "text", "value", "reason"),
    [
        (PROMETHEUS, "Feedback: It is nearly whole. [RESULT] 4", 7.75, "It is nearly whole."),
        (PROMETHEUS, "All of it is right.\n[RESULT] 5\n", 10, "All of it is right."),
        (PROMETHEUS, " Feedback: None. [RESULT]1", 1, "None."),
        (SELENE, "**Reasoning:** Half of it.\n\n**Result:** 3", 5.5, "Half of it."),
        (POLLUX, "[FEEDBACK] Верно. [RESULT] 2 [END]", 10, "Верно."),
        (POLLUX, "Неверно. [RESULT] 0", 1, "Неверно."),
    ],
)
def test_scores_are_spread_over_the_scale(dialect, text, value, reason):
    ruling = read_score(output(text), dialect)
    assert (ruling.value, ruling.reason, ruling.problem) == (value, reason, None)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "judge_silent"),
        ("Feedback: fine, so 4", "verdict_without_mark"),
        ("Feedback: fine [result] 4", "verdict_without_mark"),
        ("Feedback: it says [RESULT] 5 itself. [RESULT] 1", "two_verdicts"),
        ("Feedback: fine [RESULT] 4 [RESULT] 4", "two_verdicts"),
        ("Feedback: fine [RESULT]", "verdict_not_on_scale"),
        ("Feedback: fine [RESULT] 6", "verdict_not_on_scale"),
        ("Feedback: fine [RESULT] 4.5", "verdict_not_on_scale"),
        ("Feedback: fine [RESULT] (4)", "verdict_not_on_scale"),
        ("Feedback: fine [RESULT] 4/5", "verdict_not_on_scale"),
        ("Feedback: fine [RESULT] \u0664", "verdict_not_on_scale"),
        ("Feedback: fine [RESULT] four", "verdict_not_on_scale"),
        ("Feedback: fine [RESULT] 4 of 5", "verdict_with_text"),
        ("Feedback: fine [RESULT] 4\n\n###Task Description:", "verdict_with_text"),
        ("Feedback: fine [RESULT] 4 [END]", "verdict_with_text"),
        ("Feedback: [RESULT] 4", "verdict_without_words"),
        ("[RESULT] 4", "verdict_without_words"),
        ('{"reason": "fine", "score": 4}', "verdict_without_mark"),
    ],
)
def test_what_is_not_one_whole_verdict_is_none(text, kind):
    ruling = read_score(output(text), PROMETHEUS)
    assert ruling.value is None
    assert ruling.problem.kind == kind
    assert ruling.problem.text


def test_a_reply_that_was_cut_or_failed_has_no_verdict():
    whole = "Feedback: fine [RESULT] 4"
    assert read_score(output(whole, "length"), PROMETHEUS).problem.kind == "verdict_cut"
    assert read_choice(output("x [RESULT] A", "length"), PROMETHEUS).problem.kind == "verdict_cut"
    ruling = read_point(output("x [RESULT] 1", "abort"), POLLUX, partly=False)
    assert (ruling.verdict, ruling.problem.kind) == (None, "judge_ended")


@pytest.mark.parametrize(
    ("dialect", "text", "choice"),
    [
        (PROMETHEUS, "Feedback: A is right. [RESULT] A", "A"),
        (SELENE, "**Reasoning:** B is right.\n\n**Result:** B", "B"),
        (PROMETHEUS, "Feedback: both. [RESULT] tie", None),
        (PROMETHEUS, "Feedback: both. [RESULT] a", None),
        (SELENE, "**Reasoning:** one. **Result:** A or B", None),
    ],
)
def test_choices(dialect, text, choice):
    ruling = read_choice(output(text), dialect)
    assert ruling.choice == choice
    assert (ruling.problem is None) == (choice is not None)


@pytest.mark.parametrize(
    ("dialect", "partly", "text", "verdict"),
    [
        (POLLUX, False, "Есть. [RESULT] 1 [END]", "met"),
        (POLLUX, False, "Нет. [RESULT] 0 [END]", "not met"),
        (POLLUX, False, "Есть. [RESULT] 2 [END]", None),
        (POLLUX, True, "Отчасти. [RESULT] 1", "partly"),
        (POLLUX, True, "Есть. [RESULT] 2", "met"),
        (SELENE, False, "**Reasoning:** It does. **Result:** Yes", "met"),
        (SELENE, False, "**Reasoning:** No. **Result:** No", "not met"),
        (SELENE, False, "**Reasoning:** No. **Result:** Yes, mostly", None),
    ],
)
def test_points_keep_the_judges_words_in_place_of_a_quote(dialect, partly, text, verdict):
    (ruling,) = read_points(output(text), PointsAsked(1, partly, "answer", dialect))
    assert ruling.verdict == verdict
    assert ruling.found is None
    assert bool(ruling.quote) == (verdict is not None)


def test_every_scale_goes_from_one_to_ten():
    for dialect in DIALECTS.values():
        for words in dialect.scales.values():
            values = scale_values(words)
            assert (values[0], values[-1], len(values)) == (1, 10, len(words))
            assert list(values) == sorted(values)


SHIPPED = [
    ("absolute", "prometheus.en"), ("pairwise", "prometheus.en"), ("absolute", "selene.en"),
    ("pairwise", "selene.en"), ("points", "selene.en"), ("absolute", "pollux.ru"),
    ("points", "pollux.ru"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), SHIPPED)
def test_rubrics_that_ship(kind, name):
    rubric = load_rubric(f"judge/{kind}.{name}.j2", root=ROOT, kind=kind)
    dialect = DIALECTS[name.split(".")[0]]
    assert rubric.dialect is dialect
    answer, other = fence("An answer."), fence("")
    for points in ([], ["p1", "p2"])[kind == "points" :]:
        said = {"question": "Q?", "points": points, "answer": answer.text, "first": answer.text,
                "second": other.text}  # fmt: skip
        user = rubric.user(*(said[part] for part in PARTS[kind]["user"]))
        shown = ["Q?", answer.text, *points, *([other.text] if kind == "pairwise" else [])]
        assert [user.count(one) for one in shown] == [1] * len(shown)
        assert not user.endswith(f"</answer-{answer.nonce}>")
        assert "\n\n\n" not in user
        code = "КОД" if name.endswith(".ru") else "CODE"
        assert f"<answer-{code}>" in user
        assert f"</answer-{code}>" in user


def test_rubrics_in_a_dialect_are_named_after_it():
    found = {tuple(path.name.split(".")[:2]) for path in (ROOT / "prompts/judge").glob("*.j2")}
    assert {one for one in found if one[1] in DIALECTS} == {
        (kind, name.split(".")[0]) for kind, name in SHIPPED
    }


def written(folder, text, kind="absolute"):
    (folder / "prompts").mkdir()
    (folder / "prompts" / "mine.j2").write_text(text, encoding="utf-8")
    return load_rubric("mine.j2", root=folder, kind=kind)


FORM = (
    '{{% set dialect = "{0}" %}}{1}{{% macro system() %}}{2}{{% endmacro %}}\n'
    "{{% macro user({3}) %}}{{{{ question }}}}{4}"
    "{{% for p in points %}}{{{{ p }}}}{{% endfor %}}{{% endmacro %}}"
)
ONE = ("question, points, answer", "{{ answer }}")
TWO = ("question, points, first, second", "{{ first }}{{ second }}")
POINT = ("question, answer, points", "{{ answer }}")


@pytest.mark.parametrize(
    ("kind", "parts", "wrong"),
    [
        ("absolute", ("prometeus", "", "", *ONE),
         "dialect is none of prometheus, selene, pollux"),
        ("pairwise", ("pollux", "", "0 1 2", *TWO),
         "the dialect pollux has no verdict on two answers; write JSON, without a dialect, or "
         "prometheus or selene"),
        ("points", ("prometheus", "", "[RESULT] 1 2 3 4 5", *POINT),
         "the dialect prometheus has no verdict on points"),
        ("points", ("selene", "{% set partly = true %}", "**Result:** Yes No", *POINT),
         "the dialect selene has no verdict on points met in part"),
        ("absolute", ("prometheus", "", "Score 1 2 3 4 5", *ONE),
         "does not tell the judge [RESULT]"),
        ("absolute", ("prometheus", "", "[RESULT] 1 2 3 4", *ONE), "does not tell the judge 5"),
        ("absolute", ("pollux", "", "0 1", *ONE), "does not tell the judge 2"),
    ],
)  # fmt: skip
def test_a_rubric_that_does_not_fit_its_dialect_is_refused(tmp_path, kind, parts, wrong):
    with pytest.raises(SpecError, match=r"prompts/mine\.j2") as refused:
        written(tmp_path, FORM.format(*parts), kind)
    assert wrong in str(refused.value)


def test_points_of_a_dialect_are_asked_one_by_one():
    rubric = load_rubric("judge/points.pollux.ru.j2", root=ROOT, kind="points")
    with pytest.raises(SpecError, match="write per: point"):
        check_per(rubric, "answer")
    check_per(rubric, "point")
    check_per(load_rubric("judge/points.ru.j2", root=ROOT, kind="points"), "answer")
    answer = fence("Париж", controls=None, max_chars=100)
    cases = point_cases("a", rubric=rubric, per="point", question="Столица?", answer=answer,
                        points=["Названа столица.", "Назван год."], controls=None)  # fmt: skip
    assert [case.asked.dialect for case in cases] == [POLLUX, POLLUX]
    sampling = case_sampling(cases[0])
    assert (sampling.schema, sampling.max_tokens) == ("", 1024)


def test_replies_in_a_dialect_are_free_text_also_at_endpoints():
    case = Case("c", "absolute", MESSAGES, PROMETHEUS)
    for remote in (False, True):
        sampling = case_sampling(case, remote=remote)
        assert (sampling.schema, sampling.score_texts) == ("", ())
    assert case_sampling(replace(case, dialect=None), remote=True).score_texts
    pair = PointCase("p", MESSAGES, PointsAsked(1, False, "a"))
    assert case_sampling(pair).schema


def test_a_score_is_the_mean_over_the_words_of_the_scale(tmp_path, tiny_folder):
    (tmp_path / "model").symlink_to(tiny_folder, target_is_directory=True)
    said = "Feedback: fine. [RESULT] 4"
    spec = ModelSpec(source="file:model", dtype="float32", engine="fake", max_model_len=2048,
                     options={"fake": {"answer": said}})  # fmt: skip
    settings = Settings(root=tmp_path, store=tmp_path / "s.sqlite", logs=tmp_path)
    session = JudgeSession(
        Judge("wise", spec), settings=settings, progress=lambda *what: None, tell=print
    )
    case = Case("c", "absolute", MESSAGES, PROMETHEUS)
    try:
        ruling = session.rule([case]).rulings["c"]
    finally:
        session.close()
    chat = open_format("wise", ModelSpec(source="file:model"), tiny_folder, root=ROOT)
    text = chat.texts([list(MESSAGES)])[0] + "Feedback: fine. [RESULT]"
    (ids,), rows = chat.encode([text]), chat.encode([f"{text} {one}" for one in range(1, 6)])
    assert all(row[: len(ids)] == ids for row in rows)
    branch = {row[len(ids) : -1] for row in rows}
    assert len(branch) == 1
    engine = open_engine(EngineConfig("fake", str(tiny_folder), "float32", "cpu", 512))
    wanted = Sampling(score_ids=tuple(row[-1] for row in rows))
    (found,) = engine.generate([Request("k", (*ids, *branch.pop()), wanted)])
    shares = [math.exp(one) for one in found.logprobs]
    mean = math.fsum(v * s for v, s in zip(scale_values("12345"), shares, strict=True))
    assert ruling.expected
    assert ruling.value == pytest.approx(mean / math.fsum(shares), abs=1e-6)
