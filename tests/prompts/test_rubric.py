from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from harness.errors import SpecError
from harness.judge.points import PointsAsked, read_points
from harness.judge.verdict import read_absolute, read_pairwise
from harness.prompts.dialects import DIALECTS
from harness.prompts.fence import fence
from harness.prompts.rubric import (
    absolute_messages,
    load_rubric,
    pairwise_messages,
    point_messages,
)
from harness.records import Output

ROOT = Path(__file__).parents[2]
# Those in a dialect are tried in tests/judge/test_dialects.py.
SHIPPED = sorted(path.relative_to(ROOT / "prompts").as_posix()
                 for path in (ROOT / "prompts/judge").rglob("*.j2")
                 if path.name.split(".")[1] not in DIALECTS)  # fmt: skip
SYSTEM = "{% macro system() %}Judge.{% endmacro %}\n"
POINTS = "{% for point in points %}\n- {{ point }}\n{% endfor %}\n"
USER = (
    "{% macro user(question, points, answer) %}\n{{ question }}\n"
    + POINTS
    + "{{ answer }}\n{% endmacro %}\n"
)
PAIR = (
    "{% macro user(question, points, first, second) %}\n{{ question }}\n"
    + POINTS
    + "{{ first }}\n{{ second }}\n{% endmacro %}\n"
)


def kind_of(template: str) -> str:
    return Path(template).name.split(".")[0]


def load(project, text: str, *, kind: str = "absolute"):
    project.write("prompts/judge/r.j2", text)
    return load_rubric("judge/r.j2", root=project.root, kind=kind)


def test_absolute_messages(project):
    rubric = load(project, SYSTEM + USER)
    answer = fence("An answer.")
    found = absolute_messages(rubric, question="Q?", points=["one", "two"], answer=answer)
    assert found == [
        {"role": "system", "content": "Judge."},
        {"role": "user", "content": f"Q?\n- one\n- two\n{answer.text}"},
    ]


def test_pairwise_messages(project):
    rubric = load(project, SYSTEM + PAIR, kind="pairwise")
    first, second = fence("One."), fence("Two.")
    _, found = pairwise_messages(rubric, question="Q?", points=[], first=first, second=second)
    assert found["content"] == f"Q?\n{first.text}\n{second.text}"
    _, turned = pairwise_messages(rubric, question="Q?", points=[], first=second, second=first)
    assert turned["content"] == f"Q?\n{second.text}\n{first.text}"


def test_an_empty_system_part_is_no_message(project):
    rubric = load(project, "{% macro system() %}{% endmacro %}\n" + USER)
    found = absolute_messages(rubric, question="Q?", points=[], answer=fence("x"))
    assert [turn["role"] for turn in found] == ["user"]


def test_a_rubric_names_its_file_and_digest(project):
    rubric = load(project, SYSTEM + USER)
    assert (rubric.path, rubric.kind) == ("prompts/judge/r.j2", "absolute")
    assert rubric.digest == hashlib.sha256((SYSTEM + USER).encode()).hexdigest()
    assert load(project, SYSTEM + USER + "\n").digest != rubric.digest


def test_questions_and_points_cannot_end_a_turn(project):
    rubric = load(project, SYSTEM + USER)
    _, found = absolute_messages(
        rubric, question="Q<|im_end|>", points=["</s>", "</answer-1>"], answer=fence("x")
    )
    assert r"Q<\|im_end|>" in found["content"]
    assert r"<\/s>" in found["content"]
    assert r"<\/answer-1>" in found["content"]


def test_questions_and_points_spell_no_token_of_the_judge_alone(project):
    controls = re.compile(r"<repo_name>|\[e~x\[")
    ask = {"question": "Q<repo_name>", "points": ["[e~x["], "controls": controls}
    _, scored = absolute_messages(load(project, SYSTEM + USER), **ask, answer=fence("x"))
    rubric = load(project, SYSTEM + PAIR, kind="pairwise")
    _, compared = pairwise_messages(rubric, **ask, first=fence("a"), second=fence("b"))
    for found in (scored, compared):
        assert not controls.search(found["content"])
        assert r"Q<\repo_name>" in found["content"]
        assert r"[\e~x[" in found["content"]


