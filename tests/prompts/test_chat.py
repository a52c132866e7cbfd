from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from harness.errors import PromptError
from harness.prompts.chat import ChatFormat
from harness.prompts.open_format import open_format
from harness.prompts.tokenizers import load_tokenizer
from harness.spec.modelspec import ModelSpec

TALK = [
    {"role": "system", "content": "Judge."},
    {"role": "user", "content": "a film"},
    {"role": "assistant", "content": "good"},
    {"role": "user", "content": "another film"},
]
OPEN = [*TALK, {"role": "assistant", "content": "It is"}]
TURNS = "{% for m in messages %}[{{ m.role }}]{{ m.content }}\n{% endfor %}"
RAISES = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    + TURNS
)
DROPS = (
    "{% for m in messages %}{% if m.role != 'system' %}[{{ m.role }}]{{ m.content }}\n{% endif %}"
    "{% endfor %}"
)


@pytest.fixture
def chat(tmp_path, tokenizers):
    """Return a function that makes a tokenizer and opens its format."""

    def opened(spec=None, **options) -> ChatFormat:
        folder = tokenizers(tmp_path / "model", **options)
        model = ModelSpec.model_validate({"source": "file:model"} | (spec or {}))
        return open_format("tiny", model, folder, root=tmp_path)

    return opened


def test_own_template(chat):
    found = chat()
    assert not found.fold_system
    assert found.window == 512
    assert found.texts([TALK]) == [
        "<|im_start|>system\nJudge.<|im_end|>\n<|im_start|>user\na film<|im_end|>\n"
        "<|im_start|>assistant\ngood<|im_end|>\n<|im_start|>user\nanother film<|im_end|>\n"
        "<|im_start|>assistant\n"
    ]


def test_a_prefill_continues_the_last_turn(chat):
    (text,) = chat().texts([OPEN])
    assert text.endswith("another film<|im_end|>\n<|im_start|>assistant\nIt is")


@pytest.mark.parametrize("template", [RAISES, DROPS], ids=["raises", "drops"])
def test_a_template_without_system_role_gets_it_in_the_user_turn(chat, template):
    found = chat(template=template)
    assert found.fold_system
    assert found.texts([TALK]) == ["[user]Judge.\n\na film\n[assistant]good\n[user]another film\n"]
    assert found.texts([TALK[1:2]]) == ["[user]a film\n"]


@pytest.mark.parametrize(("role", "fold"), [("auto", False), (True, False), (False, True)])
def test_the_model_may_say_whether_it_has_a_system_role(chat, role, fold):
    assert chat({"system_role": role}, template=TURNS).fold_system is fold


def test_a_template_that_fails_on_text_content_counts_as_without_system_role(chat):
    broken = "{% if messages[0].role == 'system' %}{{ 1 + messages[0].content }}{% endif %}" + TURNS
    assert chat(template=broken).fold_system


@pytest.mark.parametrize("spec", [{"base": True}, {"chat_template": "plain"}])
def test_plain_text(chat, spec):
    found = chat(spec)
    assert found.template is None
    assert found.texts([TALK, OPEN]) == [
        "Judge.\n\na film\ngood\n\nanother film\n",
        "Judge.\n\na film\ngood\n\nanother film\nIt is",
    ]


def test_a_base_model_may_use_its_own_template(chat):
    assert chat({"base": True, "chat_template": "own"}).template is not None


def test_a_template_file_under_prompts(chat, tmp_path):
    (tmp_path / "prompts/chat").mkdir(parents=True)
    (tmp_path / "prompts/chat/x.j2").write_text(TURNS)
    found = chat({"chat_template": "chat/x.j2"}, template=None)
    assert found.texts([TALK[1:2]]) == ["[user]a film\n"]


def test_a_missing_template_file_is_one_line(chat):
    with pytest.raises(PromptError) as raised:
        chat({"chat_template": "x.j2"})
    assert str(raised.value) == ("models.yaml: tiny: no chat template prompts/x.j2; create it")


def test_no_template_is_one_line(chat):
    with pytest.raises(PromptError) as raised:
        chat(template=None)
    assert str(raised.value) == (
        "models.yaml: tiny: its tokenizer has no chat template; set chat_template to plain or to a "
        "file under prompts/"
    )


def test_a_refused_conversation_is_one_line(chat):
    alternates = (
        "{% for m in messages %}{% if m.role == 'assistant' %}{{ raise_exception('only users') }}"
        "{% endif %}{{ m.content }}{% endfor %}"
    )
    with pytest.raises(PromptError) as raised:
        chat(template=alternates).texts([TALK])
    assert str(raised.value) == (
        "the chat template refuses the conversation: only users; give another chat_template in "
        "models.yaml"
    )


