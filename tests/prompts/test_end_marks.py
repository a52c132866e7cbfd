"""End marks of chat templates, and what an adapter's template changes."""

from __future__ import annotations

import json
import shutil

import pytest
from transformers import AutoTokenizer

from harness.prompts.end_marks import (
    answer_lead,
    end_ids,
    end_mark,
    first_token,
    llama3_template,
    next_turn,
)
from harness.prompts.open_format import open_format
from harness.prompts.rendering import Rendering
from harness.spec.modelspec import ModelSpec

TURNS = [{"role": "user", "content": " Hi "}, {"role": "assistant", "content": "Yes"}]


@pytest.fixture
def open_as(tiny_folder, tmp_path):
    def open_as(template=None):
        spec = ModelSpec(source="file:x", chat_template=template)
        return open_format("m", spec, tiny_folder, root=tmp_path)

    return open_as


@pytest.fixture
def open_template(tokenizers, tmp_path):
    def open_template(template):
        folder = tokenizers(tmp_path / "model", template=template)
        return open_format("m", ModelSpec(source="file:x"), folder, root=tmp_path)

    return open_template


def test_the_llama3_template_is_plain_text_with_a_stop(open_as):
    chat = open_as("llama-3")
    assert chat.texts([TURNS], closed=True) == [
        "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nYes<|eot_id|>"
    ]
    (prompt,) = chat.texts([TURNS[:1]])
    assert prompt.endswith("<|start_header_id|>assistant<|end_header_id|>\n\n")
    assert chat.stop == "<|eot_id|>"
    assert chat.stop_tokens == len(chat.tokenizer("<|eot_id|>")["input_ids"])
    assert chat.end_ids == (4, chat.tokenizer("<|eot_id|>")["input_ids"][0])
    assert chat.stop_ids == ()
    assert chat.control_token("so <|eot_id|> it ends") == "<|eot_id|>"


def test_a_template_of_special_tokens_needs_no_stop(open_as):
    chat = open_as()
    assert (chat.stop, chat.stop_tokens) == (None, 0)
    assert chat.end_ids == (chat.tokenizer.eos_token_id,)
    assert chat.stop_ids == ()
    assert chat.control_token("so <|eot_id|> it ends") is None


def test_an_open_answer_is_not_closed(open_as):
    chat = open_as("llama-3")
    assert chat.texts([TURNS])[0].endswith("\n\nYes")


def test_bos_is_written_where_the_tokenizer_adds_it(tokenizers, tmp_path):
    for adds in (True, False):
        folder = tokenizers(tmp_path / str(adds), adds_bos=adds)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        assert llama3_template(tokenizer).startswith("{{ bos_token }}") is adds


def test_marks(tiny_folder):
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder)

    def rendering(template):
        return Rendering(tokenizer, template, {})

    assert end_mark(rendering(tokenizer.chat_template)) == "<|im_end|>"
    assert end_mark(rendering("{% for m in messages %}{{ m['content'] }}\n{% endfor %}")) is None
    assert end_mark(rendering("{{ raise_exception('no') }}")) is None
    assert next_turn(rendering("{{ raise_exception('no') }}")) is None
    assert first_token(tokenizer, "<|im_end|>\n<s>") == 4
    assert first_token(tokenizer, "<|eot_id|>") is None


ROLES = "{% for m in messages %}{{ '\n' if loop.index0 }}{{ m.role }}: {{ m.content }}{% endfor %}"


def test_where_no_mark_ends_an_answer_the_next_turns_header_does(open_template):
    chat = open_template(ROLES)
    assert (chat.stop, chat.stop_ids) == ("\nuser:", ())
    # Only a mark is what a text may not spell: a dialogue may well say "user:".
    assert chat.control_token("so\nuser: yes") is None
    chat = open_template(ROLES.replace("{{ m.role }}: ", "{{ '<s>' if m.role == 'user' }}"))
    assert (chat.stop, chat.stop_ids) == (None, (chat.tokenizer.convert_tokens_to_ids("<s>"),))