def test_an_answer_is_text_and_no_template(project):
    rubric = load(project, SYSTEM + USER)
    _, found = absolute_messages(
        rubric, question="{{ 6 * 7 }}", points=["{% raw %}"], answer=fence("{{ question }}{# x #}")
    )
    assert "{{ 6 * 7 }}" in found["content"]
    assert "{{ question }}{# x #}" in found["content"]


def test_a_rubric_of_the_other_kind_is_refused(project):
    rubric = load(project, SYSTEM + USER)
    with pytest.raises(ValueError, match="of the kind absolute, not pairwise"):
        pairwise_messages(rubric, question="Q", points=[], first=fence("a"), second=fence("b"))


PROBLEMS = {
    "no macro": (
        USER,
        "prompts/judge/r.j2: no part 'system'; add a macro system()",
    ),
    "no user": (SYSTEM, "no part 'user'; add a macro user(question, points, answer)"),
    "other arguments": (
        SYSTEM + USER.replace("points, answer", "answer, points"),
        "prompts/judge/r.j2:2: part 'user' must be written user(question, points, answer)",
    ),
    "pairwise": (SYSTEM + PAIR, "part 'user' must be written user(question, points, answer)"),
    "unknown variable": (
        SYSTEM + USER.replace("{{ question }}", "{{ question }}{{ criteria }}"),
        "prompts/judge/r.j2:3: unknown variable 'criteria'; a prompt knows its arguments (of ",
    ),
    "syntax": (SYSTEM + USER + "{% if %}", "fix the Jinja2 syntax"),
    "unsafe": (
        SYSTEM + USER.replace("{{ question }}", "{{ question.__class__.mro() }}"),
        "part 'user' cannot be rendered",
    ),
    "no question": (
        SYSTEM + USER.replace("{{ question }}", ""),
        "prompts/judge/r.j2:2: part 'user' does not show question; write {{ question }} in it",
    ),
    "no points": (
        SYSTEM + USER.replace(POINTS, ""),
        "r.j2:2: part 'user' does not show all points; write {% for point in points %}",
    ),
    "first point alone": (
        SYSTEM + USER.replace(POINTS, "{{ points | first }}"),
        "does not show all points",
    ),
    "fails without points": (
        SYSTEM + USER.replace(POINTS, POINTS + "{{ points[0] }}"),
        "part 'user' cannot be rendered",
    ),
    "no answer": (
        SYSTEM + USER.replace("{{ answer }}", ""),
        "r.j2:2: part 'user' must show answer exactly once; write {{ answer }}",
    ),
    "answer twice": (
        SYSTEM + USER.replace("{{ answer }}", "{{ answer }} {{ answer }}"),
        "must show answer exactly once",
    ),
    "another file": (
        SYSTEM + USER + '{% import "plain.j2" as other %}',
        "r.j2:9: draws on another template; a rubric is one file",
    ),
}


@pytest.mark.parametrize(("text", "problem"), PROBLEMS.values(), ids=PROBLEMS)
def test_a_mistake_is_one_line(project, text, problem):
    with pytest.raises(SpecError) as raised:
        load(project, text)
    assert problem in str(raised.value)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith("prompts/judge/r.j2")


def test_a_question_may_be_shown_twice(project):
    twice = USER.replace("{{ answer }}", "{{ answer }}\n{{ question }}")
    assert load(project, SYSTEM + twice).kind == "absolute"


CUTS = {
    "question": ("{{ question }}", "{{ question | truncate(2000) }}"),
    "points": ("{{ point }}", "{{ point[:500] }}"),
    "answer": ("{{ answer }}", "{{ answer | truncate(2000) }}"),
    "first": ("{{ first }}", "{{ first[:2000] }}"),
    "second": ("{{ second }}", "{% if second | length < 999 %}{{ second }}{% endif %}"),
}


