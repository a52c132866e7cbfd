"""Which chat template a model with an adapter is asked in, and with which variables."""

from __future__ import annotations

import pytest

from harness.errors import PromptError
from harness.prompts.choose_template import AdapterChat
from harness.prompts.end_marks import llama3_template
from harness.prompts.open_format import open_format
from harness.spec.modelspec import ModelSpec

DATED = (
    "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"
    "{{ strftime_now('%d %b %Y') }}{{ mood }}"
)
ASKED = [[{"role": "user", "content": "x"}]]


@pytest.fixture
def open_as(tiny_folder, tmp_path):
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts/dated.j2").write_text(DATED + "\n")

    def open_as(named=None, *, trained=None, **keys):
        spec = ModelSpec(source="file:x", chat_template=named, **keys)
        return open_format("m", spec, tiny_folder, root=tmp_path, trained=trained)

    return open_as


def test_an_adapter_speaks_in_the_template_that_it_was_trained_with(open_as):
    chat = open_as()
    own, trained = AdapterChat(chat.template), AdapterChat(llama3_template(chat.tokenizer))
    assert open_as(trained=trained).template == trained.template
    assert open_as("llama-3", trained=trained).template == trained.template
    assert open_as("own", trained=own).template == own.template
    # A base model is asked in plain text, and its adapter in a template all the same.
    assert open_as(base=True, trained=own).template == own.template
    for wrong in ("own", "plain"):
        with pytest.raises(PromptError, match=f"m: chat_template {wrong} is not the one that the"):
            open_as(wrong, trained=trained)


def test_the_last_line_break_of_a_file_is_no_difference(open_as):
    assert open_as("dated.j2", trained=AdapterChat(DATED)).template.rstrip() == DATED
    with pytest.raises(PromptError, match="is not the one"):
        open_as("dated.j2", trained=AdapterChat(DATED + "\n\n"))


@pytest.mark.parametrize("variables", [None, {}])
def test_without_variables_the_day_is_the_fixed_one(open_as, variables):
    chat = open_as(trained=AdapterChat(DATED, variables))
    assert chat.texts(ASKED)[0].endswith("26 Jul 2024")
    assert chat.told == open_as("dated.j2").told


def test_an_adapter_gets_the_variables_that_it_was_trained_with(open_as):
    variables = {"date": "2026-01-31", "mood": "glad"}
    trained = AdapterChat(DATED, variables)
    for keys in ({}, {"template": variables}, {"template": variables, "chat_template": "dated.j2"}):
        chat = open_as(keys.pop("chat_template", None), trained=trained, **keys)
        assert chat.texts(ASKED)[0].rstrip().endswith("31 Jan 2026glad")


@pytest.mark.parametrize(
    ("learned", "given", "problem"),
    [
        ({"date": "2026-01-31"}, {"date": "2026-02-01"},
         r"template: date 2026-02-01 is not what the adapter was trained with \(date 2026-01-31\)"),
        ({}, {"date": "2026-02-01"}, r"is not what the adapter was trained with \(none\); remove"),
        ({"mood": "glad"}, {"mood": "sad"}, r"template: mood sad is not what .* \(mood glad\)"),
        ({"mood": "glad", "date": "2026-01-31"}, {"date": "2026-01-31"}, "is not what the adapter"),
    ],
)  # fmt: skip
def test_other_variables_than_those_of_training_are_refused(open_as, learned, given, problem):
    with pytest.raises(PromptError, match=problem) as caught:
        open_as(trained=AdapterChat(DATED, learned), template=given)
    assert str(caught.value).startswith("models.yaml: m: template: ")


def test_the_day_that_is_taken_anyway_may_be_written(open_as):
    chat = open_as(trained=AdapterChat(DATED, {}), template={"date": "2024-07-26"})
    assert chat.texts(ASKED)[0].endswith("26 Jul 2024")


def test_of_a_foreign_adapter_nothing_is_known(open_as):
    chat = open_as(trained=AdapterChat(DATED), template={"date": "2026-02-01"})
    assert chat.texts(ASKED)[0].endswith("01 Feb 2026")