@pytest.mark.parametrize("behind", ["", "\n", "</s>", "\n</s>\n"])
def test_the_token_behind_an_answer_ends_it_whatever_eos_is(open_template, behind):
    chat = open_template(
        "{% for m in messages %}<s>{{ m.content }}<|im_start|>" + behind + "{% endfor %}"
    )
    mark = chat.tokenizer.convert_tokens_to_ids("<|im_start|>")
    assert chat.stop_ids == (mark,)
    assert chat.end_ids == tuple(sorted({mark, chat.tokenizer.eos_token_id}))
    assert chat.stop is None


def test_plain_text_ends_with_a_line_break(tokenizers, tmp_path):
    folder = tokenizers(tmp_path / "model")
    spec = ModelSpec(source="file:x", base=True)
    chat = open_format("m", spec, folder, root=tmp_path)
    assert set(chat.tokenizer("\n\n\n", add_special_tokens=False)["input_ids"]) <= set(chat.end_ids)
    assert chat.tokenizer.eos_token_id in chat.end_ids
    assert chat.stop == "\n\n"


def test_end_ids_come_from_the_generation_config_else_from_the_config(tokenizers, tmp_path):
    folder = tokenizers(tmp_path / "t")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert end_ids(tokenizer, folder) == {4}
    (folder / "config.json").write_text(json.dumps({"eos_token_id": 2}))
    assert end_ids(tokenizer, folder) == {2, 4}
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [7, 9]}))
    assert end_ids(tokenizer, folder) == {4, 7, 9}


SPACED = (
    "{% for m in messages %}{% if m['role'] == 'user' %}USER: {{ m['content'] }} ASSISTANT:"
    "{% else %} {{ m['content'] }}<|im_end|>{% endif %}{% endfor %}"
)
HEADED = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}"
    "{% if m['role'] == 'assistant' %} to=user{% endif %}<|msg|> {{ m['content'] }}<|im_end|>"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant{% endif %}"
)


@pytest.mark.parametrize(
    ("template", "lead", "gap", "end"),
    [
        (SPACED, " ", " ", "USER:  Hi  ASSISTANT:"),
        (HEADED, " to=user<|msg|> ", " ", "<|im_start|>assistant to=user<|msg|>"),
    ],
)
def test_what_stands_before_an_answer_is_told(open_template, template, lead, gap, end):
    chat = open_template(template)
    assert (answer_lead(chat.rendering), chat.lead, chat.gap) == (lead, lead, gap)
    (asked,) = chat.texts([TURNS[:1]], bound=True)
    assert asked.endswith(end)
    (whole,) = chat.texts([TURNS], closed=True)
    assert whole.startswith(f"{asked}{gap}Yes")
    # Beside a prefill the template writes it, and an answer that is written freely begins with it.
    (filled,) = chat.texts([TURNS], bound=True)
    assert filled == f"{asked}{gap}Yes"
    (free,) = chat.texts([TURNS[:1]])
    assert f"{free}{lead}Yes" in whole


def test_nothing_stands_before_an_answer(open_as):
    assert (open_as().lead, open_as("llama-3").lead, open_as("plain").lead) == ("", "", "")


@pytest.mark.parametrize("special", [True, False])
def test_marks_of_turns_are_found_in_a_text_be_they_special_or_not(tiny_folder, tmp_path, special):
    folder = shutil.copytree(tiny_folder, tmp_path / "m")
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    for token in content["added_tokens"]:
        if token["content"].startswith("<|im_"):
            token["special"] = special
    path.write_text(json.dumps(content))
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token": "</s>"}))
    chat = open_format("m", ModelSpec(source="file:x"), folder, root=tmp_path)
    assert chat.control_token("Fine.<|im_end|>\n<|im_start|>assistant\n") == "<|im_end|>"
    assert chat.control_token("assistant user x") is None


def test_marks_of_turns_that_are_plain_text_are_found(open_as):
    text = "Fine. <|start_header_id|>assistant<|end_header_id|>"
    assert open_as("llama-3").control_token(text) == "<|start_header_id|>"
    assert open_as().control_token(text) is None
