"""Models and judges that think, from the command line: here, and behind a server of the API."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from endpoints import chat, serving
from reasoned import numbers, told
from typer.testing import CliRunner

from harness.cli import app

ROOT = Path(__file__).parents[2]
SECRET = "between us, no"
# A template whose prompts say nothing of a thought, and one whose prompts begin it.
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}"
    "{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
OPENED = TEMPLATE.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")
FENCED = re.compile(r"<answer-([0-9a-f]{16})>\n(.*?)\n</answer-\1>", re.DOTALL)


def judge(body):
    """Score answers that say `Paris` 9, an empty or foreign one 2, after some thought."""
    shown = FENCED.findall(body["messages"][-1]["content"])
    points = re.findall(r"capital", body["messages"][-1]["content"])
    good = shown and shown[0][1] == "It is Paris." and points
    return chat(json.dumps({"reason": "so it is", "score": 9 if good else 2}), thought=SECRET)


def replies(**made):
    """Return a server's script: the judge, and models that answer as is said by their name."""

    def script(body):
        if "response_format" in body:
            return judge(body)
        return made[body["model"]]

    return script


@pytest.fixture
def endpoint():
    with serving(judge) as running:
        yield running


@pytest.fixture
def asked(evals, endpoint, tokenizers):
    """Return a function that writes a judge set on models of the server and of a fake engine."""
    shutil.copytree(ROOT / "prompts/judge", evals.root / "prompts/judge")
    (evals.root / "evalsets/mini.yaml").unlink()
    (evals.root / "model").unlink()
    special = ("<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>")
    tokenizers(evals.root / "model", template=TEMPLATE, special=special, window=4096)
    (evals.root / "prompts/opened.jinja").write_text(OPENED)

    def write(models=("m",), judges=("wise",), max_tokens=64, **specs):
        remote = {"base_url": endpoint.url, "api_key_env": None, "deadline_s": 5.0}
        local = {"source": "file:model", "engine": "fake", "dtype": "float32"}
        entries = {}
        for name in (*models, *judges):
            spec = dict(specs.get(name, {}))
            more = spec.pop("options", {})
            if spec.pop("local", False):
                entries[name] = {**local, "options": more, **spec}
            else:
                options = {**remote, **more}
                entries[name] = {"source": f"openai:{name}", "options": options, **spec}
        evals.write("evalsets/models.yaml", {"models": entries})
        evals.write(
            "evalsets/probes.yaml",
            {
                "kind": "judge",
                "models": list(models),
                "answers": {"n": 1, "temperature": 0, "max_tokens": max_tokens},
                "probes": [
                    {
                        "id": name,
                        "kind": "fact",
                        "question": f"What is the capital of {name}?",
                        "points": [f"The capital of {name} is named."],
                    }
                    for name in ("France", "Peru")
                ],
                "judge": {"models": list(judges), "rubric": "judge/absolute.en.j2"},
            },
        )
        return evals

    return write


def answers(evals, model):
    return [
        answer for one in evals.saved.judged.probes if one.model == model for answer in one.answers
    ]


def shown_to_judge(endpoint) -> list[str]:
    """Return the answers that the judge at the server was shown."""
    bodies = [body for body in endpoint.asked if "response_format" in body]
    return [text for body in bodies for _, text in
            FENCED.findall(body["messages"][-1]["content"])]  # fmt: skip


def test_reasoning_that_takes_the_whole_budget_is_no_answer(asked, endpoint):
    evals = asked(models=("talker", "thinker", "mute"))
    endpoint.script = replies(
        talker=chat("It is Paris.", usage=(9, 4)),
        thinker=chat(None, finish_reason="length", thought=SECRET * 9, usage=(9, 64)),
        mute=chat("", finish_reason="length", usage=(9, 64), thought_tokens=64),
    )
    evals.run()
    talker, thinker, mute = evals.saved.judged.standings
    assert (talker.n, talker.unscored) == (2, 0)
    reason = "the budget of 64 tokens went into its reasoning; raise answers.max_tokens"
    assert (thinker.n, thinker.unscored, numbers(thinker.reasons)) == (0, 2, {reason: 2})
    assert (mute.n, mute.unscored, numbers(mute.reasons)) == (0, 2, {reason: 2})
    assert "score" not in thinker.figures
    assert {one.thought.end for one in answers(evals, "thinker")} == {"open"}
    assert not any(SECRET in text for text in shown_to_judge(endpoint))
    assert reason in evals.report.replace("\\", "")


