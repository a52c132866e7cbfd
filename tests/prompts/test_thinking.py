"""How public chat templates have their models think: read where the installed wheels keep them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.errors import PromptError
from harness.prompts.chat import ChatFormat
from harness.prompts.open_format import open_format
from harness.prompts.thinking import plan_name
from harness.records import Thinking
from harness.spec.modelspec import ModelSpec

ASK = [{"role": "user", "content": "Is it good?"}]
FILLED = [*ASK, {"role": "assistant", "content": "It is"}]
OFF, ON, BUDGET = Thinking(), Thinking(4096), Thinking(64, budgeted=True)
EMPTY = "<think>\n\n</think>\n\n"
# By template: what stands between question and answer with thinking off, what begins a thought
# behind the generation prompt, what closes it, and where answers stand if nothing is set: with
# nothing before them, and with a prefill.
FAMILIES = {
    "qwen3": (EMPTY, "<think>\n", "\n</think>\n\n", "before", "empty"),
    "qwen3_5_nothink": (EMPTY, "<think>\n", "\n</think>\n\n", "empty", "empty"),
    "qwen3_6": (EMPTY, "<think>\n", "\n</think>\n\n", "empty", "empty"),
    "qwen3_8": (EMPTY, "<think>\n", "\n</think>\n\n", "empty", "empty"),
    "deepseek_r1_distill": (EMPTY, "<think>\n", "\n</think>\n\n", "empty", "before"),
    "deepseekv3": (EMPTY, "<think>\n", "\n</think>\n\n", "empty", "before"),
    "glm4moe": ("\n<think></think>\n", "\n<think>", "</think>\n", "before", "empty"),
    "nemotron_3_nano": ("<think></think>", "<think>\n", "\n</think>\n", "empty", "empty"),
    "nemotron_3_ultra": ("<think></think>", "<think>\n", "</think>", "empty", "empty"),
    "lfm2_2_5": ("<think></think>", "<think>", "</think>", "before", "before"),
    "gemma4": ("", "<|channel>thought\n", "\n<channel|>", "absent", "absent"),
    "gemma4_v5": ("", "<|channel>thought\n", "\n<channel|>", "absent", "absent"),
    "gptoss": (
        "<|channel|>final<|message|>",
        "<|channel|>analysis<|message|>",
        "<|end|><|start|>assistant<|channel|>final<|message|>",
        "before",
        "empty",
    ),
    "muse_glimmer": (
        " to=user<|message|>",
        " to=self<|message|>",
        "<|eom|><|start|>assistant to=user<|message|>",
        "before",
        "empty",
    ),
}
WITHOUT = ("llama3_2", "qwen2_5", "qwen3_instruct_2507", "gemma3", "phi3", "cohere2", "lfm2")
# What the families of the model itself cannot show, as they are not in the wheels: thoughts that
# are closed without having been begun, a switch of another name, and marks in plain words.
HALF_CLOSED = (
    "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}</think>"
    "{{ m.content.split('</think>')[-1] }}{% else %}{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{{ '<think>' if thinking else '</think>' }}"
    "{% endif %}"
)  # fmt: skip
WORDS = (
    "{% if thinking %}<system>Think first.{% endif %}"
    "{% for m in messages %}<{{ m.role }}>{% if m.thought %}Thinking: {{ m.thought }}\nAnswer: "
    "{% endif %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)  # fmt: skip


EFFORT = (
    "{% for m in messages %}<{{ m.role }}>{% if m.reasoning %}[THINK]{{ m.reasoning }}[/THINK]"
    "{% endif %}{{ m.content }}{% endfor %}"
    "{% set effort = reasoning_effort | default(@DEFAULT@) %}"
    "{% if effort not in ['none', 'high'] %}{{ raise_exception('no such effort') }}{% endif %}"
    "{% if add_generation_prompt %}<effort {{ effort }}><assistant>{% endif %}"
)


def public_template(name: str) -> str:
    """Return a template of TRL's folder, or skip where there is none of that name."""
    found = find_spec("trl")
    folder = Path(found.origin).parent if found and found.origin else Path()
    path = folder / "chat_templates" / f"{name}.jinja"
    if not path.is_file():
        pytest.skip(f"this trl has no template {name}")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def open_as(tokenizers, tmp_path_factory):
    """Return a function that opens a template, with marks that are tokens or plain text."""
    root = tmp_path_factory.mktemp("formats")
    made: dict[tuple[str, ...], Path] = {}

    def opened(template, thinking=None, *, special=(), variables=None) -> ChatFormat:
        special = ("<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", *special)
        if special not in made:
            made[special] = tokenizers(root / str(len(made)), special=special)
        (root / "prompts").mkdir(exist_ok=True)
        (root / "prompts" / "t.jinja").write_text(template, encoding="utf-8")
        spec = ModelSpec(source="file:x", chat_template="t.jinja", template=variables or {})
        return open_format("m", spec, made[special], root=root, thinking=thinking)

    return opened


