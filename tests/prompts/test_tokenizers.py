"""The tokenizer of a folder is what tokenizer.json says, whatever class is named beside it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from harness.errors import PromptError
from harness.prompts.open_format import open_format
from harness.prompts.pairs import encode_texts
from harness.prompts.tokenizers import SPLIT_TEXTS, faithful_folder, file_tokenizer, load_tokenizer
from harness.spec.modelspec import ModelSpec

ROOT = Path(__file__).parents[2]
# A byte-level tokenizer is read otherwise by these; by the last two it is read as it is.
STRAYING = ["LlamaTokenizerFast", "LlamaTokenizer", "GemmaTokenizer"]
KEEPING = ["GPT2TokenizerFast", "PreTrainedTokenizerFast"]


@pytest.fixture
def folder(tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return shutil.copytree(tiny_folder, tmp_path / "m")


def change(folder, name, **values):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def ids(tokenizer):
    return tokenizer(list(SPLIT_TEXTS), add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("kind", [*STRAYING, *KEEPING])
def test_a_class_does_not_change_how_texts_are_split(folder, kind):
    wanted = [file_tokenizer(folder).encode(text).ids for text in SPLIT_TEXTS]
    change(folder, "tokenizer_config.json", tokenizer_class=kind)
    if kind != "GemmaTokenizer":  # which cannot read a text at all, for want of an unknown token
        assert (ids(AutoTokenizer.from_pretrained(folder)) != wanted) is (kind in STRAYING)
    found = load_tokenizer(folder)
    assert ids(found) == wanted
    assert found.decode(wanted[0]) == SPLIT_TEXTS[0]
    chat = open_format("m", ModelSpec(source="file:m"), folder, root=folder)
    assert list(map(list, chat.pieces.encode(SPLIT_TEXTS))) == wanted


@pytest.mark.parametrize("kind", [*STRAYING, *KEEPING])
def test_others_read_it_from_a_folder_as_it_is(folder, kind):
    change(folder, "tokenizer_config.json", tokenizer_class=kind)
    found = faithful_folder(folder)
    assert (found != folder) is (kind in STRAYING)
    read, own = AutoTokenizer.from_pretrained(found), load_tokenizer(folder)
    assert ids(read) == ids(own)
    assert (read.eos_token, read.chat_template) == (own.eos_token, own.chat_template)
    assert faithful_folder(folder) == found


def test_marks_and_bos_of_the_settings_are_kept(folder):
    change(folder, "tokenizer_config.json", tokenizer_class="LlamaTokenizerFast",
           add_bos_token=True, eos_token="</s>")  # fmt: skip
    found = load_tokenizer(folder)
    assert found("a")["input_ids"][:1] == [found.bos_token_id]
    assert found.eos_token == "</s>"


def test_lengths_that_were_kept_in_the_file_count_for_nothing(folder):
    wanted = [file_tokenizer(folder).encode(text).ids for text in SPLIT_TEXTS]
    change(
        folder,
        "tokenizer.json",
        truncation={"direction": "Right", "max_length": 4, "strategy": "LongestFirst",
                    "stride": 0},
        padding={"strategy": {"Fixed": 64}, "direction": "Left", "pad_to_multiple_of": None,
                 "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"},
    )  # fmt: skip
    assert ids(load_tokenizer(folder)) == wanted
    assert [file_tokenizer(folder).encode(text).ids for text in SPLIT_TEXTS] == wanted


OWN = """
from pathlib import Path
from transformers import PreTrainedTokenizerFast
Path(__file__).with_name("ran").touch()
class Own(PreTrainedTokenizerFast): pass
"""


def test_code_of_a_folder_is_run_only_where_models_yaml_says_so(folder, tmp_path, monkeypatch):
    modules = tmp_path / "modules"
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(modules))
    (folder / "own.py").write_text(OWN)
    change(folder, "tokenizer_config.json", tokenizer_class="Own",
           auto_map={"AutoTokenizer": [None, "own.Own"]})  # fmt: skip
    # A "y" on the standard input is no leave to run it.
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n" * 9))
    with pytest.raises(PromptError) as raised:
        open_format("m", ModelSpec(source="file:m"), folder, root=folder)
    assert str(raised.value) == (
        f"models.yaml: m: no usable tokenizer in {folder}: it is loaded by Python code of its own "
        "folder, which is not run; read that code, and write trust_remote_code: true for the model "
        "in models.yaml if it may be"
    )
    assert not list(modules.rglob("ran"))
    trusted = ModelSpec(source="file:m", trust_remote_code=True)
    open_format("m", trusted, folder, root=folder)
    assert list(modules.rglob("ran"))


def test_a_tokenizer_needs_no_torch_and_leaves_the_library_whole(tiny_folder):
    """In a process of its own, since this one may have imported torch."""
    script = f"""
import sys
from pathlib import Path
from harness.prompts.tokenizers import load_tokenizer
assert load_tokenizer(Path({str(tiny_folder)!r}))("a")["input_ids"]
assert "torch" not in sys.modules
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint
assert "torch" in sys.modules and load_gguf_checkpoint.__module__.startswith("transformers")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "values",
    [
        {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated",
                           "invert": False}},
        {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}},
        {"model": None},
        {"model": {"type": "Unigram", "unk_id": None, "vocab": [["z", -1.0]],
                   "byte_fallback": False}},
    ],
    ids=["no-pattern", "panics", "no-model", "unknown"],
)  # fmt: skip
def test_a_file_that_makes_no_sense_is_one_line(folder, values):
    change(folder, "tokenizer.json", **values)
    with pytest.raises(PromptError, match=r"^models\.yaml: m: no usable tokenizer in [^\n]+$"):
        open_format("m", ModelSpec(source="file:m"), folder, root=folder)


def test_a_file_of_another_form_is_one_line(folder):
    (folder / "tokenizer.json").write_text("null")
    with pytest.raises(ValueError, match="pop"):
        load_tokenizer(folder)


@pytest.mark.parametrize(
    ("file", "values", "told"),
    [
        ("tokenizer_config.json", {"model_max_length": []}, "no usable tokenizer in"),
        ("tokenizer_config.json", {"model_input_names": 5}, "no usable tokenizer in"),
        ("config.json", {"text_config": "x"}, "its config names no window; add max_model_len"),
        ("config.json", {"max_position_embeddings": {}}, "its config names no window"),
    ],
)
def test_settings_of_another_form_are_one_line(folder, file, values, told):
    change(folder, file, **values)
    with pytest.raises(PromptError, match=rf"^models\.yaml: m: {told}[^\n]*$"):
        open_format("m", ModelSpec(source="file:m"), folder, root=folder)


@pytest.mark.parametrize("settings", ['{"eos_token_id": [{}, 3]}', "[]", "[" * 100_000])
def test_end_tokens_of_another_form_are_passed_over(folder, settings):
    (folder / "generation_config.json").write_text(settings)
    chat = open_format("m", ModelSpec(source="file:m"), folder, root=folder)
    assert chat.end_ids


def test_a_pattern_without_an_end_is_given_up(folder):
    endless = {"type": "Split", "pattern": {"Regex": "(b+)+$"}, "behavior": "Isolated"}
    change(folder, "tokenizer.json", pre_tokenizer={**endless, "invert": False})
    chat = open_format("m", ModelSpec(source="file:m"), folder, root=folder)
    told = "^the tokenizer cannot read a text: Onig: Regex search error: retry-limit-in-match over$"
    for read in (chat.encode, lambda texts: encode_texts(chat.tokenizer, texts, None, None)):
        with pytest.raises(PromptError, match=told):
            read(["b" * 40 + "!"])
