from __future__ import annotations

import re

import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.errors import SpecError
from harness.prompts.templates import load_prompt
from harness.records import Sample

WORDS = {"positive": "good", "negative": "bad"}
SHOTS = [Sample("s1", "a fine film", "positive"), Sample("s2", "a dull film", "negative")]
SAMPLES = [Sample("a", "the first", "positive"), Sample("b", "the second", "negative")]
PARTS = {
    "system": "{% macro system(shots) %}{{ shots }}{% endmacro %}",
    "user": "{% macro user(text, shots) %}{{ shots }} {{ text }}{% endmacro %}",
    "shot": "{% macro shot(text, answer) %}{{ text }} {{ answer }}{% endmacro %}",
    "prefill": "{% macro prefill() %}{% endmacro %}",
}


def load(project, *, words=WORDS, extra="", **parts):
    text = "\n".join((PARTS | parts).values()) + extra
    project.write("prompts/a.j2", text)
    return load_prompt("a.j2", words, root=project.root)


def problem(project, **parts) -> str:
    with pytest.raises(SpecError) as raised:
        load(project, **parts)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_zero_shot(project):
    prompt = load_prompt("plain.j2", WORDS, root=project.root)
    assert prompt.conversations(SAMPLES, [], None) == [
        [{"role": "user", "content": "Is it good or bad?\n\nthe first"}],
        [{"role": "user", "content": "Is it good or bad?\n\nthe second"}],
    ]


def test_shots_in_the_system_prompt(project):
    prompt = load_prompt("plain.j2", WORDS, root=project.root)
    first, second = prompt.conversations(SAMPLES, [SHOTS] * len(SAMPLES), "system")
    block = "Examples:\n\na fine film\nVerdict: good\n\na dull film\nVerdict: bad"
    assert first[0] == second[0] == {"role": "system", "content": block}
    assert first[1:] == [{"role": "user", "content": "Is it good or bad?\n\nthe first"}]


def test_shots_in_the_user_turn(project):
    prompt = load_prompt("plain.j2", WORDS, root=project.root)
    (first,) = prompt.conversations(SAMPLES[:1], [SHOTS], "user")
    assert [turn["role"] for turn in first] == ["user"]
    assert first[0]["content"] == (
        "Examples:\n\na fine film\nVerdict: good\n\na dull film\nVerdict: bad\n\n"
        "Is it good or bad?\n\nthe first"
    )


def test_shots_as_chat_turns_with_a_prefill(project):
    prompt = load_prompt("prefill.j2", WORDS, root=project.root)
    (first,) = prompt.conversations(SAMPLES[:1], [SHOTS], "chat")
    assert first == [
        {"role": "user", "content": "Is it good or bad?\n\na fine film"},
        {"role": "assistant", "content": "The verdict is good"},
        {"role": "user", "content": "Is it good or bad?\n\na dull film"},
        {"role": "assistant", "content": "The verdict is bad"},
        {"role": "user", "content": "Is it good or bad?\n\nthe first"},
        {"role": "assistant", "content": "The verdict is"},
    ]


@pytest.mark.parametrize("placement", ["system", "user", "chat"])
def test_every_placement_shows_the_same_shots_once_in_order(project, placement):
    prompt = load_prompt("plain.j2", WORDS, root=project.root)
    for conversation in prompt.conversations(SAMPLES, [SHOTS] * len(SAMPLES), placement):
        text = "\n".join(turn["content"] for turn in conversation)
        assert text.count("a fine film") == text.count("a dull film") == 1
        assert text.index("a fine film") < text.index("good", text.index("a fine film"))
        assert text.index("a fine film") < text.index("a dull film")


@pytest.mark.parametrize(("prefill", "answer"), [("", "good"), ("It is", "It is good")])
def test_answer(project, prefill, answer):
    prompt = load(project, prefill=f"{{% macro prefill() %}}{prefill}{{% endmacro %}}")
    assert prompt.answer("positive") == answer
    assert prompt.prefill + prompt.separator + "good" == answer


