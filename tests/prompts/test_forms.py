"""What chat templates leave out, with templates of our own and those of installed packages."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.errors import PromptError
from harness.prompts.chat import ChatFormat
from harness.prompts.forms import Forms, Shown, fold
from harness.prompts.open_format import open_format
from harness.prompts.rendering import open_rendering
from harness.prompts.tokenizers import load_tokenizer
from harness.reasons import Reason
from harness.spec.modelspec import ModelSpec

TURN = "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
ASK = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
EVERY = "{% for m in messages %}" + TURN + "{% endfor %}" + ASK
# The system text stands in the last turn, if that is the user's.
LAST = (
    "{% set ns = namespace(rules='') %}{% for m in messages %}"
    "{% if m.role == 'system' %}{% set ns.rules = m.content ~ '\n' %}{% else %}"
    "<|im_start|>{{ m.role }}\n{% if loop.last and m.role == 'user' %}{{ ns.rules }}{% endif %}"
    "{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}" + ASK
)
OWN = (
    "{% if messages[0].role != 'system' %}<|im_start|>system\nI am Small.<|im_end|>\n{% endif %}"
    + EVERY
)
SYSTEM = {"role": "system", "content": "Rules."}
ONE = [{"role": "user", "content": "A question?"}]
TALK = [*ONE, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "And now?"}]
FILLED = [*ONE, {"role": "assistant", "content": "It is"}]


@pytest.fixture(scope="module")
def tokenizer(tiny_folder):
    return load_tokenizer(tiny_folder)


@pytest.fixture
def forms(tokenizer):
    def forms(template, **options) -> Forms:
        return Forms(open_rendering(tokenizer, template, {}, where="m"), **options)

    return forms


@pytest.fixture
def chat(tmp_path, tokenizers):
    def chat(template, **spec) -> ChatFormat:
        folder = tokenizers(tmp_path / "model", template=template)
        model = ModelSpec.model_validate({"source": "file:model"} | spec)
        return open_format("tiny", model, folder, root=tmp_path)

    return chat


def test_a_system_text_is_folded_in_the_forms_that_lose_it(chat):
    found = chat(LAST)
    (asked,) = found.texts([[SYSTEM, *ONE]])
    assert asked.startswith("<|im_start|>user\nRules.\nA question?<|im_end|>")
    (filled,) = found.texts([[SYSTEM, *FILLED]])
    assert filled.startswith("<|im_start|>user\nRules.\n\nA question?<|im_end|>")
    assert filled.endswith("It is")
    (talk,) = found.texts([[SYSTEM, *TALK]])
    assert talk.startswith("<|im_start|>user\nRules.\n\nA question?<|im_end|>")
    assert talk.count("Rules.") == 1
    assert found.use([SYSTEM, *FILLED]).system == "folded"
    assert found.use([SYSTEM, *ONE]).system == "turn"
    assert found.use(FILLED).system == "none"


def test_forms_of_one_batch_are_folded_by_themselves(chat):
    texts = chat(LAST).texts([[SYSTEM, *ONE], ONE, [SYSTEM, *TALK]])
    assert [text.count("Rules.") for text in texts] == [1, 0, 1]
    assert texts[1].startswith("<|im_start|>user\nA question?")


def test_a_template_that_drops_what_it_should_have_is_refused(chat):
    with pytest.raises(PromptError) as raised:
        chat(LAST, system_role=True).texts([[SYSTEM, *FILLED]])
    assert str(raised.value) == (
        "the chat template leaves out the system text in a conversation of system, user, prefill; "
        "set system_role to auto, or give another chat_template in models.yaml"
    )


ONLY = "{% if m.role == 'system' or loop.last %}" + TURN + "{% endif %}"
BROKEN = {
    "drops the history": ("{% for m in messages %}" + ONLY + "{% endfor %}",
                          "leaves out user turn 1"),
    "drops shots": ("{% for m in messages if m.role != 'assistant' %}" + TURN + "{% endfor %}",
                    "leaves out assistant turn 1"),
    "capitals": (EVERY.replace("m.content", "m.content | upper"), "changes or cuts user turn 1"),
    "truncates": (EVERY.replace("m.content", "m.content | truncate(4000)"),
                  "changes or cuts user turn 1"),
    "cuts the end": (EVERY.replace("m.content", "m.content[:20000]"),
                     "changes or cuts user turn 1"),
    "twice": (EVERY.replace("{{ m.content }}", "{{ m.content }} {{ m.content }}"),
              "writes user turn 1 more than once"),
    "one line": (EVERY.replace("m.content", "m.content | replace('\n', ' ')"),
                 "changes or cuts user turn 1"),
    "backwards": (EVERY.replace("in messages", "in messages | reverse"),
                  "writes assistant turn 1 before what stands before it"),
}  # fmt: skip


@pytest.mark.parametrize(("template", "problem"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("system", [True, False])
def test_what_else_a_template_leaves_out_is_one_line(chat, template, problem, system):
    with pytest.raises(PromptError) as raised:
        chat(template).texts([[SYSTEM, *TALK] if system else TALK])
    assert str(raised.value).startswith(f"the chat template {problem} in a conversation of ")
    assert "\n" not in str(raised.value)


def test_a_role_that_is_refused_is_folded_or_told(chat):
    refuses = "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}"
    refuses += "{% endif %}" + TURN + "{% endfor %}" + ASK
    found = chat(refuses)
    assert found.fold_system
    assert found.texts([[SYSTEM, *ONE]])[0].startswith("<|im_start|>user\nRules.\n\nA question?")
    with pytest.raises(PromptError, match="refuses the conversation: no; give another"):
        chat(refuses, system_role=True).texts([[SYSTEM, *ONE]])


def test_a_long_conversation_is_named_shortly(chat):
    talk = [*TALK[:2] * 8, *ONE, {"role": "assistant", "content": "It is"}]
    with pytest.raises(PromptError, match=r"of system, 8 x \(user, assistant\), user, prefill;"):
        chat(LAST, system_role=True).texts([[SYSTEM, *talk]])


def test_a_form_is_tried_once(chat, monkeypatch):
    found, tried = chat(EVERY), []
    monkeypatch.setattr(Forms, "_try", lambda self, form: tried.append(form) or Shown("turn"))
    found.texts([[SYSTEM, *TALK]] * 50)
    found.texts([[SYSTEM, *TALK]] * 50)
    assert len(tried) == 1


def test_a_text_that_a_template_changes_is_named(chat):
    cuts = EVERY.replace("m.content", "m.content.split('</think>')[-1]")
    found = chat(cuts)
    talks = [[SYSTEM, *ONE], [SYSTEM, {"role": "user", "content": "What is </think> for?"}]]
    assert found.lost(talks, found.texts(talks)) == {1: Reason("user_left_out", {"turn": 1})}


def test_white_space_around_a_text_is_no_part_of_it(chat):
    found = chat(EVERY.replace("m.content", "m.content | trim"))
    talks = [[{"role": "user", "content": "  A question?\n\n"}]]
    assert found.lost(talks, found.texts(talks)) == {}


def test_a_text_of_its_own_is_found(chat):
    found = chat(OWN)
    assert found.use(ONE).own_system == "I am Small."
    assert found.use(FILLED).own_system == "I am Small."
    assert found.use(TALK).own_system == "I am Small."
    assert found.use([SYSTEM, *ONE]).own_system == ""
    assert chat(EVERY).use(ONE).own_system == ""
    # Told nothing in a system turn, the template speaks for itself.
    folded = chat(OWN, system_role=False).use([SYSTEM, *ONE])
    assert (folded.system, folded.own_system) == ("folded", "I am Small.")


def test_a_text_of_its_own_is_found_without_a_system_role(forms):
    refuses = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}"
    assert forms(refuses + EVERY).shown(ONE, ask=True).own == ""
    assert forms(refuses + "Be kind.\n" + EVERY).shown(ONE, ask=True).own == "Be kind."


def test_an_empty_system_text_takes_the_templates_own_away(chat):
    found = chat(OWN, system="")
    assert found.texts([ONE])[0].startswith(
        "<|im_start|>system\n<|im_end|>\n<|im_start|>user\nA question?"
    )
    use = found.use(ONE)
    assert (use.system, use.own_system, use.variables) == ("empty", "", '{"system": ""}')
    assert found.texts([[SYSTEM, *ONE]])[0].startswith("<|im_start|>system\nRules.<|im_end|>")


def test_a_text_that_an_empty_one_does_not_take_away_is_told(chat):
    stays = OWN.replace("!= 'system'", "!= 'system' or not messages[0].content").replace(
        "in messages", "in messages if m.content"
    )
    assert chat(stays, system="").use(ONE).own_system == "I am Small."


def test_another_system_text_may_stand_in_place_of_it(chat):
    assert (
        chat(OWN, system="Be brief.")
        .texts([ONE])[0]
        .startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nA question?")
    )
    folded = chat(LAST, system="Be brief.").texts([FILLED])
    assert folded[0].startswith("<|im_start|>user\nBe brief.\n\nA question?")


def test_plain_text_has_no_system_turn(chat):
    with pytest.raises(PromptError, match="system: plain text has no system turn; remove it"):
        chat(EVERY, chat_template="plain", system="")


def test_folding_leaves_nothing_behind():
    assert fold([SYSTEM, *ONE]) == [{"role": "user", "content": "Rules.\n\nA question?"}]
    assert fold([{"role": "system", "content": ""}, *ONE]) == ONE
    assert fold(ONE) == ONE


def installed(package: str, pattern: str) -> list[Path]:
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    return sorted(Path(str(spec.origin)).parent.glob(pattern))


def of_unsloth() -> dict[str, str]:
    """Return the chat templates that unsloth writes as strings, by name, without importing it."""
    (path,) = installed("unsloth", "chat_templates.py")
    found = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            name = ast.unparse(node.targets[0])
            if name.endswith("_template") and "messages" in str(node.value.value):
                found[f"unsloth-{name}"] = str(node.value.value)
    return found


# Those of vision models take lists in place of texts.
OTHERS = {"template_kimi_audio", "unsloth-chat_template"}
PUBLIC = {
    path.stem: path.read_text(encoding="utf-8")
    for package, pattern in (
        ("trl", "chat_templates/*.jinja"),
        ("vllm", "transformers_utils/chat_templates/*.jinja"),
    )
    for path in installed(package, pattern)
    if "training" not in path.stem
} | of_unsloth()
FORMS = {
    "ask": [SYSTEM, *ONE],
    "prefill": [SYSTEM, *FILLED],
    "shots": [SYSTEM, *TALK],
    "shots, prefill": [SYSTEM, *TALK, FILLED[1]],
    "no system": TALK,
}


def test_there_are_many_public_templates():
    families = {re.split(r"[_\d]", name.removeprefix("unsloth-"))[0] for name in PUBLIC}
    assert {"cohere", "deepseek", "deepseekv", "gemma", "glm", "gptoss", "lfm", "llama", "phi",
            "qwen", "nemotron"} <= families  # fmt: skip


@pytest.mark.parametrize("name", sorted(PUBLIC.keys() - OTHERS))
def test_public_templates_show_all_texts_once_and_in_order(forms, name):
    found = forms(PUBLIC[name])
    for talk in FORMS.values():
        go_on = talk[-1]["role"] == "assistant"
        (text,) = found.texts([talk], ask=not go_on, go_on=go_on)
        places = [text.index(turn["content"]) for turn in talk]
        assert places == sorted(places)
        assert all(text.count(turn["content"]) == 1 for turn in talk)
        assert text.endswith("It is") or not go_on


@pytest.mark.parametrize("name", sorted(OTHERS & PUBLIC.keys()))
def test_public_templates_that_read_no_messages_are_refused(forms, name):
    with pytest.raises(PromptError, match=r"leaves out user turn 1|refuses the conversation"):
        forms(PUBLIC[name]).texts([ONE], ask=True)


@pytest.mark.parametrize(
    ("name", "folds"),
    [("gemma", True), ("gemma3", False), ("qwen2_5", False), ("phi3", False), ("llama3_2", False)],
)
def test_public_templates_without_system_role_are_folded(forms, name, folds):
    shown = forms(PUBLIC[name]).shown([SYSTEM, *ONE], ask=True)
    assert (shown.system == "folded") is folds


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("qwen2_5", "You are Qwen"),
        ("muse_glimmer", "You are a helpful"),
        ("qwen3", ""),
        ("llama3_2", ""),
        ("phi3", ""),
        ("gptoss", ""),
        ("cohere", ""),
    ],
)
def test_public_texts_of_their_own_are_found(forms, name, begins):
    shown = forms(PUBLIC[name]).shown(ONE, ask=True)
    assert shown.own.startswith(begins)
    assert bool(shown.own) is bool(begins)
    assert forms(PUBLIC[name]).shown([SYSTEM, *ONE], ask=True).own == ""
