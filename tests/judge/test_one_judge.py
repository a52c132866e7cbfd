"""What is known of one judge after a set: its cost, its silence, its canaries, its passport."""

from __future__ import annotations

from pathlib import Path

import pytest
from judges import INFO

from harness.judge import one_judge
from harness.judge.bench import Bench, Judge
from harness.judge.cases import CaseSet, Reply
from harness.judge.one_judge import ask_judge
from harness.judge.passport import Manner
from harness.prompts.rubric import load_rubric
from harness.reasons import Reason
from harness.records import Ruling
from harness.run.settings import Settings
from harness.spec.judgeset import JudgeSet, PassportSpec
from harness.spec.modelspec import ModelSpec

ROOT = Path(__file__).parents[2]
PROBES = [f"p{i}" for i in range(10)]


class Scripted:
    """A judge's session that rules by the id of a case."""

    digest, engine, dtype, controls, shared = "d" * 64, "fake", "float32", None, "s"

    def __init__(self, rule) -> None:
        self._rule, self.closed = rule, False

    def __call__(self, judge, *, settings, progress, tell):
        self.stores = (settings.store, settings.store.with_name("again.sqlite"))
        return self

    def rule(self, cases):
        return Bench({case.id: self._rule(case.id) for case in cases}, INFO, 100, 20)

    def template(self, case):
        return None

    def manner(self, *, max_answer_chars):
        return Manner(max_answer_chars=max_answer_chars)

    def close(self):
        self.closed = True


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Return a function that has a scripted judge rule on two models' answers to ten probes."""

    def ask(rule, *, pairwise="judge/pairwise.ru.j2", rubric="judge/absolute.ru.j2", **judge):
        session = Scripted(rule)
        monkeypatch.setattr(one_judge, "JudgeSession", session)
        evalset = JudgeSet.model_validate({
            "kind": "judge",
            "models": ["base", "one"],
            "probes": [{"id": name, "kind": "k", "question": f"what of {name}?",
                        "points": [f"{name} is"]} for name in PROBES],
            "judge": {"models": ["wise"], "rubric": rubric} | judge,
        })  # fmt: skip
        replies = {(model, probe): [Reply(0, 0, f"{model} says {probe}", 3)]
                   for model in ("base", "one") for probe in PROBES}  # fmt: skip
        cases = CaseSet(
            evalset, "evalsets/p.yaml", replies,
            load_rubric(rubric, root=ROOT, kind="absolute"),
            load_rubric(pairwise, root=ROOT, kind="pairwise") if pairwise else None,
        )  # fmt: skip
        made = ask_judge(
            Judge("wise", ModelSpec(source="file:model", engine="fake", dtype="float32")),
            cases,
            PassportSpec(),
            settings=Settings(root=tmp_path, store=tmp_path / "s.sqlite", logs=tmp_path),
            progress=lambda *what: None,
            tell=print,
        )
        assert session.closed
        return made

    return ask


def by_kind(canary: float | None, answer: float = 7.0, kind: str = ""):
    """Rule on answers with one score, on canaries (of a kind) with another; A in both orders."""

    def rule(case: str) -> Ruling:
        if case.startswith("pair"):
            return Ruling(choice="A" if case.endswith("0") else "B")
        if case.startswith("canary") and case.endswith(kind):
            return Ruling(value=canary) if canary else Ruling(problem=Reason("verdict_cut"))
        return Ruling(value=answer if case.startswith("answer") else 1.0)

    return rule


def test_a_judge_that_marks_canaries_down_is_not_void(asked):
    made = asked(by_kind(1.0))
    assert made.info.void is None
    assert len(made.canaries) == 40
    assert {pair.points for pair in made.pairs} == {1.0}
    assert (made.info.prompt_tokens, made.info.completion_tokens) == (100, 20)
    assert made.info.asked == len(made.rulings)
    assert not made.info.unscored
    assert made.info.cost is None  # not an endpoint


def test_a_canary_that_scores_high_voids_the_run_and_names_the_worst(asked):
    void = asked(by_kind(9.0, kind="constant")).info.void.text
    assert void.startswith(
        "wise scored 10 of 40 deliberately bad answers above the limit of 4; one of them, a "
        "constant answer"
    )
    assert void.endswith("), got 9.0 of 10")


@pytest.mark.parametrize(("kind", "named"), [
    ("null", ", never to an empty answer"),
    ("", ", never to an empty answer or a constant answer or an answer to another probe or an "
         "answer against another probe's points"),
])  # fmt: skip
def test_a_judge_that_gives_canaries_no_score_has_not_shown_anything(asked, kind, named):
    info = asked(by_kind(None, kind=kind)).info
    count = 10 if kind else 40
    assert info.void.text == (
        f"wise gave no score to {count} of 40 deliberately bad answers{named}: the verdict was cut "
        "at the token limit"
    )
    assert info.unscored == {Reason("verdict_cut"): count}


def test_a_few_canaries_without_a_score_are_tolerated(asked):
    scored = by_kind(1.0)
    mute = {"canary p0 null", "canary p1 constant", "canary p2 shuffled", "canary p3 off_topic"}
    info = asked(
        lambda case: Ruling(problem=Reason("verdict_cut")) if case in mute else scored(case)
    ).info
    assert info.void is None
    assert info.unscored == {Reason("verdict_cut"): 4}
    mute.add("canary p4 null")
    assert asked(
        lambda case: Ruling(problem=Reason("verdict_cut")) if case in mute else scored(case)
    ).info.void


def test_without_a_passport_a_judge_is_not_trusted_and_is_told_how_to_get_one(asked):
    check = asked(by_kind(1.0)).info.check
    assert not check.trusted
    assert "harness judge passport wise" in check.problem.text
    assert "--rubric" not in check.problem.text


def test_the_command_for_a_passport_asks_as_the_set_does(asked):
    made = asked(by_kind(1.0), rubric="judge/absolute.en.j2", pairwise="judge/pairwise.en.j2",
                 max_answer_chars=500)  # fmt: skip
    assert made.info.check.problem.text.endswith(
        "--rubric judge/absolute.en.j2 --pairwise judge/pairwise.en.j2 --gold FILE "
        "--max-answer-chars 500"
    )


def test_the_share_of_scores_that_are_expectations(asked):
    def rule(case: str) -> Ruling:
        # All answers' scores are expectations, no others.
        return (Ruling(choice="tie") if case.startswith("pair")
                else Ruling(value=2.0, expected=case.startswith("answer")))  # fmt: skip

    # 20 answers and 40 canaries are scored.
    assert asked(rule).info.expected == pytest.approx(20 / 60)
    assert asked(lambda case: Ruling(problem=Reason("verdict_cut"))).info.expected == 0
