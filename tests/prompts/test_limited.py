"""Templates with limits, set low so that no test of them takes long."""

from __future__ import annotations

from datetime import date

import pytest

from harness.errors import SpecError
from harness.prompts import limited
from harness.prompts.limited import RefusedByTemplate, UnboundedTemplate, render_chat, try_parts
from harness.prompts.rendering import open_rendering, template_variables
from harness.prompts.templates import load_prompt
from harness.prompts.tokenizers import load_tokenizer

TALK = [[{"role": "user", "content": "Is it?"}, {"role": "assistant", "content": "It "}]]
LOOP = "{% for a in range(20000) %}{% for b in range(20000) %}{% endfor %}{% endfor %}"
PROMPT = """
{% macro system(shots) %}{{ shots }}{% endmacro %}
{% macro user(text, shots) %}{{ shots }}{{ text }}BAD{% endmacro %}
{% macro shot(text, answer) %}{{ text }} {{ answer }}{% endmacro %}
{% macro prefill() %}{% endmacro %}
"""
BAD = {
    "takes more than 0.2 s of processor time": LOOP,
    "takes more than 200 MiB of memory": "{{ ('x' * 300000000)|length }}",
    r"writes 12,\d{3},\d{3} characters, more than": "{{ 'x' * 12000000 }}",
    "calls itself without an end": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
}


@pytest.fixture
def low(monkeypatch):
    monkeypatch.setattr(limited, "SECONDS", 0.2)
    monkeypatch.setattr(limited, "MEMORY", 200 << 20)


@pytest.mark.parametrize("problem", BAD)
def test_a_chat_template_is_bounded(low, problem):
    template = "{{ messages[0].content }}" + BAD[problem]
    with pytest.raises(UnboundedTemplate, match=problem):
        render_chat(template, TALK, {})
    assert render_chat("{{ messages[0].content }}", TALK, {}) == ["Is it?"]


@pytest.mark.parametrize("problem", BAD)
def test_a_prompt_file_is_bounded(low, project, problem):
    project.write("prompts/bad.j2", PROMPT.replace("BAD", BAD[problem]))
    with pytest.raises(SpecError, match=f"^prompts/bad.j2: {problem}"):
        load_prompt("bad.j2", {"good": "good"}, root=project.root)
    project.write("prompts/good.j2", PROMPT.replace("BAD", ""))
    assert load_prompt("good.j2", {"good": "good"}, root=project.root).user("a", "b") == "ba"


def test_a_constant_is_computed_within_the_limits(low, tokenizers, tmp_path):
    template = (
        "{{ x }}{% if false %}{{ 'x' * (3 * 10 ** 13) }}{{ 'x'|center(10 ** 13) }}{% endif %}"
    )
    assert template_variables(template) == {"x"}
    tokenizer = load_tokenizer(tokenizers(tmp_path / "model"))
    rendering = open_rendering(
        tokenizer, template.replace("false", "true"), {}, where="models.yaml: m: template"
    )
    with pytest.raises(UnboundedTemplate, match=r"^models.yaml: m: the chat template takes more"):
        rendering.texts(TALK)


def test_what_ended_the_process_is_not_tried_again(low, monkeypatch):
    again = LOOP + "{# again #}"
    with pytest.raises(UnboundedTemplate) as first:
        render_chat(again, TALK, {})
    monkeypatch.setattr(limited, "_start", lambda: pytest.fail("started"))
    with pytest.raises(UnboundedTemplate) as second:
        render_chat(again, TALK, {})
    assert str(first.value) == str(second.value)


def test_a_template_that_refuses_says_why():
    with pytest.raises(RefusedByTemplate, match="no such role"):
        render_chat("{{ raise_exception('no such role') }}", TALK, {})
    with pytest.raises(RefusedByTemplate, match="zero"):
        render_chat("{{ 1 // 0 }}", TALK, {})
    try_parts("{% macro a() %}{{ b }}{% endmacro %}", [("a", [])], folder=".", variables={})


def test_many_conversations_keep_their_order(monkeypatch):
    monkeypatch.setattr(limited, "_AT_ONCE", 3)
    talks = [[{"role": "user", "content": f"\u0434\ud83d {number}"}] for number in range(10)]
    found = render_chat("{{ messages[0].content }}{{ x }}", talks, {"x": [1]})
    assert found == [f"{talk[0]['content']}[1]" for talk in talks]
    assert render_chat("{{ x }}", [], {}) == []


@pytest.mark.parametrize("go_on", [False, True])
@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}",
        "{% for m in messages %}<{{ m['role'] }}>\n{{ m.content|trim }}\n{% endfor %}{{ bos }}",
        "{% generation %}{# content #}{{ messages|tojson(indent=2) }}{% endgeneration %}"
        "{{ tools }}",
        "{% for m in messages %}{{ m.content }}{% if loop.last %}{% break %}{% endif %}"
        "{% endfor %}{{ strftime_now('%Y-%m-%d') }}",
    ],
)
def test_chat_templates_are_rendered_as_transformers_does(template, go_on):
    from transformers.utils.chat_template_utils import render_jinja_template

    day = date(2024, 7, 26)
    theirs, _ = render_jinja_template(
        TALK,
        chat_template=template,
        continue_final_message=go_on,
        add_generation_prompt=not go_on,
        bos="<s>",
        strftime_now=day.strftime,
    )
    ours = render_chat(template, TALK, {"bos": "<s>"}, day=day, ask=not go_on, go_on=go_on)
    assert ours == theirs