def test_a_template_that_loses_the_prefill_is_refused(chat):
    users = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}"
    with pytest.raises(PromptError, match="the chat template refuses the conversation"):
        chat({"system_role": True}, template=users).texts([OPEN])


# (template, tokenizer adds BOS by itself, BOS tokens at the beginning)
BOS = [
    ("{{ bos_token }}" + TURNS, False, 1),
    ("{{ bos_token }}" + TURNS, True, 1),
    (TURNS, True, 1),
    (TURNS, False, 0),
]


@pytest.mark.parametrize(("template", "adds", "count"), BOS)
@pytest.mark.parametrize("talk", [TALK, OPEN], ids=["turn", "prefill"])
def test_one_bos(chat, template, adds, count, talk):
    found = chat(template=template, adds_bos=adds)
    (row,) = found.encode(found.texts([talk]))
    bos = found.tokenizer.bos_token_id
    assert row.count(bos) == count
    assert (row[0] == bos) is bool(count)


@pytest.mark.parametrize(("adds", "count"), [(True, 1), (False, 0)])
def test_one_bos_in_plain_text(chat, adds, count):
    found = chat({"base": True}, adds_bos=adds)
    (row,) = found.encode(found.texts([TALK]))
    assert row.count(found.tokenizer.bos_token_id) == count


@pytest.mark.parametrize("adds", [True, False])
def test_two_bos_are_refused(chat, adds):
    found = chat(template="{{ bos_token }}{{ bos_token }}" + TURNS, adds_bos=adds)
    with pytest.raises(PromptError, match="begins with two BOS tokens: the chat template and"):
        found.encode(found.texts([TALK]))


def test_a_batch_encodes_as_one_by_one(chat):
    found = chat(words=True, adds_bos=True)
    texts = [f"{'word ' * i}positive\nnegative <|im_end|> ё {i}" for i in range(40)]
    assert found.encode(texts) == [found.encode([text])[0] for text in texts]
    assert len({len(row) for row in found.encode(texts)}) > 10
    assert found.encode([]) == []
    assert found.texts([]) == []


def test_decoding_gives_the_text_back(chat):
    found = chat(words=True)
    (text,) = found.texts([OPEN])
    (row,) = found.encode([text])
    assert found.tokenizer.decode(list(row), skip_special_tokens=False) == text


def test_continuations_are_what_stands_behind_the_prompt(chat):
    found = chat(words=True, adds_bos=True)
    text = "<|im_start|>assistant\nThe verdict is"
    rows = found.continuations(text, [" positive", " negative"])
    (head,) = found.encode([text])
    for word, row in zip([" positive", " negative"], rows, strict=True):
        assert found.encode([text + word]) == [head + row]
        assert len(row) == 1


def test_a_word_that_merges_with_the_prompt_is_refused(chat):
    found = chat(words=True)
    with pytest.raises(PromptError) as raised:
        found.continuations(" positiv", ["e", "er"])
    assert str(raised.value) == (
        "the label word 'e' merges with the end of the prompt when it is tokenized; end the "
        "prefill at a word boundary"
    )


def test_a_word_without_tokens_is_refused(chat):
    with pytest.raises(PromptError, match="the label word '' merges"):
        chat().continuations("x", ["a", ""])


def test_the_window_is_the_models_unless_it_says_so(chat):
    assert chat({"max_model_len": 77}).window == 77
    assert chat(window=99).window == 99
    with pytest.raises(PromptError, match="its config names no window; add max_model_len"):
        chat(window=None)


def test_the_window_of_a_text_part(tmp_path, tokenizers):
    folder = tokenizers(tmp_path / "model")
    config = {"model_type": "llama", "text_config": {"max_position_embeddings": 64}}
    (folder / "config.json").write_text(json.dumps(config))
    spec = ModelSpec(source="file:model")
    assert open_format("tiny", spec, folder, root=tmp_path).window == 64


def test_the_end_token_ends_a_turn(chat):
    found = chat()
    assert found.end_ids == (found.tokenizer.convert_tokens_to_ids("<|im_end|>"),)
    assert found.stop_ids == ()


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
def test_an_incomplete_folder_is_one_line(tmp_path, tokenizers, name):
    folder = tokenizers(tmp_path / "model")
    (folder / name).unlink()
    if name == "tokenizer.json":
        (folder / "tokenizer_config.json").unlink()
    with pytest.raises(PromptError) as raised:
        open_format("tiny", ModelSpec(source="file:model"), folder, root=tmp_path)
    assert str(raised.value).startswith(f"models.yaml: tiny: no usable tokenizer in {folder}: ")
    assert "\n" not in str(raised.value)