@pytest.mark.parametrize("name", CUTS)
def test_what_is_cut_is_refused(project, name):
    old, new = CUTS[name]
    kind, user = ("pairwise", PAIR) if name in ("first", "second") else ("absolute", USER)
    assert old in user
    with pytest.raises(SpecError) as raised:
        load(project, SYSTEM + user.replace(old, new), kind=kind)
    said = str(raised.value)
    assert said.startswith("prompts/judge/r.j2:")
    assert said.endswith(f"part 'user' cuts long {name}, or shows it otherwise than a short one; "
                         "write it without truncate, slices or conditions")  # fmt: skip


def test_answers_in_the_wrong_order_are_refused(project):
    turned = PAIR.replace("{{ first }}\n{{ second }}", "{{ second }}\n{{ first }}")
    with pytest.raises(SpecError, match=r"r\.j2:2: part .* must show first before second"):
        load(project, SYSTEM + turned, kind="pairwise")


def test_a_missing_file_is_told_with_its_neighbour(project):
    project.write("prompts/judge/absolute.ru.j2", SYSTEM + USER)
    with pytest.raises(SpecError) as raised:
        load_rubric("judge/absolut.ru.j2", root=project.root, kind="absolute")
    assert str(raised.value) == (
        "no rubric prompts/judge/absolut.ru.j2; did you mean 'judge/absolute.ru.j2'?"
    )


@pytest.mark.parametrize("template", ["../data.csv", "judge", "zzz.j2"])
def test_only_files_under_prompts_are_rubrics(project, template):
    with pytest.raises(SpecError, match="no rubric prompts/"):
        load_rubric(template, root=project.root, kind="absolute")


def test_a_file_that_is_no_text_is_one_line(project):
    (project.root / "prompts/x.j2").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="is not UTF-8 text"):
        load_rubric("x.j2", root=project.root, kind="absolute")


def test_six_rubrics_ship_and_two_other_wordings_of_those_for_pairs():
    own = [template for template in SHIPPED if ".wording-" not in template]
    assert {kind_of(template) for template in own} == {"absolute", "pairwise", "points"}
    assert sum(".ru." in template for template in own) == 3
    assert len(own) == 6
    other = [f"judge/pairwise.{lang}.wording-{n}.j2" for lang in ("en", "ru") for n in (1, 2)]
    assert sorted({*SHIPPED} - {*own}) == other


def ask(template: str, points: list[str]):
    rubric = load_rubric(template, root=ROOT, kind=kind_of(template))
    if rubric.kind == "absolute":
        return absolute_messages(rubric, question="Q?", points=points, answer=fence("x"))
    if rubric.kind == "points":
        return point_messages(rubric, question="Q?", points=points, answer=fence("x"))
    return pairwise_messages(
        rubric, question="Q?", points=points, first=fence("x"), second=fence("y")
    )


@pytest.mark.parametrize("template", SHIPPED)
def test_a_shipped_rubric_asks_for_what_is_read(template):
    system, user = ask(template, ["p1", "p2"])
    example = system["content"].splitlines()[-1]
    if kind_of(template) == "absolute":
        verdict = read_absolute(Output("k", example.replace("N", "7")))
        assert (verdict.value, verdict.reason) == (7.0, "...")
    elif kind_of(template) == "points":
        met, missed = read_points(Output("k", example), PointsAsked(2, False, "x"))
        assert (met.verdict, met.quote, missed.verdict) == ("met", "...", "not met")
    else:
        verdict = read_pairwise(Output("k", example.replace('"..."}', '"tie"}')))
        assert (verdict.choice, verdict.reason) == ("tie", "...")
    listed = "1. p1\n2. p2" if kind_of(template) == "points" else "- p1\n- p2"
    for shown in ("Q?", listed, fence("x").text):
        assert user["content"].count(shown) == 1
    # The last word is the examination's, not the answer's.
    assert not user["content"].endswith(f"</answer-{fence('y').nonce}>")
    assert user["content"].rindex("JSON") > user["content"].rindex("</answer-")


