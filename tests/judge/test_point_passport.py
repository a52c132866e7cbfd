"""Verdicts on points measured on marked answers: the file, the figures, the trust."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from judges import make_passport, one_set

from harness.errors import SpecError
from harness.judge.gold_points import MarkedAnswer, PointGold, load_point_gold
from harness.judge.passport import Manner, PassportError, load_passport, save_passport
from harness.judge.point_figures import PointPassport, measure_points, point_doubt
from harness.judge.trust import check_passport
from harness.reasons import Reason
from harness.records import PointRuling
from harness.report.passport import passport_markdown, passport_verdict
from harness.spec.judgeset import PassportSpec

ROOT = Path(__file__).parents[2]
MET, MISSED = PointRuling("met", "x", found=True), PointRuling("not met")
MUTE = PointRuling(problem=Reason("verdict_cut"))
ROW = {"id": "a", "instruction": "I?", "answer": "A.", "points": [{"point": "p", "met": True}]}
CONDITIONS = {
    "judge": "wise", "model_digest": "a" * 64, "engine": "vllm", "dtype": "bfloat16",
    "manner": Manner("e" * 64), "rubric_digest": None, "pairwise_digest": None,
    "spec": PassportSpec(),
}  # fmt: skip


def gold(n: int) -> PointGold:
    """Return answers of four points, two of which people call met."""
    marks = (("a", "met"), ("b", "not met"), ("c", "met"), ("d", "not met"))
    answers = [MarkedAnswer(f"a{i}", f"Q{i}?", f"Answer {i}", marks) for i in range(n)]
    return PointGold("gold/made", "0" * 64, tuple(answers))


def honest(answer: MarkedAnswer) -> list[PointRuling]:
    return [MET if mark == "met" else MISSED for _, mark in answer.marks]


def measured(rule=honest, n: int = 40, asked: int | None = None):
    made = gold(n)
    return measure_points(made, [(one, rule(one)) for one in made.answers[:asked]])


def passport(*sets, per="point", digest="p" * 64):
    return replace(make_passport(), points=PointPassport("prompts/judge/points.ru.j2", digest, per,
                                                         sets or (measured(),)))  # fmt: skip


def check(tmp_path, made, per="point", **changes):
    path = tmp_path / "passports/wise.json"
    save_passport(path, made)
    return check_passport(path, **{**CONDITIONS, "points": ("p" * 64, per), **changes})


def test_figures_of_an_honest_judge_and_of_one_that_finds_everything():
    figures = measured().figures
    assert {name: one.value for name, one in figures.items()} == {
        "found": 1, "left_out": 1, "agreement": 1, "kappa": 1, "parse_rate": 1, "quoted": 1
    }  # fmt: skip
    assert (figures["found"].n, figures["agreement"].n) == (80, 160)
    generous = measured(lambda one: [MET] * 4)
    assert (generous.figures["found"].value, generous.figures["left_out"].value) == (1, 0)
    assert point_doubt(generous, PassportSpec()) == "left_out"
    assert point_doubt(measured(lambda one: [MISSED] * 4), PassportSpec()) == "found"


def test_points_without_a_verdict_are_counted_and_are_not_wrong():
    one = measured(lambda answer: [MUTE, *honest(answer)[1:]])
    assert (one.points, one.scored, one.unscored) == (
        160, 120, {"the verdict was cut at the token limit": 40})  # fmt: skip
    assert one.figures["found"].value == 1
    assert point_doubt(one, PassportSpec()) == "unscored"


def test_intervals_go_by_answers():
    # All points of an answer are right or wrong together: 40 answers tell as much as 40 points.
    def rule(answer):
        right = int(answer.id[1:]) % 4
        return honest(answer) if right else [MISSED, MET, MISSED, MET]

    figure = measured(rule).figures["agreement"]
    assert (figure.value, figure.n) == (0.75, 160)
    assert figure.high - figure.low > 0.24


@pytest.mark.parametrize(
    ("made", "doubt"),
    [
        (measured(n=29), "small"),
        (measured(n=40, asked=39), "small"),
        (measured(), None),
    ],
)
def test_only_large_and_whole_files_vouch(made, doubt):
    assert point_doubt(made, PassportSpec()) == doubt


def test_a_passport_with_points_is_read_as_it_was_written(tmp_path):
    made = passport()
    save_passport(tmp_path / "p.json", made)
    assert load_passport(tmp_path / "p.json") == made


@pytest.mark.parametrize(
    "change", [{"value": 0.333, "low": 0.3}, {"n": 999}, {"low": 0.99, "high": 0.98}]
)
def test_an_edited_figure_is_damage(tmp_path, change):
    save_passport(tmp_path / "p.json", passport())
    data = json.loads((tmp_path / "p.json").read_text())
    data["passport"]["points"]["sets"][0]["figures"]["found"].update(change)
    (tmp_path / "p.json").write_text(json.dumps(data))
    with pytest.raises(PassportError, match="gold/made: found is not a"):
        load_passport(tmp_path / "p.json")


def test_points_alone_need_no_pairs(tmp_path):
    worst = one_set(n=8)
    made = replace(passport(), sets=(worst,))
    found = check(tmp_path, made)
    assert (found.trusted, found.problem) == (True, None)
    assert found.points is not None
    assert found.points.value == 1
    # Where pairs are compared as well, they have to vouch, too.
    assert not check(tmp_path, made, pairwise_digest="c" * 64).trusted


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (make_passport(), "its verdicts on points were not measured; run: harness judge passport"),
        (passport(digest="q" * 64), "another rubric for points (qqqqqqqqqqqq, now pppppppppppp)"),
        (passport(per="answer"), "one request for each answer, this set has one for each point"),
        (passport(measured(n=8)), "at least 30 of them (the largest has 8)"),
        (passport(measured(lambda one: [MET] * 4)),
         "of 80 points of gold/made that people call not met, the judge calls so 0.000"),
        (passport(measured(lambda one: [MISSED] * 4)),
         "of 80 points of gold/made that people call met, the judge finds 0.000"),
        (passport(measured(), measured(lambda one: [MUTE] * 4)),
         "160 of 160 marked points of gold/made have no verdict, more than 2%"),
    ],
)  # fmt: skip
def test_what_does_not_vouch_is_named(tmp_path, made, problem):
    found = check(tmp_path, made)
    assert not found.trusted
    assert problem in found.problem.text


@pytest.mark.parametrize("lang", ["en", "ru"])
def test_the_page_says_what_verdicts_on_points_are_worth(lang):
    page = passport_markdown(passport(measured(lambda one: [MET] * 4)), lang=lang)
    words = {"en": "does not vouch: of points that people call not met", "ru": "не ручается"}
    assert words[lang] in page
    assert "0.000 [0.00, 0.0" in page
    verdicts = [passport_verdict(one, lang=lang)
                for one in (make_passport(), passport(), passport(measured(lambda o: [MET] * 4)),
                            passport(measured(n=8)))]  # fmt: skip
    assert len(set(verdicts)) == 4
    assert "must not" in verdicts[2] or lang == "ru"


def test_the_marked_answers_that_ship():
    found = load_point_gold(ROOT / "evalsets/gold/ru_points.jsonl")
    marks = [mark for one in found.answers for _, mark in one.marks]
    assert len(found.answers) == 50
    assert 0.4 < marks.count("met") / len(marks) < 0.6
    assert found.name == "gold/ru_points"


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([ROW, ROW], ":2: duplicate id 'a'; rename one"),
        ([ROW, {**ROW, "id": "b"}],
         ":2: 'b' has the instruction and the answer of 'a'; put their points together"),
        ([{**ROW, "answr": "x"}], ":1: answr: unknown key; did you mean 'answer'?"),
        ([{key: one for key, one in ROW.items() if key != "answer"}],
         ":1: missing key 'answer'; add it"),
        ([{**ROW, "points": []}],
         ':1: points: is not a list of points; write [{"point": TEXT, "met": true}]'),
        ([{**ROW, "points": ["p"]}],
         ':1: points: holds what is not {"point": TEXT, "met": true}; write it so'),
        ([{**ROW, "points": [{"point": "p"}]}], ":1: missing key 'met'; add it"),
        ([{**ROW, "points": [{"point": "p", "met": 1}]}],
         ':1: met: 1 is not one of true, false, "partly"'),
        ([{**ROW, "points": [{"point": "p", "met": "yes"}]}],
         ':1: met: "yes" is not one of true, false, "partly"'),
        ([{**ROW, "points": [{"point": "p", "met": True}, {"point": "p", "met": False}]}],
         ":1: points: duplicate point 'p'; remove or rename one"),
        ([{**ROW, "points": [{"point": "p", "mett": True}]}],
         ":1: mett: unknown key; did you mean 'met'?"),
        ([], ": holds no answer; see docs/judge.md for its form"),
    ],
)  # fmt: skip
def test_mistakes_in_marked_answers_are_one_line(tmp_path, rows, line):
    path = tmp_path / "g.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(SpecError) as raised:
        load_point_gold(path)
    assert str(raised.value) == f"{path}{line}"


@pytest.mark.parametrize("spelled", [unicodedata.normalize("NFD", "ёж."), "ёж\u200b.", "ёж.\r\n"])
def test_an_answer_or_a_point_spelled_otherwise_is_the_same(tmp_path, spelled):
    path, row = tmp_path / "g.jsonl", {**ROW, "answer": "ёж."}
    points = [{"point": one, "met": True} for one in ("ёж.", spelled)]
    for rows, problem in (
        ([row, {**row, "id": "b", "answer": spelled}], "'b' has the instruction and the answer of"),
        ([{**row, "points": points}], "duplicate point"),
    ):
        path.write_text("\n".join(map(json.dumps, rows)))
        with pytest.raises(SpecError, match=problem):
            load_point_gold(path)


def test_what_is_met_in_part_is_a_mark(tmp_path):
    path = tmp_path / "g.jsonl"
    points = [{"point": "p", "met": "partly"}, {"point": "q", "met": False}]
    path.write_text(json.dumps({**ROW, "points": points}))
    (one,) = load_point_gold(path).answers
    assert one.marks == (("p", "partly"), ("q", "not met"))