def test_a_missing_folder_is_one_line(tmp_path):
    with pytest.raises(PromptError, match=r"^models\.yaml: tiny: no usable tokenizer in "):
        open_format("tiny", ModelSpec(source="file:model"), tmp_path / "no", root=tmp_path)


def test_special_tokens_are_found_in_texts(chat):
    found = chat()
    assert found.control_token("a film\n<|im_start|>assistant</s>") == "<|im_start|>"
    assert found.control_token("1 < 2, <S>, <br/> and <|im_start|") is None
    assert found.control_token("") is None


def test_white_space_is_text_even_where_it_is_a_special_token(tmp_path, tokenizers):
    special = ("<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "\n\n", "   ")
    folder = tokenizers(tmp_path / "spaces", special=special)
    found = open_format("m", ModelSpec(source="file:m"), folder, root=tmp_path)
    assert found.control_token("one\n\ntwo   three") is None
    assert found.control_token("one\n\n<|im_end|>") == "<|im_end|>"


def test_special_tokens_are_found_fast(chat):
    found, text = chat(), "<p>It was < 3 hours of <|nothing|>, " * 40
    began = time.perf_counter()
    assert not any(found.control_token(f"{text}{i}") for i in range(2000))
    assert time.perf_counter() - began < 5


def test_other_added_tokens_are_text(tmp_path, tokenizers):
    folder = tokenizers(tmp_path / "model")
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    extra = {**content["added_tokens"][-1], "id": 300, "content": "<think>", "special": False}
    content["added_tokens"].append(extra)
    path.write_text(json.dumps(content))
    spec = ModelSpec.model_validate({"source": "file:model"})
    found = open_format("tiny", spec, folder, root=tmp_path)
    assert len(found.encode(["<think>"])[0]) == 1
    assert found.control_token("<think>") is None


def same_as_auto(folder):
    from transformers import AutoTokenizer

    found, auto = load_tokenizer(folder), AutoTokenizer.from_pretrained(folder)
    assert type(found) is type(auto)
    texts = [
        "The review is positive\n\n  negative",
        "<|im_start|>user\nплёнки, 10/10 <s> </s><|im_end|>",
        " lead, don't stop .\ttab",
        "",
    ]
    for special in (True, False):
        options = {"add_special_tokens": special}
        assert found(texts, **options)["input_ids"] == auto(texts, **options)["input_ids"]
    for name in ("bos_token_id", "eos_token_id", "pad_token_id", "unk_token_id", "chat_template"):
        assert getattr(found, name) == getattr(auto, name)
    assert found.added_tokens_decoder == auto.added_tokens_decoder
    ids = found(texts[1])["input_ids"]
    assert found.decode(ids) == auto.decode(ids)
    return found


@pytest.mark.parametrize("adds_bos", [True, False])
@pytest.mark.parametrize("words", [True, False])
def test_a_tokenizer_is_the_one_that_auto_takes(tmp_path, tokenizers, adds_bos, words):
    folder = tokenizers(tmp_path, adds_bos=adds_bos, words=words)
    assert (folder / "chat_template.jinja").is_file()
    found = same_as_auto(folder)
    assert found.chat_template
    assert (found("a")["input_ids"][0] == found.bos_token_id) is adds_bos


@pytest.mark.parametrize(
    "settings",
    [
        {"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": True},
        {"tokenizer_class": "TokenizersBackend", "chat_template": TURNS},
        {"tokenizer_class": "GPT2Tokenizer"},
        {"tokenizer_class": None},
    ],
    ids=str,
)
def test_settings_of_a_tokenizer_count_as_for_auto(tmp_path, tokenizers, settings):
    folder = tokenizers(tmp_path)
    (folder / "chat_template.jinja").unlink()
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    assert same_as_auto(folder).chat_template == settings.get("chat_template")


def test_a_folder_without_tokenizer_is_no_tokenizer(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises((OSError, ValueError)):
        load_tokenizer(tmp_path)


@pytest.mark.slow
def test_the_tokenizer_of_the_real_model_is_the_one_that_auto_takes(smollm2):
    assert same_as_auto(smollm2).chat_template


def test_a_format_is_opened_without_the_table_of_all_models(tmp_path, tokenizers):
    code = (
        "import sys; from pathlib import Path\n"
        "from harness.prompts.tokenizers import load_tokenizer\n"
        "print(load_tokenizer(Path(sys.argv[1]))('a')['input_ids'])\n"
        "print('transformers.models.auto.tokenization_auto' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tokenizers(tmp_path))],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "False"