@pytest.mark.parametrize(
    "text", ["{{ 7*7 }}", "{% raw %}x", "{# note #}", "{{ ''.__class__ }}", "{% for", "}}{{", "%}"]
)
@pytest.mark.parametrize("placement", ["system", "user", "chat"])
def test_data_is_never_rendered(project, text, placement):
    prompt = load_prompt("plain.j2", WORDS, root=project.root)
    shots = [Sample("s", text, "positive")]
    (turns,) = prompt.conversations([Sample("a", text + " end", "positive")], [shots], placement)
    shown = "\n".join(turn["content"] for turn in turns)
    assert shown.count(text) == 2
    assert "49" not in shown


def test_data_is_not_escaped(project):
    prompt = load_prompt("plain.j2", WORDS, root=project.root)
    (turns,) = prompt.conversations([Sample("a", '<b>"it\'s" & ё</b>', "positive")], [], None)
    assert '<b>"it\'s" & ё</b>' in turns[0]["content"]


ATTACKS = {
    "class": "{{ ''.__class__ }}",
    "subclasses": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "globals": "{{ system.__globals__ }}",
    "by filter": "{{ '' | attr('__class__') }}",
    "by item": "{{ ''['__class__'] }}",
    "format": "{{ '{0.__class__}'.format('') }}",
    "mutation": "{{ words.update({'a': 'b'}) }}",
    "pop": "{{ words.pop('positive') }}",
    "set item": "{% set words.positive = 'x' %}",
    "file": "{% include '../../evalsets/set.yaml' %}",
    "import": "{% import 'os' as os %}",
    "huge range": "{% for i in range(1000000000) %}x{% endfor %}",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_attacks_are_refused(project, attack):
    user = f"{{% macro user(text, shots) %}}{{{{ shots }}}}{{{{ text }}}}{attack}{{% endmacro %}}"
    words = dict(WORDS)
    found = problem(project, user=user, words=words)
    assert found.startswith("prompts/a.j2")
    assert words == WORDS


def test_attacks_beside_the_parts_are_refused(project):
    assert problem(project, extra="{{ ''.__class__.__mro__ }}").startswith("prompts/a.j2:")


def test_a_branch_that_was_not_tried_still_ends_in_one_line(project):
    for attack in ("{{ ''.__class__ }}", "{{ words.neutral }}", "{{ 1 / 0 }}", "{{ text + 1 }}"):
        branch = f"{{% if text == 'the first' %}}{attack}{{% endif %}}"
        user = (
            f"{{% macro user(text, shots) %}}{{{{ shots }}}}{{{{ text }}}}{branch}{{% endmacro %}}"
        )
        prompt = load(project, user=user)
        with pytest.raises(SpecError, match=r"^prompts/a\.j2:2: part 'user' cannot be rendered: "):
            prompt.conversations(SAMPLES, [], None)


MISTAKES = {
    "syntax": (
        {"user": "{% macro user(text, shots) %}\n{{ text }\n{% endmacro %}"},
        "prompts/a.j2:3: unexpected '}'; fix the Jinja2 syntax",
    ),
    "unclosed": (
        {"prefill": "{% macro prefill() %}"},
        "prompts/a.j2:4: Unexpected end of template",
    ),
    "unknown filter": (
        {"prefill": "{% macro prefill() %}{{ 'a' | uper }}{% endmacro %}"},
        "prompts/a.j2:4: No filter named 'uper'",
    ),
    "no system": ({"system": ""}, "prompts/a.j2: no part 'system'; add a macro system(shots)"),
    "no macros": (
        {"system": "Sort this: {{ text }}", "user": "", "shot": "", "prefill": ""},
        "prompts/a.j2: no part 'system', 'user', 'shot', 'prefill'; add a macro system(shots), "
        "user(text, shots), shot(text, answer), prefill(); files to copy are written by: harness "
        "init FOLDER",
    ),
    "no prefill": ({"prefill": ""}, "prompts/a.j2: no part 'prefill'; add a macro prefill()"),
    "wrong arguments": (
        {"shot": "{% macro shot(answer, text) %}{{ text }}{{ answer }}{% endmacro %}"},
        "prompts/a.j2:3: part 'shot' must be written shot(text, answer)",
    ),
    "too few arguments": (
        {"user": "{% macro user(text) %}{{ text }}{% endmacro %}"},
        "prompts/a.j2:2: part 'user' must be written user(text, shots)",
    ),
    "unknown variable": (
        {"user": "{% macro user(text, shots) %}{{ shots }}{{ text }}{{ txt }}{% endmacro %}"},
        "prompts/a.j2:2: unknown variable 'txt'; a prompt knows its arguments (of shots, text, "
        "answer) and 'words'",
    ),
    "random": (
        {"prefill": "{% macro prefill() %}{{ ['a', 'b'] | random }}{% endmacro %}"},
        "prompts/a.j2:4: 'random' draws at random, so that prompts differ from run to run; write "
        "what is wanted",
    ),
    "lipsum": (
        {"prefill": "{% macro prefill() %}{{ lipsum(1) }}{% endmacro %}"},
        "prompts/a.j2:4: 'lipsum' draws at random, so that prompts differ from run to run; write "
        "what is wanted",
    ),
    "unknown label": (
        {"prefill": "{% macro prefill() %}{{ words.neutral }}{% endmacro %}"},
        "prompts/a.j2:4: part 'prefill' cannot be rendered: 'dict object' has no attribute "
        "'neutral'",
    ),
    "division": (
        {"prefill": "{% macro prefill() %}{{ 1 / 0 }}{% endmacro %}"},
        "prompts/a.j2:4: part 'prefill' cannot be rendered: division by zero",
    ),
    "system without shots": (
        {"system": "{% macro system(shots) %}You judge.{% endmacro %}"},
        "prompts/a.j2: part 'system' does not show shots; write {{ shots }} in it",
    ),
    "user without shots": (
        {"user": "{% macro user(text, shots) %}{{ text }}{% endmacro %}"},
        "prompts/a.j2: part 'user' does not show shots; write {{ shots }} in it",
    ),
    "user without text": (
        {"user": "{% macro user(text, shots) %}{{ shots }}{% endmacro %}"},
        "prompts/a.j2: part 'user' must show text exactly once; write {{ text }}",
    ),
    "user with text twice": (
        {"user": "{% macro user(text, shots) %}{{ shots }}{{ text }}{{ text }}{% endmacro %}"},
        "prompts/a.j2: part 'user' must show text exactly once; write {{ text }}",
    ),
    "shot without text": (
        {"shot": "{% macro shot(text, answer) %}{{ answer }}{% endmacro %}"},
        "prompts/a.j2: part 'shot' does not show text; write {{ text }} in it",
    ),
    "shot without answer": (
        {"shot": "{% macro shot(text, answer) %}{{ text }}{% endmacro %}"},
        "prompts/a.j2: part 'shot' does not show answer; write {{ answer }} in it",
    ),
}


CUTS = {
    "truncate": "{{ text | truncate(40) }}",
    "truncate late": "{{ text | truncate(50000) }}",
    "truncate in words": "{{ text | truncate(500, true, '') }}",
    "slice": "{{ text[:1000] }}",
    "end": "{{ text[-1000:] }}",
    "first line": "{{ text.splitlines()[0] }}",
    "first paragraph": "{{ text.split('\\n\\n')[0] }}",
    "first sentence": "{{ text.split('.')[0] }}",
    "some words": "{{ text.split()[:100] | join(' ') }}",
    "condition": "{% if text | length < 999 %}{{ text }}{% else %}{{ text[:99] }}{% endif %}",
    "cut beside shots": "{% if shots %}{{ text[:1000] }}{% else %}{{ text }}{% endif %}",
    "twice if long": "{{ text }}{% if text | length > 999 %}{{ text }}{% endif %}",
}


@pytest.mark.parametrize("shown", CUTS.values(), ids=CUTS)
def test_a_text_that_is_cut_is_a_mistake(project, shown):
    user = f"{{% macro user(text, shots) %}}{{{{ shots }}}} {shown}{{% endmacro %}}"
    assert problem(project, user=user) == (
        "prompts/a.j2: part 'user' cuts a long text, or shows it otherwise than a short one; "
        "write {{ text }} without truncate, slices or conditions"
    )


def test_shots_that_are_cut_are_a_mistake(project):
    system = "{% macro system(shots) %}{{ shots | truncate(2000) }}{% endmacro %}"
    user = "{% macro user(text, shots) %}{{ shots[:2000] }} {{ text }}{% endmacro %}"
    for name, parts in (("system", {"system": system}), ("user", {"user": user})):
        assert problem(project, **parts) == (
            f"prompts/a.j2: part '{name}' cuts long shots; write {{{{ shots }}}} without truncate, "
            "slices or conditions"
        )


@pytest.mark.parametrize(
    "shown",
    [
        "text | trim", "text | lower", "text | capitalize", "text | indent(4)", "text | wordwrap",
        "text | upper", "text | title",
        "text | replace('\\n', ' ')", "text | striptags", "text | escape", "text | tojson",
        "text | urlencode", "text.split() | join(' ')", "text | replace('<br />', ' ')",
    ],
)  # fmt: skip
def test_a_text_may_be_shown_in_another_form(project, shown):
    user = f"{{% macro user(text, shots) %}}{{{{ shots }}}} {{{{ {shown} }}}}{{% endmacro %}}"
    changed = {"upper": "FINE", "title": "Fine", "capitalize": "Fine", "tojson": '"fine"'}
    wanted = changed.get(shown.removeprefix("text | "), "fine")
    assert load(project, user=user).user("fine", "") == load(project).user(wanted, "")


@pytest.mark.parametrize(("parts", "line"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_one_line(project, parts, line):
    assert problem(project, **parts).startswith(line)


def test_a_file_that_is_no_text_is_one_line(project):
    (project.root / "prompts/a.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match=r"^prompts/a\.j2: is not UTF-8 text: "):
        load_prompt("a.j2", WORDS, root=project.root)


def test_parts_may_use_macros_of_their_own(project):
    helper = "{% macro quoted(text) %}<<{{ text }}>>{% endmacro %}"
    user = "{% macro user(text, shots) %}{{ shots }}{{ quoted(text) }}{% endmacro %}"
    prompt = load(project, system=helper + PARTS["system"], user=user)
    assert prompt.user("x", "") == "<<x>>"


def test_a_file_is_compiled_once(project, monkeypatch):
    compiled = []
    original = ImmutableSandboxedEnvironment.compile

    def counted(self, source, name=None, *args, **kwargs):
        compiled.append(name)
        return original(self, source, name, *args, **kwargs)

    monkeypatch.setattr(ImmutableSandboxedEnvironment, "compile", counted)
    other = load(project, words={"positive": "A", "negative": "B"})
    prompt = load_prompt("a.j2", WORDS, root=project.root)
    prompt.conversations(SAMPLES * 50, [SHOTS] * len(SAMPLES * 50), "user")
    assert len(compiled) == 1
    assert (other.words["positive"], prompt.words["positive"]) == ("A", "good")


def test_a_changed_file_is_read_again(project):
    assert load(project).system("x") == "x"
    changed = load(project, system="{% macro system(shots) %}now: {{ shots }}{% endmacro %}")
    assert changed.system("x") == "now: x"


def test_half_of_a_character_in_a_prompt_file(project):
    user = """{% macro user(text, shots) %}{{ shots }}
{{ text }}{{ "\\ud83d" if text == "rare" }}{% endmacro %}"""
    found = problem(project, user=user)
    assert re.match(r"prompts/a\.j2:\d+: holds \\ud83d, half of a character; write the", found)


def test_an_edited_file_is_never_served_stale(project):
    assert load_prompt("plain.j2", WORDS, root=project.root) is load_prompt(
        "plain.j2", WORDS, root=project.root
    )
    assert load(project).prefill == ""
    assert load(project, prefill="{% macro prefill() %}So{% endmacro %}").prefill == "So"
    assert load(project, words=WORDS | {"negative": "poor"}).words["negative"] == "poor"
    begin = "{% from 'b.j2' import begin %}{% macro prefill() %}{{ begin() }}{% endmacro %}"
    for said in ("One", "Two"):
        project.write("prompts/b.j2", f"{{% macro begin() %}}{said}{{% endmacro %}}")
        assert load(project, prefill=begin).prefill == said
