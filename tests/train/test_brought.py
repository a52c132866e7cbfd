"""Chat template and tokenizer in an adapter's folder, beside those of its base."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from transformers import AutoTokenizer

from harness.errors import AssetError
from harness.train.brought import brought_template, tokenizer_problem

TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['content'] }}<|im_end|>{% endfor %}"


@pytest.fixture
def base(tmp_path, tokenizers):
    return tokenizers(tmp_path / "base", words=True)


@pytest.fixture
def adapter(tmp_path, base):
    """The folder of an adapter that was saved with the base's tokenizer."""
    folder = tmp_path / "adapter"
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def change(path, edit):
    """Change a JSON file; `edit` changes what it holds, in place."""
    held = json.loads(path.read_text())
    edit(held)
    path.write_text(json.dumps(held))


def add_token(folder, content, *, special=True, number=None):
    """Add a token to a tokenizer, as it is saved."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([content], special_tokens=special)
    tokenizer.save_pretrained(folder)
    return len(tokenizer) - 1


class TestTemplate:
    def test_a_file_of_its_own_goes_first(self, adapter):
        (adapter / "chat_template.jinja").write_text("ä first")
        change(adapter / "tokenizer_config.json", lambda c: c.update(chat_template="second"))
        assert brought_template(adapter) == "ä first"
        (adapter / "chat_template.jinja").unlink()
        assert brought_template(adapter) == "second"

    def test_the_default_of_several(self, adapter):
        several = [{"name": "tools", "template": "a"}, {"name": "default", "template": "b"}]
        (adapter / "chat_template.jinja").unlink()
        change(adapter / "tokenizer_config.json", lambda c: c.update(chat_template=several))
        assert brought_template(adapter) == "b"

    def test_none(self, adapter, tmp_path):
        (adapter / "chat_template.jinja").unlink()
        assert brought_template(adapter) is None
        assert brought_template(tmp_path / "nothing") is None

    def test_files_that_cannot_be_read(self, adapter):
        (adapter / "chat_template.jinja").write_bytes(b"\xff\xfe")
        with pytest.raises(AssetError, match=r"chat_template\.jinja cannot be read; write it in"):
            brought_template(adapter)
        (adapter / "chat_template.jinja").unlink()
        (adapter / "tokenizer_config.json").write_text("{")
        with pytest.raises(AssetError, match="is not valid JSON; copy it again, or remove it"):
            brought_template(adapter)


class TestTokenizer:
    def test_the_same_as_saved_again(self, adapter, base):
        assert tokenizer_problem(adapter, base, TEMPLATE) is None

    def test_none_of_its_own(self, tmp_path, base):
        assert tokenizer_problem(tmp_path / "nothing", base, TEMPLATE) is None

    def test_other_ids(self, adapter, base):
        def swap(held):
            vocabulary = held["model"]["vocab"]
            vocabulary["a"], vocabulary["b"] = vocabulary["b"], vocabulary["a"]

        change(adapter / "tokenizer.json", swap)
        found = tokenizer_problem(adapter, base, TEMPLATE)
        assert re.match(
            r"its tokenizer has id \d+ for '[ab]', and the base model's has \d+; name", found
        )
        assert "\n" not in found

    def test_a_token_added_for_padding_does_no_harm(self, adapter, base):
        add_token(adapter, "<|padding|>")
        assert tokenizer_problem(adapter, base, TEMPLATE) is None
        assert tokenizer_problem(adapter, base, None) is None

    def test_an_added_token_that_the_template_writes(self, adapter, base):
        number = add_token(adapter, "<|turn|>")
        template = TEMPLATE.replace("<|im_start|>", "<|turn|>")
        assert tokenizer_problem(adapter, base, template).startswith(
            f"its tokenizer has the token '<|turn|>' (id {number}), which the base model's lacks; "
        )

    def test_an_added_token_that_texts_may_hold(self, adapter, base):
        number = add_token(adapter, "film", special=False)
        assert tokenizer_problem(adapter, base, TEMPLATE).startswith(
            f"its tokenizer has the token 'film' (id {number}), which the base model's lacks; "
        )

    def test_a_token_of_the_base_alone(self, adapter, base):
        number = add_token(base, "<|turn|>")
        assert tokenizer_problem(adapter, base, TEMPLATE) is None
        template = TEMPLATE.replace("<|im_start|>", "<|turn|>")
        assert tokenizer_problem(adapter, base, template).startswith(
            f"the base model's tokenizer has the token '<|turn|>' (id {number}), which its own "
        )

    def test_other_splits_into_the_same_tokens(self, adapter, base):
        change(adapter / "tokenizer.json", lambda held: held["model"].update(merges=[]))
        found = tokenizer_problem(adapter, base, TEMPLATE)
        # Bytes alone are split alike; the label words are the tokens that were merged.
        assert found is None or found.startswith("its tokenizer splits ")
        change(
            adapter / "tokenizer.json",
            lambda held: held.update(normalizer={"type": "Lowercase"}),
        )
        found = tokenizer_problem(adapter, base, TEMPLATE)
        assert found.startswith("its tokenizer splits 'The quick brown fox ' into ")

    def test_vocabularies_of_older_files(self, adapter, base):
        whole = json.loads((adapter / "tokenizer.json").read_text())
        (adapter / "tokenizer.json").unlink()
        (adapter / "vocab.json").write_text(json.dumps(whole["model"]["vocab"]))
        assert tokenizer_problem(adapter, base, TEMPLATE) is None
        (adapter / "added_tokens.json").write_text(json.dumps({"film": 4000}))
        assert "the token 'film' (id 4000)" in tokenizer_problem(adapter, base, TEMPLATE)

    def test_vocabularies_with_scores(self, adapter, base, tmp_path):
        """As those of SentencePiece's unigram models: a list, in the order of the ids."""
        pieces = {"model": {"type": "Unigram", "vocab": [["a", -1.0], ["b", -2.0]]}}
        other = {"model": {"type": "Unigram", "vocab": [["b", -1.0], ["a", -2.0]]}}
        (adapter / "tokenizer.json").write_text(json.dumps(pieces))
        (base / "tokenizer.json").write_text(json.dumps(other))
        assert "has id 0 for 'a'" in tokenizer_problem(adapter, base, TEMPLATE)

    @pytest.mark.parametrize("key", ["bos_token", "eos_token"])
    def test_a_mark_that_the_template_writes_by_its_role(self, adapter, base, key):
        settings = adapter / "tokenizer_config.json"
        change(settings, lambda held: held.update({key: "<pad>"}))
        own = json.loads((base / "tokenizer_config.json").read_text())[key]
        assert tokenizer_problem(adapter, base, TEMPLATE) is None
        assert tokenizer_problem(adapter, base, f"{TEMPLATE}{{{{ {key} }}}}").startswith(
            f"its chat template writes {key}, which is '<pad>' in its tokenizer and {own!r} in the "
            "base model's; write the mark itself into the template, or name the model"
        )
        change(settings, lambda held: held.update({key: {"content": own}}))
        assert tokenizer_problem(adapter, base, f"{TEMPLATE}{{{{ {key} }}}}") is None
        change(settings, lambda held: held.pop(key))
        (adapter / "special_tokens_map.json").write_text(json.dumps({key: "<pad>"}))
        assert "is '<pad>' in" in tokenizer_problem(adapter, base, f"{TEMPLATE}{{{{ {key} }}}}")

    def test_a_broken_file(self, adapter, base):
        (adapter / "tokenizer.json").write_text("[")
        with pytest.raises(
            AssetError, match=r"tokenizer\.json cannot be read: it is not valid JSON"
        ):
            tokenizer_problem(adapter, base, TEMPLATE)


def test_a_copied_file_is_not_read_twice(adapter, base, monkeypatch):
    shutil.copy(base / "tokenizer.json", adapter / "tokenizer.json")
    monkeypatch.setattr("harness.train.brought._text_problem", None)
    assert tokenizer_problem(adapter, base, TEMPLATE) is None