@pytest.mark.parametrize(
    "reply",
    [
        chat("It is Paris.", thought=SECRET, thought_tokens=5),
        chat("It is Paris.", thought=SECRET, thought_as="reasoning"),
        chat(f"<think>{SECRET}</think>\n\nIt is Paris."),
        chat(f"{SECRET}\n</think>\n\nIt is Paris."),
    ],
)
def test_a_judge_sees_no_thought_of_a_model_at_a_server(asked, endpoint, reply):
    evals = asked()
    endpoint.script = replies(m=reply)
    evals.run()
    assert {one.text for one in answers(evals, "m")} == {"It is Paris."}
    assert {one.thought.text for one in answers(evals, "m")} == {SECRET}
    assert "It is Paris." in shown_to_judge(endpoint)
    assert not any(SECRET in text for text in shown_to_judge(endpoint))
    assert evals.saved.judged.standings[0].figures["score"].value == 9
    ruling = answers(evals, "m")[0].rulings["wise"]
    assert (ruling.reason, ruling.thought.text) == ("so it is", SECRET)


def test_without_texts_no_thought_is_written(asked, endpoint):
    evals = asked()
    endpoint.script = replies(m=chat("It is Paris.", thought=SECRET, thought_tokens=5))
    evals.run("--eval-report-texts", "none")
    for file in evals.latest.iterdir():
        if file.is_file():
            assert SECRET not in file.read_text(encoding="utf-8")
    (line, _) = (evals.latest / "probes.jsonl").read_text().splitlines()
    assert json.loads(line)["answers"][0]["thought"] == {"text": "", "tokens": 5, "end": "closed"}


def test_a_model_here_thinks_in_a_round_of_its_own(asked, endpoint):
    evals = asked(m={"local": True, "thinking": {"budget": 5}}, max_tokens=6)
    evals.run()
    made = answers(evals, "m")
    assert {(one.thought.tokens, one.thought.end) for one in made} == {(5, "cut")}
    assert {len(one.text.split()) for one in made} == {6}
    assert not any(one.thought.text == one.text for one in made)
    assert not any(one.thought.text in text for text in shown_to_judge(endpoint) for one in made)
    assert evals.saved.judged.standings[0].thinking == "budget 5"
    assert [one.thinking for one in evals.saved.judged.judges] == [""]
    assert "| budget 5 " in evals.report
    engine = next(one for one in evals.saved.info.engines if one.model == "m")
    assert (engine.computed, engine.completion_tokens) == (4, 2 * 5 + 2 * 6)
    evals.run()
    engine = next(one for one in evals.saved.info.engines if one.model == "m")
    assert (engine.computed, engine.stored) == (0, 4)


def test_a_thought_that_has_no_end_is_no_answer(asked, endpoint):
    evals = asked(m={"local": True, "thinking": {"limit": 5}})
    evals.run()
    (standing,) = evals.saved.judged.standings
    reason = (
        "the thought was not closed within 5 tokens; raise thinking: {limit: 5}, or give a budget"
    )
    assert numbers(standing.reasons) == {reason: 2}


@pytest.mark.parametrize(
    ("said", "text", "thought"),
    [
        (f"<think> {SECRET} </think> It is Paris.", "It is Paris.", SECRET),
        ("It is Paris.", "It is Paris.", None),
        (f"<think> {SECRET}", "", SECRET),
    ],
)
def test_a_thought_that_nobody_asked_for_is_cut_off(asked, endpoint, said, text, thought):
    evals = asked(m={"local": True, "options": {"answer": said}})
    evals.run()
    for one in answers(evals, "m"):
        assert one.text == text
        assert (one.thought and one.thought.text) == thought
        why = None if text else "the model ended its turn within its thought"
        assert told(one.problem) == why
    assert not any(SECRET in shown for shown in shown_to_judge(endpoint))


def test_a_judge_here_thinks_and_is_held_to_its_schema(asked, endpoint):
    endpoint.script = replies(m=chat("It is Paris."))
    evals = asked(
        judges=("own",), own={"local": True, "thinking": {"budget": 5}, "max_model_len": 4096}
    )
    evals.run()
    assert evals.saved.judged.standings[0].n == 2
    for one in answers(evals, "m"):
        ruling = one.rulings["own"]
        assert ruling.problem is None
        assert 1 <= ruling.value <= 10
        assert (ruling.thought.tokens, ruling.thought.end) == (5, "cut")
    (info,) = evals.saved.judged.judges
    # Thoughts, verdicts, and the probabilities of their scores: 2 answers and 6 canaries, at most.
    engine = next(one for one in evals.saved.info.engines if one.model == "own")
    assert engine.computed > 2 * info.asked


def test_a_judge_whose_template_begins_a_thought_is_held_to_its_schema_behind_it(asked, endpoint):
    endpoint.script = replies(m=chat("It is Paris."))
    evals = asked(judges=("own",), own={"local": True, "chat_template": "opened.jinja"})
    evals.run()
    assert evals.saved.judged.standings[0].n == 2
    notes = [(note.kind, note.about) for note in evals.saved.info.notes]
    assert ("closed_thought", "own") in notes
    assert "begins a thought in every prompt" in evals.report