@pytest.mark.parametrize("template", SHIPPED)
def test_a_shipped_rubric_speaks_of_the_marks_that_a_fence_makes(template):
    system, _ = ask(template, [])
    code = "КОД" if ".ru." in template else "CODE"
    marks = re.sub(r"[0-9a-f]{16}", code, fence("").text).splitlines()
    assert marks[0] in system["content"]
    assert marks[-1] in system["content"]
    assert marks[1].split(":")[0] in system["content"]


@pytest.mark.parametrize("template", [one for one in SHIPPED if kind_of(one) != "points"])
def test_a_shipped_rubric_says_nothing_of_points_that_are_not_there(template):
    heading = "Опорные пункты" if ".ru." in template else "Reference points"
    (_, without), (_, with_points) = ask(template, []), ask(template, ["p"])
    assert heading not in without["content"]
    assert heading in with_points["content"]
    assert "\n\n\n" not in without["content"] + with_points["content"]


def test_both_languages_say_the_same_number_of_things():
    for kind in ("absolute", "pairwise", "points"):
        texts = [ask(f"judge/{kind}.{lang}.j2", [])[0]["content"] for lang in ("en", "ru")]
        assert texts[0].count("\n") == texts[1].count("\n")
        items = [re.findall(r"^(?:\d+\.|\d+ -|-)", text, re.MULTILINE) for text in texts]
        assert items[0] == items[1]
        assert len(items[0]) >= 7


CHECKED = (
    '{% macro system() %}Say "met" or "not met".{% endmacro %}\n'
    "{% macro user(question, answer, points) %}\n{{ question }}\n{{ answer }}\n"
    + POINTS
    + "{% endmacro %}\n"
)
PARTLY = "{% set partly = true %}\n" + CHECKED.replace('"met" or', '"met", "partly" or')


def test_a_rubric_for_points_says_whether_one_may_be_met_in_part(project):
    assert not load(project, CHECKED, kind="points").partly
    assert load(project, PARTLY, kind="points").partly
    assert not load(project, CHECKED.replace("{% macro", "{% set partly = false %}{% macro", 1),
                    kind="points").partly  # fmt: skip


def test_point_messages(project):
    rubric = load(project, CHECKED, kind="points")
    answer = fence("An answer.")
    _, found = point_messages(rubric, question="Q?", points=["one"], answer=answer)
    assert found["content"] == f"Q?\n{answer.text}\n- one"
    with pytest.raises(ValueError, match="of the kind points, not absolute"):
        absolute_messages(rubric, question="Q", points=[], answer=answer)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            CHECKED.replace("answer, points", "points, answer"),
            "r.j2:2: part 'user' must be written user(question, answer, points)",
        ),
        (
            CHECKED.replace("{{ answer }}\n", "").replace(
                "{% endfor %}\n", "{% endfor %}\n{{ answer }}\n"
            ),
            "r.j2:2: part 'user' must show answer before points, so that requests about one "
            "answer begin alike; swap them",
        ),
        (
            CHECKED.replace('"not met"', '"missed"'),
            'r.j2: does not tell the judge its verdict "not met"; write it with its quotes',
        ),
        (
            PARTLY.replace("true", "1"),
            "r.j2:1: partly is neither true nor false; write {% set partly = true %}",
        ),
        (
            PARTLY.replace("{% set partly = true %}", ""),
            'r.j2: tells the judge of the verdict "partly", which is not taken; write '
            "{% set partly = true %} above the macros",
        ),
        (
            "{% set partly = true %}" + CHECKED,
            'r.j2: does not tell the judge its verdict "partly"; write it with its quotes',
        ),
        (CHECKED.replace("for point in points", "for point in points[:1]"), "not show all points"),
        (CHECKED.replace("{{ answer }}", "{{ answer | truncate(99) }}"), "cuts long answer"),
        (CHECKED.replace("{{ answer }}", "{{ answer }}{{ answer }}"), "show answer exactly once"),
    ],
)
def test_mistakes_in_a_rubric_for_points_are_one_line(project, text, line):
    with pytest.raises(SpecError) as raised:
        load(project, text, kind="points")
    assert line in str(raised.value)
    assert "\n" not in str(raised.value)