def tail(text: str) -> str:
    return text.rpartition("Is it good?")[2]


@pytest.mark.parametrize("name", FAMILIES)
def test_off_puts_answers_behind_an_empty_thought(open_as, name):
    empty, _, _, _, _ = FAMILIES[name]
    chat = open_as(public_template(name), OFF)
    (bare,), (filled,) = chat.texts([ASK]), chat.texts([FILLED])
    assert tail(bare).endswith(empty)
    assert filled == bare + "It is"
    assert chat.texts([ASK], bound=True) == [bare]
    assert not chat.thinks
    for start in (chat.plan.bare, chat.plan.filled):
        assert start.place == ("empty" if empty else "absent")


@pytest.mark.parametrize("name", FAMILIES)
def test_on_begins_a_thought_by_the_mark_of_the_family(open_as, name):
    _, opening, closing, _, _ = FAMILIES[name]
    chat = open_as(public_template(name), BUDGET)
    assert chat.thinks
    (begun,) = chat.thought_texts([FILLED])
    assert begun.endswith(opening)
    assert begun.count(opening.strip()) == open_as(public_template(name), OFF).texts([ASK])[
        0].count(opening.strip()) + ("<think" not in FAMILIES[name][0])  # fmt: skip
    # What is asked behind a thought ends as what is asked behind one with nothing in it.
    assert chat.texts([ASK], bound=True) == [begun + closing]
    assert chat.texts([FILLED], bound=True) == [begun + closing + "It is"]
    assert chat.plan.bare.place == "behind"


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_set_is_as_the_template_does_but_never_within_a_thought(open_as, name):
    _, opening, _, bare, filled = FAMILIES[name]
    chat = open_as(public_template(name))
    assert (chat.plan.bare.place, chat.plan.filled.place) == (bare, filled)
    (free,), (bound,) = chat.texts([ASK]), chat.texts([ASK], bound=True)
    assert chat.plan.opened is free.endswith(opening)
    assert not bound.rstrip().endswith(opening.strip())
    if not chat.plan.opened:
        assert bound == free
    assert "It is" in chat.texts([FILLED], bound=True)[0]
    assert not chat.thinks


@pytest.mark.parametrize("name", FAMILIES)
def test_what_the_template_itself_writes_before_an_answer_is_what_off_writes(open_as, name):
    """Where a template shows how its family leaves a thought out, off does the same."""
    empty = FAMILIES[name][0]
    shown = tail(open_as(public_template(name)).texts([[*ASK, FILLED[1]]], closed=True)[0])
    if FAMILIES[name][4] == "empty":
        assert shown.partition("It is")[0].endswith(empty)


@pytest.mark.parametrize("name", WITHOUT)
def test_a_template_without_thoughts(open_as, name):
    template = public_template(name)
    plain = open_as(template).texts([ASK])
    off = open_as(template, OFF)
    assert (off.plan, off.thinks, off.texts([ASK])) == (None, False, plain)
    with pytest.raises(PromptError) as error:
        open_as(template, BUDGET)
    assert str(error.value) == (
        "models.yaml: m: its chat template knows no thought, so thinking cannot be budget 64; "
        "remove it, or set chat_template"
    )


def test_plain_text_has_no_thoughts(tokenizers, tmp_path):
    folder = tokenizers(tmp_path / "model")
    spec = ModelSpec(source="file:x", chat_template="plain")
    assert open_format("m", spec, folder, root=tmp_path, thinking=OFF).plan is None
    with pytest.raises(PromptError, match="knows no thought, so thinking cannot be on"):
        open_format("m", spec, folder, root=tmp_path, thinking=ON)


def test_switches_are_those_that_the_family_reads(open_as):
    found = {
        name: (
            open_as(public_template(name), OFF).plan.variables,
            open_as(public_template(name), ON).plan.variables,
        )
        for name in ("qwen3", "gemma4", "gptoss", "muse_glimmer", "deepseek_r1_distill")
    }
    assert found == {
        "qwen3": ({"enable_thinking": False}, {"enable_thinking": True}),
        "gemma4": ({"enable_thinking": False}, {"enable_thinking": True}),
        "gptoss": ({"reasoning_effort": "low"}, {}),
        "muse_glimmer": ({"reasoning_strength": "low"}, {}),
        "deepseek_r1_distill": ({}, {}),
    }
    assert open_as(HALF_CLOSED, ON).plan.variables == {"thinking": True}