@pytest.mark.parametrize(
    ("options", "thinking", "body", "room"),
    [
        ({}, None, None, 64),
        ({}, "off", {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}}, 64),
        (
            {},
            {"limit": 100},
            {"chat_template_kwargs": {"enable_thinking": True, "thinking": True}},
            164,
        ),
        ({"thinking_off": {"reasoning_effort": "none"}}, "off", {"reasoning_effort": "none"}, 64),
        (
            {"chat_template_kwargs": {"date": "x"}},
            "off",
            {"chat_template_kwargs": {"date": "x", "enable_thinking": False, "thinking": False}},
            64,
        ),
    ],
)
def test_a_server_is_told_whether_to_think(asked, endpoint, options, thinking, body, room):
    endpoint.script = replies(m=chat("It is Paris."))
    spec = {"options": options} | ({"thinking": thinking} if thinking else {})
    asked(m=spec).run()
    sent = next(one for one in endpoint.asked if "response_format" not in one)
    keys = ("chat_template_kwargs", "reasoning_effort")
    assert {key: sent[key] for key in keys if key in sent} == (body or {})
    assert sent["max_tokens"] == room


def test_the_setting_is_a_part_of_what_is_stored(asked, endpoint):
    endpoint.script = replies(m=chat("It is Paris."))
    other = {"options": {"thinking_off": {"reasoning_effort": "none"}}}
    for spec in ({}, {"thinking": "off"}, {"thinking": "on"}, {"thinking": "off", **other}):
        evals = asked(m=spec)
        evals.run()
        engine = next(one for one in evals.saved.info.engines if one.model == "m")
        assert (engine.computed, engine.stored) == (2, 0)
        evals.run()
        engine = next(one for one in evals.saved.info.engines if one.model == "m")
        assert (engine.computed, engine.stored) == (0, 2)


def test_a_server_that_thinks_all_the_same_is_told(asked, endpoint):
    evals = asked(m={"thinking": "off"}, wise={"thinking": "off"})
    endpoint.script = replies(m=chat("It is Paris.", thought=SECRET))
    evals.run()
    notes = {note.about: note for note in evals.saved.info.notes if note.kind == "thinks_anyway"}
    assert notes["m"].facts == {"count": 2, "total": 2}
    assert set(notes) == {"m", "wise"}
    assert "`m`: thinking is off, and 2 of 2 answers have a thought all the same" in evals.report


@pytest.mark.parametrize(
    ("thinking", "line"),
    [
        ("on", "its chat template knows no thought, so thinking cannot be on"),
        ({"budget": 9}, "its chat template knows no thought, so thinking cannot be budget 9"),
    ],
)
def test_a_model_that_cannot_think_is_one_line(asked, endpoint, thinking, line):
    evals = asked(m={"local": True, "chat_template": "plain", "thinking": thinking})
    result = evals.run()
    result.stdout.fnmatch_lines([f"*models.yaml: m: {line}*"])
    assert result.ret != 0


@pytest.mark.parametrize(
    ("spec", "manner"),
    [
        ({"local": True}, ""),
        ({"local": True, "thinking": "off"}, "off, behind an empty thought"),
        ({"local": True, "thinking": {"budget": 5}}, "budget 5, behind a thought"),
        ({"local": True, "chat_template": "opened.jinja"}, "not set, behind an empty thought"),
        ({}, ""),
        ({"thinking": "off"}, "off"),
        ({"thinking": "on"}, "on"),
    ],
)
def test_a_passport_is_bound_to_how_its_judge_thinks(asked, endpoint, spec, manner):
    asked(wise=spec)
    gold = [
        {
            "id": f"g{i}",
            "instruction": f"Is it {i}?",
            "first": "yes",
            "second": "no",
            "better": "first",
        }
        for i in range(2)
    ]
    lines = "".join(json.dumps({**one, "kind": "k", "why": "w"}) + "\n" for one in gold)
    Path("gold.jsonl").write_text(lines)
    options = ["--gold", "gold.jsonl", "--rubric", "judge/absolute.en.j2"]
    options += ["--pairwise", "judge/pairwise.en.j2"]
    result = CliRunner().invoke(app, ["judge", "passport", "wise", *options])
    assert result.exit_code == 0, result.output
    saved = json.loads(Path("passports/wise.json").read_text())["passport"]
    assert saved["manner"]["thinking"] == manner


def test_budgets_are_not_for_servers(asked, endpoint):
    evals = asked(m={"thinking": {"budget": 9}})
    result = evals.run()
    result.stdout.fnmatch_lines(["*a thought cannot be cut at an endpoint; write thinking: *"])
