"""Chat templates are rendered with their variables, and with one day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import trl
from transformers import AutoTokenizer

from harness.errors import PromptError
from harness.prompts.forms import Forms
from harness.prompts.open_format import open_format
from harness.prompts.rendering import DEFAULT_DAY, open_rendering, template_variables
from harness.spec.modelspec import ModelSpec

TEMPLATES = Path(trl.__file__).parent / "chat_templates"
TALK = [{"role": "user", "content": "How?"}]
CLOCK = "[{{ strftime_now('%A, %d.%m.%y') }}]{% for m in messages %}{{ m.content }}{% endfor %}"


@pytest.fixture
def tokenizer(tiny_folder):
    return AutoTokenizer.from_pretrained(tiny_folder)


@pytest.fixture
def text(tokenizer):
    """Render a talk of one question in a template with variables."""

    def text(template, **variables):
        rendering = open_rendering(tokenizer, template, variables, where="models.yaml: m: template")
        return rendering.texts([TALK], ask=True)[0]

    return text


def family(name):
    return (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")


def test_a_template_that_asks_for_the_day_gets_one_and_the_same(text):
    assert text(CLOCK) == "[Friday, 26.07.24]How?"
    assert text(CLOCK, date="2026-01-31") == "[Saturday, 31.01.26]How?"


@pytest.mark.parametrize("name", ["llama3_1", "llama3_2", "gptoss", "muse_glimmer"])
def test_no_template_of_a_family_writes_todays_date(text, tokenizer, name):
    template = family(name)
    today, plain = date.today(), text(template)
    spelled = {today.strftime(form) for form in ("%d %b %Y", "%Y-%m-%d", "%d %B %Y", "%B %d, %Y")}
    # What the tokenizer renders by itself shows that the test would see the day.
    unpinned = tokenizer.apply_chat_template(TALK, chat_template=template, tokenize=False)
    assert name == "llama3_1" or any(day in unpinned for day in spelled)
    assert not any(day in plain for day in spelled)
    assert any(DEFAULT_DAY.strftime(form) in plain for form in ("%d %b %Y", "%Y-%m-%d"))
    chosen = text(template, date="2025-03-09")
    assert "09 Mar 2025" in chosen or "2025-03-09" in chosen


def test_the_day_and_where_it_is_from_are_known(tokenizer):
    opened = [
        open_rendering(tokenizer, template, variables, where="x")
        for template, variables in [
            (CLOCK, {}), (CLOCK, {"date": "2026-01-31"}), (family("qwen2_5"), {}),
            (family("llama3_1"), {}),
        ]
    ]  # fmt: skip
    assert [(one.day, one.chosen) for one in opened] == [
        (DEFAULT_DAY, False), (date(2026, 1, 31), True), (None, False), (None, False)
    ]  # fmt: skip


def test_a_variable_reaches_the_template(text):
    template = "{{ tone | default('dry') }}{% for m in messages %}{{ m.content }}{% endfor %}"
    assert text(template) == "dryHow?"
    assert text(template, tone="warm") == "warmHow?"
    assert "<think>" in text(family("qwen3"), enable_thinking=False)


def test_documents_and_tools_reach_it_too(text):
    template = "{{ documents[0].text if documents }} {{ tools }}{% for m in messages %}{% endfor %}"
    assert text(template) == " None"
    assert text(template, documents=[{"text": "a fact"}], tools=["t"]) == "a fact ['t']"


def test_the_text_of_the_day_may_be_given_as_it_is(text):
    assert "Today Date: once upon a time" in text(
        family("llama3_2"), date_string="once upon a time"
    )


@pytest.mark.parametrize(
    ("template", "variables", "problem"),
    [
        (family("qwen3"), {"enable_thinkin": True},
         "enable_thinkin: the chat template reads no such .*; did you mean 'enable_thinking'"),
        (family("phi3"), {"tone": "dry"}, "tone: the chat template reads no such .*; it reads"),
        (family("phi3"), {"date": "2026-01-31"}, "date: the chat template asks for no day; remove"),
        (family("qwen3"), {"add_generation_prompt": False}, "comes with every conversation"),
        ("{% if %}", {}, "the chat template cannot be read: .*line 1"),
    ],
)  # fmt: skip
def test_what_a_template_does_not_read_is_refused(text, template, variables, problem):
    with pytest.raises(PromptError, match=problem):
        text(template, **variables)


def test_generation_blocks_are_no_obstacle():
    template = "{% generation %}{{ tone }}{% endgeneration %}{% break %}"
    template = "{% for m in messages %}" + template + "{% endfor %}"
    assert template_variables(template) == {"messages", "tone"}


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.jinja")), ids=lambda path: path.stem)
def test_every_template_can_be_read(path):
    assert "messages" in template_variables(path.read_text(encoding="utf-8"))


def test_models_yaml_names_the_variables(tokenizers, tmp_path):
    folder = tokenizers(tmp_path / "model", template=CLOCK)
    spec = ModelSpec.model_validate({"source": "file:x", "template": {"date": "2026-01-31"}})
    chat = open_format("m", spec, folder, root=tmp_path)
    assert chat.texts([TALK]) == ["[Saturday, 31.01.26]How?"]
    assert chat.told == {"variables": {"day": "2026-01-31"}}
    wrong = spec.model_copy(update={"template": {"dat": "x"}})
    with pytest.raises(PromptError, match=r"^models\.yaml: m: template\.dat: the chat template"):
        open_format("m", wrong, folder, root=tmp_path)
    plain = spec.model_copy(update={"chat_template": "plain"})
    with pytest.raises(PromptError, match="m: template: plain text has no variables; remove it"):
        open_format("m", plain, folder, root=tmp_path)


@pytest.mark.parametrize("drawn", ["{{ ['a', 'b'] | random }}", "{{ lipsum(n=1) }}"])
def test_a_template_that_draws_at_random_is_refused(text, drawn):
    name = "random" if "random" in drawn else "lipsum"
    with pytest.raises(PromptError, match=rf"draws by '{name}' \(line 2\), so that its prompts"):
        text("{% for m in messages %}{{ m.content }}{% endfor %}\n" + drawn)


@pytest.mark.parametrize("name", ["idefics3", "smolvlm", "llava_next"])
def test_a_template_that_shows_no_plain_text_is_given_lists_of_parts(tokenizer, name):
    rendering = open_rendering(tokenizer, family(name), {}, where="x")
    dialogue = [("user", "How?"), ("assistant", "So."), ("user", "And?"), ("assistant", "It is")]
    turns = [{"role": role, "content": text} for role, text in dialogue]
    parts = [{"role": role, "content": [{"type": "text", "text": text}]} for role, text in dialogue]
    for count, how in [(3, {"ask": True}), (4, {"go_on": True})]:
        wanted = tokenizer.apply_chat_template(
            parts[:count], chat_template=family(name), tokenize=False,
            add_generation_prompt=count == 3, continue_final_message=count == 4)  # fmt: skip
        assert Forms(rendering).texts([turns[:count]], **how) == [wanted]
        assert wanted.count("How?") == 1