@pytest.mark.parametrize(
    ("default", "on"), [("'high'", {}), ("'none'", {"reasoning_effort": "high"})]
)
def test_an_effort_of_none_is_off_and_whatever_is_not_the_default_is_told(open_as, default, on):
    template = EFFORT.replace("@DEFAULT@", default)
    off, more = open_as(template, OFF), open_as(template, ON)
    assert (off.plan.variables, more.plan.variables) == ({"reasoning_effort": "none"}, on)
    assert tail(off.texts([FILLED])[0]) == "<effort none><assistant>It is"
    assert tail(more.thought_texts([ASK])[0]) == "<effort high><assistant>[THINK]"
    place = "before" if default == "'high'" else "absent"
    assert open_as(template).plan.bare.place == place


def test_a_switch_reaches_the_rest_of_the_prompt(open_as):
    on, off = (open_as(public_template("gemma4"), one).texts([ASK])[0] for one in (ON, OFF))
    assert on.count("<|turn>system") == 1
    assert "<|turn>system" not in off


def test_a_variable_of_the_entry_that_switches_too(open_as):
    with pytest.raises(PromptError) as error:
        open_as(public_template("qwen3"), OFF, variables={"enable_thinking": True})
    assert str(error.value) == (
        "models.yaml: m: template.enable_thinking and thinking both switch the model's thought; "
        "remove one of them"
    )
    chat = open_as(public_template("qwen3"), variables={"enable_thinking": False})
    assert (tail(chat.texts([ASK])[0]).endswith(EMPTY), chat.plan.bare.place) == (True, "empty")
    # An effort beside a thought that is on says how much of it there is to be.
    high = open_as(public_template("gptoss"), ON, variables={"reasoning_effort": "high"})
    assert "Reasoning: high" in high.thought_texts([ASK])[0]


def test_a_thought_that_is_closed_without_having_been_begun(open_as):
    off, on = open_as(HALF_CLOSED, OFF), open_as(HALF_CLOSED, ON)
    assert tail(off.texts([FILLED])[0]) == "<assistant></think>It is"
    assert tail(on.thought_texts([ASK])[0]) == "<assistant><think>"
    assert tail(on.texts([FILLED], bound=True)[0]) == "<assistant><think></think>It is"


def test_marks_in_plain_words(open_as):
    off, on = open_as(WORDS, OFF), open_as(WORDS, ON)
    assert off.texts([ASK]) == ["<user>Is it good?<assistant>"]
    assert on.thought_texts([ASK]) == ["<system>Think first.<user>Is it good?<assistant>Thinking: "]
    assert tail(on.texts([ASK], bound=True)[0]) == "<assistant>Thinking: \nAnswer: "
    assert on.plan.end_id is None


@pytest.mark.parametrize(
    ("name", "mark", "hidden"),
    [("qwen3", "</think>", True), ("gemma4", "<channel|>", True), ("gptoss", "<|end|>", True)],
)
def test_a_mark_that_is_a_token_ends_a_thought_by_its_id(open_as, name, mark, hidden):
    chat = open_as(public_template(name), ON, special=(mark,))
    assert chat.tokenizer.convert_ids_to_tokens(chat.plan.end_id) == mark
    assert chat.plan.hidden is hidden
    plain = open_as(public_template(name), ON).plan
    assert (plain.end_id, plain.hidden) == (None, False)


def test_a_template_that_ends_its_thoughts_all_the_same(open_as):
    stubborn = public_template("qwen3").replace(
        "enable_thinking is false", "enable_thinking is true"
    )
    with pytest.raises(PromptError, match=r"does not take thinking on: .*; set chat_template"):
        open_as(stubborn, ON)


def test_names_of_plans(open_as):
    def name(template, thinking=None, *, filled=False):
        return plan_name(open_as(public_template(template), thinking).plan, filled=filled)

    assert name("qwen3", OFF) == "off, behind an empty thought"
    assert name("qwen3", BUDGET) == "budget 64, behind a thought"
    assert name("gemma4", OFF) == "off, no thought"
    assert (name("qwen3"), name("qwen3", filled=True)) == ("", "")
    assert name("qwen3_6") == "not set, behind an empty thought"
    assert plan_name(None) == ""
