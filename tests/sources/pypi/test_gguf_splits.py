from __future__ import annotations

import pytest
from gguf_files import byte_vocabulary, write_vocabulary

from harness.errors import AssetError
from harness.sources.pypi.gguf_check import check_tokenizer
from harness.sources.pypi.gguf_splits import SPLITTINGS
from harness.sources.pypi.gguf_tokenizer import build_tokenizer, read_vocabulary

CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LETTERS = [*map(chr, range(33, 127)), "Ġ", "Ċ"]
# Of what the ways to split a text keep together or apart.
MERGES = ["1 2", "12 3", "123 4", "Ġ Ġ", "Ċ Ċ", ". a", "' S", "Ġ 1", "! Ċ", "a B", "/ /"]
JOINED = [merge.replace(" ", "") for merge in MERGES]
# A token that no merge makes.
WHOLE = ["xyz"]


def vocabulary(writer, *, pre: str | None = "smollm", add_bos: bool | None = None) -> None:
    tokens = [*CONTROL, *LETTERS, *JOINED, *WHOLE, "<think>"]
    writer.add_tokenizer_model("gpt2")
    if pre is not None:
        writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([3] * 3 + [1] * (len(tokens) - 4) + [4])
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    if add_bos is not None:
        writer.add_add_bos_token(add_bos)


def made(tmp_path, **said):
    return build_tokenizer(
        read_vocabulary(write_vocabulary(tmp_path / "a.gguf", vocabulary, **said))
    )


class TestSplitting:
    # By hand, from what each family of tokenizers says of itself.
    @pytest.mark.parametrize(("pre", "text", "pieces"), [
        ("gpt-2", "12345", "1234 5"),
        ("llama-bpe", "12345", "123 4 5"),
        ("dbrx", "12345", "123 4 5"),
        ("qwen2", "12345", "1 2 3 4 5"),
        ("smollm", "12345", "1 2 3 4 5"),
        ("tekken", "12345", "1 2 3 4 5"),
        # A space goes with the number behind it, with nothing, or with the spaces before it.
        ("gpt-2", "  1", "Ġ Ġ1"),
        ("llama-bpe", "  1", "Ġ Ġ 1"),
        ("qwen2", "  1", "Ġ Ġ 1"),
        ("smollm", "  1", "ĠĠ 1"),
        # A sign goes with the letters behind it.
        ("gpt-2", ".a", ". a"),
        ("llama-bpe", ".a", ".a"),
        ("qwen2", ".a", ".a"),
        ("tekken", ".a", ".a"),
        # Lines stay together before a word, and go with the sign before them.
        ("gpt-2", "\n\nb", "Ċ Ċ b"),
        ("llama-bpe", "\n\nb", "ĊĊ b"),
        ("qwen2", "\n\nb", "ĊĊ b"),
        ("gpt-2", "!\n", "! Ċ"),
        ("llama-bpe", "!\n", "!Ċ"),
        ("gpt-2", "a'S", "a ' S"),
        ("llama-bpe", "a'S", "a 'S"),
        # Words end where capitals begin.
        ("llama-bpe", "aB", "aB"),
        ("tekken", "aB", "a B"),
        # A token that no merge makes.
        ("llama-bpe", "xyz", "xyz"),
        ("qwen2", "xyz", "x y z"),
    ])  # fmt: skip
    def test_a_text_is_split_as_the_file_says(self, tmp_path, pre, text, pieces):
        assert " ".join(made(tmp_path, pre=pre).tokenize(text)) == pieces

    @pytest.mark.parametrize("pre", SPLITTINGS)
    def test_every_way_keeps_all_characters_and_added_tokens(self, tmp_path, pre):
        read = read_vocabulary(write_vocabulary(tmp_path / "a.gguf", vocabulary, pre=pre))
        tokenizer = build_tokenizer(read)
        check_tokenizer(tokenizer, read)
        text = "a  b\n\n<think>\nx1</i> DON'T 12!\n<|im_end|>"
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert tokenizer.decode(ids) == text
        assert {"<think>", "<|im_end|>"} <= set(tokenizer.convert_ids_to_tokens(ids))
        assert "<think>" in tokenizer.decode(ids, skip_special_tokens=True)

    @pytest.mark.parametrize(("pre", "said"), [
        (None, "is missing; take"),
        ("default", "is 'default', which is not one of gpt-2, "),
    ])  # fmt: skip
    def test_a_way_that_is_not_known_is_refused(self, tmp_path, pre, said):
        with pytest.raises(
            AssetError, match=r"^tokenizer\.ggml\.pre, by which texts are "
        ) as caught:
            made(tmp_path, pre=pre)
        assert said in str(caught.value)
        assert str(caught.value).endswith("own folder, or another file of it")


class TestFrame:
    @pytest.mark.parametrize(("pre", "add_bos", "first"), [
        ("smollm", None, False),
        ("smollm", True, True),
        ("llama-bpe", None, True),
        ("llama-bpe", False, False),
        ("tekken", None, True),
        ("qwen2", None, False),
    ])  # fmt: skip
    def test_bos_is_as_the_file_says_else_as_its_kind_has_it(self, tmp_path, pre, add_bos, first):
        tokenizer = made(tmp_path, pre=pre, add_bos=add_bos)
        begins = tokenizer.convert_ids_to_tokens(tokenizer.encode("a")) == ["<|im_start|>", "a"]
        assert begins is first

    def test_a_bos_that_is_not_named_is_asked_for(self, tmp_path):
        def nameless(writer) -> None:
            writer.add_tokenizer_model("gpt2")
            writer.add_tokenizer_pre("llama-bpe")
            writer.add_token_list(["a"])
            writer.add_token_merges([])

        path = write_vocabulary(tmp_path / "a.gguf", nameless)
        with pytest.raises(ValueError, match="the file names no token as its bos_token"):
            build_tokenizer(read_vocabulary(path))


def test_a_file_without_a_tokenizer_is_not_a_model(tmp_path):
    path = write_vocabulary(tmp_path / "a.gguf", lambda writer: None)
    with pytest.raises(AssetError, match=r"^it has no tokenizer, as a projector"):
        read_vocabulary(path)


def test_toy_of_the_other_tests_is_split_by_its_digits(tmp_path):
    read = read_vocabulary(write_vocabulary(tmp_path / "a.gguf", byte_vocabulary))
    assert (read.pre, read.merges[0], read.by_bytes) == ("smollm", ("h", "i"), True)
