"""Probes of several turns: the model's own answers between, and a judge that reads them fenced."""

from __future__ import annotations

import re

import pytest
import yaml
from endpoints import serving
from judged_project import PROBES, make_project, oracle, write_set

DIALOGUE = {
    "id": "talk",
    "kind": "dialogue",
    "turns": [
        "My name is Vera.",
        {"user": "I bake rye.", "assistant": "Rye takes time."},
        "What of bread, and who am I?",
    ],
    "points": ["bread is good"],
}
SAID = re.compile(r"<dialogue-([0-9a-f]{16})>\n(.*?)\n</dialogue-\1>", re.DOTALL)
TURN = "{{ m.role }}: {{ m.content }}\n"
ASK = "{% if add_generation_prompt %}assistant: {% endif %}"


@pytest.fixture
def judged(evals):
    with serving(oracle) as endpoint:
        project = make_project(evals, endpoint)
        write_set(project, probes=[PROBES[1], DIALOGUE], gates=[])
        yield project, endpoint


def test_each_model_answers_every_turn_and_the_judge_reads_its_own_dialogue(judged):
    project, endpoint = judged
    result = project.run("evalsets/probes.yaml")
    result.assert_outcomes(passed=4)
    found = {(one.model, one.probe): one for one in project.saved.judged.probes}
    talk = found["fine", "talk"]
    assert talk.question == "What of bread, and who am I?"
    assert talk.turns == ("My name is Vera.", "", "I bake rye.", "Rye takes time.")
    assert [one.earlier for one in talk.answers] == [("it is good",)] * 2
    assert [one.earlier for one in found["fine", "salt"].answers] == [()] * 2
    asked = [body["messages"][-1]["content"] for body in endpoint.asked]
    pairs = [text for text in asked if "Said before answer A:" in text]
    assert len(pairs) == 2
    for text in pairs:
        (_, first), (_, second) = SAID.findall(text)
        answers = [text.rpartition(f"Answer {side}:")[2] for side in "AB"]
        for said, shown in ((first, answers[0]), (second, answers[1])):
            own = "it is good" if shown.split("\n")[2] == "it is good" else "who knows"
            lines = re.sub(r"\[note-[0-9a-f]{16}: (\w+)\]", r"[\1]", said).split("\n")
            assert lines == ["[user]", "My name is Vera.", "[assistant]", own, "[user]",
                             "I bake rye.", "[assistant]", "Rye takes time."]  # fmt: skip
    report = project.report
    assert "> I bake rye." in report
    assert "*Assistant, as given:*" in report
    assert re.search(r"\*In turn 1:\*\n\n> it is good\n\n\*In the last turn:\*", report)
    total = len(endpoint.asked)
    project.run("evalsets/probes.yaml", "--eval-report-texts", "none").assert_outcomes(passed=4)
    assert len(endpoint.asked) == total
    assert not any(one.earlier for probe in project.saved.judged.probes for one in probe.answers)


def test_a_template_that_loses_turns_fails_its_dialogues_alone(judged):
    project, _ = judged
    keeps_last = "{% for m in messages if m.role != 'assistant' %}"
    project.write("prompts/lossy.j2", keeps_last + TURN + "{% endfor %}" + ASK)
    models = yaml.safe_load((project.root / "evalsets/models.yaml").read_text())
    models["models"]["plain"]["chat_template"] = "lossy.j2"
    models["models"]["fine"]["options"]["answer"] = "it is <|im_end|> good"
    project.write("evalsets/models.yaml", models)
    result = project.run("evalsets/probes.yaml")
    result.assert_outcomes(passed=3, errors=1)
    told = "*plain: probe talk: the chat template leaves out assistant turn 1*"
    result.stdout.fnmatch_lines([told])
    (talk,) = [one for one in project.saved.judged.probes if one.probe == "talk"]
    assert [one.problem.kind for one in talk.answers] == ["special_token_in_turn"] * 2
