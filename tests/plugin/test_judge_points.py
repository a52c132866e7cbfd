# ruff: noqa: RUF001
"""Judge sets with verdicts on points: fake answers, and an oracle behind a real server."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from endpoints import chat, serving
from judged_project import FENCED, make_project
from typer.testing import CliRunner

from harness.cli import app

ROOT = Path(__file__).parents[2]
LISTED = re.compile(r"^(\d+)\. (.*)$", re.MULTILINE)
PROBES = [
    {"id": name, "kind": "fact", "question": f"What of {name}?",
     "points": ["says good", {"point": "says honey", "weight": 2},
                {"point": "says poison", "weight": -1}]}
    for name in ("bread", "salt", "water", "milk")
]  # fmt: skip


def oracle(body, *, mute=""):
    """Decide whether an answer says a word; about the word `mute` it writes no verdict."""
    user = body["messages"][-1]["content"]
    if "\nAnswer A:\n" in user:
        return chat(json.dumps({"reason": "equal", "verdict": "tie"}))
    if "\nAnswer to grade:\n" in user:
        return chat(json.dumps({"reason": "middling", "score": 5}))
    (answer,) = [text for _, text in FENCED.findall(user)]
    found = {}
    for number, point in LISTED.findall(user.rpartition("</answer-")[2]):
        word = point.removeprefix("says ")
        met = word in answer
        found[f"quote_{number}"] = word.upper() if met else ""
        found[f"verdict_{number}"] = "met" if met else "not met"
        if word == mute:
            found[f"verdict_{number}"] = "perhaps"
    return chat(json.dumps(found))


def told(evals) -> str:
    """Return the report, without the spaces that put its tables in order."""
    return re.sub(r" +", " ", evals.report)


@pytest.fixture
def endpoint():
    with serving(oracle) as running:
        yield running


@pytest.fixture
def judged(evals, endpoint):
    """A project with the judge set `probes`: `plain` and `fine` answer, `wise` judges by points."""
    make_project(evals, endpoint, plain="good but poison", fine="good honey")
    write_set(evals)
    return evals


def write_set(evals, **judge):
    evals.write(
        "evalsets/probes.yaml",
        {
            "kind": "judge",
            "models": ["plain", "fine"],
            "answers": {"n": 2, "max_tokens": 8},
            "probes": PROBES,
            "judge": {"models": ["wise"], "points": "judge/points.en.j2", **judge},
            "gates": [{"models": "fine", "figure": "points", "at_least": 0.3}],
        },
    )


@pytest.mark.parametrize(
    ("per", "lang", "words"),
    [
        ("point", "en", ("points met 1.00 against 0.00, difference +1.00", "of 12 points 8 gained",
                         "- Gained: bread 2", "- Gained: bread 3", "- point 1: met: “GOOD”")),
        ("answer", "ru", ("доля пунктов 1.00 против 0.00, разница +1.00",
                          "пунктов 12, из них приобретено 8", "- Приобретён: bread 2",
                          "- Приобретён: bread 3", "- пункт 1: выполнен: «GOOD»")),
    ],
)  # fmt: skip
def test_answers_are_judged_point_by_point(judged, endpoint, per, lang, words):
    write_set(judged, per=per)
    result = judged.run("evalsets/probes.yaml", "--eval-report-lang", lang)
    found = judged.saved.judged
    # No reason is shown where nothing is scored.
    assert "the median score" not in judged.report
    assert "медианным" not in judged.report
    by = {one.model: one for one in found.standings}
    # Of a weight of 3: 1 less the 1 that counts against it, and all.
    assert by["plain"].figures["points"].value == 0
    assert by["fine"].figures["points"].value == 1
    assert (by["fine"].n, by["fine"].unscored, by["fine"].probes) == (8, 0, 4)
    assert "score" not in by["fine"].figures
    (info,) = found.judges
    assert len(found.canaries) == 8
    # Canaries are judged by the two points that a good answer covers.
    assert (info.asked, dict(info.unscored)) == (2 * 8 * 3 + 8 * 2, {})
    assert (info.quoted.value, info.quoted.n) == (1, 8 * 2 + 8 * 2)
    # The two answers to a probe are the same, and asked about once.
    assert len(endpoint.asked) == (8 * 3 + 8 * 2 if per == "point" else 8 + 8)
    report = told(judged)
    assert "| 1. says good | – | 2 / 2 | 2 / 2 |" in report
    assert "| 2. says honey | 2 | 0 / 2 | 2 / 2 |" in report
    for word in words:
        assert word in report
    for line in ("bread 2, 0.00 → 1.00: says honey", "bread 3, 1.00 → 0.00: says poison"):
        assert line in report
    # No passport has measured this judge.
    assert not info.check.trusted
    result.stdout.fnmatch_lines(["untrusted: evalsets/probes.yaml: wise gates nothing: *"])
    assert not judged.saved.gates


def test_no_verdict_is_neither_nothing_nor_a_pass(judged, endpoint):
    endpoint.script = lambda body: oracle(body, mute="honey")
    result = judged.run("evalsets/probes.yaml")
    standings = judged.saved.judged.standings
    assert [(one.n, one.unscored) for one in standings] == [(0, 8), (0, 8)]
    assert not any("points" in one.figures for one in standings)
    assert "the verdict on a point is not one of those that the rubric names" in told(judged)
    assert "| 2. says honey | 2 | unscored 2 | unscored 2 |" in told(judged)
    # What was decided of the other points is still shown.
    assert "| 1. says good | – | 2 / 2 | 2 / 2 |" in told(judged)
    result.stdout.fnmatch_lines(["void: *gave no score to *deliberately bad answers*"])


def test_a_judge_that_finds_points_in_bad_answers_is_void(judged, endpoint):
    def generous(body):
        reply = json.loads(oracle(body).body["choices"][0]["message"]["content"])
        return chat(json.dumps({key: "met" if key.startswith("verdict") else "x"
                                for key in reply}))  # fmt: skip

    endpoint.script = generous
    result = judged.run("evalsets/probes.yaml")
    canaries = judged.saved.judged.canaries
    assert all(one.broke and one.by == "points" for one in canaries)
    result.stdout.fnmatch_lines(
        [f"void: *wise found a share of the points above the limit of 0.5 in {len(canaries)} of "
         f"{len(canaries)} deliberately bad answers; one of them, *, got 1.00"]
    )  # fmt: skip
    assert "- point 1: met: “x” (**not in the answer**)" in told(judged)
    assert "0.000 [0.00," in told(judged)


def test_texts_none_leaves_the_quotes_out(judged):
    judged.run("evalsets/probes.yaml", "--eval-report-texts", "none")
    assert "GOOD" not in told(judged)
    assert "- point 1: met\n" in told(judged)
    assert not [ruling.quote for probe in judged.saved.judged.probes for answer in probe.answers
                for own in answer.points.values() for ruling in own if ruling.quote]  # fmt: skip


def certify(evals, *options):
    """Measure the judge's verdicts on points, by the command that users call."""
    marked = [
        {"id": f"m{number}", "instruction": f"What of {number}?", "answer": f"It is {word}.",
         "points": [{"point": "says good", "met": word == "good"},
                    {"point": "says honey", "met": word == "honey"}]}
        for number in range(40) for word in (("good", "honey")[number % 2],)
    ]  # fmt: skip
    files = {
        "--point-gold": marked,
        "--gold": [{"id": "g", "instruction": "I?", "first": "a", "second": "b", "better": "tie"}],
    }
    given = []
    for option, rows in files.items():
        path = evals.root / f"{option.strip('-')}.jsonl"
        path.write_text("\n".join(map(json.dumps, rows)))
        given += [option, str(path)]
    english = ["--rubric", "judge/absolute.en.j2", "--pairwise", "judge/pairwise.en.j2",
               "--no-wordings"]  # fmt: skip
    result = CliRunner().invoke(
        app, ["judge", "passport", "wise", "--root", str(evals.root), *given, *english, *options]
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_a_judge_with_a_passport_for_points_gates_by_them(judged):
    told = certify(judged, "--points", "judge/points.en.j2")
    assert "its verdicts on points meet the default demands" in told
    result = judged.run("evalsets/probes.yaml", "-v")
    result.assert_outcomes(passed=9)
    (gate,) = judged.saved.gates
    assert (gate.verdict, gate.figure) == ("pass", "points")
    assert "points 1.000 [0.398, 1.000]" in gate.line
    (info,) = judged.saved.judged.judges
    assert (info.check.trusted, info.check.points.value) == (True, 1)
    assert "on the side where it is less, 1.000" in judged.report
    # Asked about all points at once, it is another judge.
    write_set(judged, per="answer")
    result = judged.run("evalsets/probes.yaml")
    result.stdout.fnmatch_lines(
        ["untrusted: *was made with one request for each point, this set has one for each answer; "
         "run: harness judge passport wise --points judge/points.en.j2 --gold FILE "
         "--point-gold FILE --per answer"]
    )  # fmt: skip
