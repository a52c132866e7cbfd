# ruff: noqa: RUF001
from __future__ import annotations

import random
from dataclasses import replace

import pytest
from gguf_files import (
    BYTE_TOKENS,
    PIECES,
    TEMPLATE,
    byte_vocabulary,
    scored_vocabulary,
    write_vocabulary,
)

from harness.sources.pypi.gguf_check import reference_ids
from harness.sources.pypi.gguf_tokenizer import build_tokenizer, read_vocabulary


def made(tmp_path, **said: bool):
    """Return vocabulary and tokenizer of a file that says so."""
    vocabulary = read_vocabulary(write_vocabulary(tmp_path / "toy.gguf", **said))
    return vocabulary, build_tokenizer(vocabulary)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return made(tmp_path_factory.mktemp("plain"), add_space_prefix=False, add_bos_token=False)


class TestPieces:
    @pytest.mark.parametrize(("text", "pieces"), [
        ("the", "t he"),
        (" the", "▁the"),
        ("there", "t he re"),
        ("hell", "he ll"),
        ("list", "lis t"),
        ("aaaaa", "aa aaa"),
        ("ab the ra", "a b ▁the ▁ r a"),
        (" мира мир", "▁м и ра ▁мир"),
        ("hé", "h <0xC3> <0xA9>"),
        ("\x00😀", "<0x00> <0xF0> <0x9F> <0x98> <0x80>"),
    ])  # fmt: skip
    def test_neighbours_of_the_highest_score_join_first(self, plain, text, pieces):
        assert plain[1].tokenize(text) == pieces.split(" ")

    def test_without_tokens_of_bytes_what_is_unknown_is_one_token(self, plain):
        types = [1 if kind == 6 else kind for kind in plain[0].types]
        assert build_tokenizer(replace(plain[0], types=types)).tokenize("héèl") == [
            "h", "<unk>", "l"
        ]  # fmt: skip

    def test_all_texts_follow_the_rule(self, plain):
        vocabulary, tokenizer = plain
        drawn = random.Random(0)
        parts = [*PIECES, " ", "  ", "   ", "\n", "\n\n\n", "<td>", "é", "😀", "<", "▁"]
        for _ in range(2000):
            text = "".join(drawn.choices(parts, k=drawn.randrange(12)))
            ids = tokenizer.encode(text)
            assert ids == reference_ids(text, vocabulary), text
            assert tokenizer.decode(ids) == text.replace("▁", " "), text


class TestAddedTokens:
    def test_runs_of_lines_and_spaces_are_tokens_and_text(self, plain):
        text = "<turn>a\n\n\nb   c<td>\n"
        ids = plain[1].encode(text)
        assert plain[1].convert_ids_to_tokens(ids) == [
            "<turn>", "a", "\n\n", "\n", "b", "  ", "▁", "c", "<td>", "\n"
        ]  # fmt: skip
        assert plain[1].decode(ids) == text
        assert plain[1].decode(ids, skip_special_tokens=True) == text.removeprefix("<turn>")

    def test_only_control_tokens_are_special_and_none_takes_spaces(self, plain):
        added = {str(token): token for token in plain[1].added_tokens_decoder.values()}
        special = {name for name, token in added.items() if token.special}
        assert special == {"<pad>", "<eos>", "<bos>", "<unk>", "<turn>"}
        assert set(added) - special == {"\n", "\n\n", "  ", "<td>"}
        assert not any(token.lstrip or token.rstrip or token.normalized for token in added.values())


class TestFrame:
    def test_what_the_file_leaves_out_is_as_in_llama_cpp(self, tmp_path):
        tokenizer = made(tmp_path)[1]
        ids = tokenizer("the").input_ids
        assert tokenizer.convert_ids_to_tokens(ids) == ["<bos>", "▁the"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == "the"

    def test_space_goes_before_what_follows_an_added_token(self, tmp_path):
        vocabulary, tokenizer = made(tmp_path, add_bos_token=False)
        text = "the<turn>the\nthe"
        assert tokenizer.tokenize(text) == ["▁the", "<turn>", "▁the", "\n", "▁the"]
        assert tokenizer.encode("the\nthe") == reference_ids("the\nthe", vocabulary)

    @pytest.mark.parametrize("bos", [True, False])
    @pytest.mark.parametrize("eos", [True, False])
    def test_bos_and_eos_are_as_the_file_says(self, tmp_path, bos, eos):
        tokenizer = made(tmp_path, add_bos_token=bos, add_eos_token=eos, add_space_prefix=False)[1]
        tokenizer.save_pretrained(tmp_path / "saved")
        from transformers import AutoTokenizer

        for one in (tokenizer, AutoTokenizer.from_pretrained(tmp_path / "saved")):
            tokens = one.convert_ids_to_tokens(one.encode("a"))
            assert tokens == ["<bos>"] * bos + ["a"] + ["<eos>"] * eos

    def test_names_and_template(self, plain):
        tokenizer = plain[1]
        named = [tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token]
        assert named == ["<bos>", "<eos>", "<pad>", "<unk>"]
        assert tokenizer.chat_template == TEMPLATE


class TestReading:
    def test_merges_of_a_file_are_left_alone(self, tmp_path):
        vocabulary = read_vocabulary(write_vocabulary(tmp_path / "bytes.gguf", byte_vocabulary))
        assert vocabulary.kind == "gpt2"
        assert vocabulary.tokens == BYTE_TOKENS
        assert not vocabulary.scored

    def test_merges_go_before_scores(self, tmp_path):
        def both(writer) -> None:
            scored_vocabulary(writer)
            writer.add_token_merges(["h e"])

        vocabulary = read_vocabulary(write_vocabulary(tmp_path / "both.gguf", both))
        assert (vocabulary.kind, vocabulary.pieces, vocabulary.scored) == ("llama", {}, False)

    def test_scores_of_another_kind_are_no_ranks(self, plain):
        assert plain[0].scored
        assert not replace(plain[0], kind="t5").scored

    def test_scores_that_are_not_those_of_the_tokens(self, tmp_path):
        def short(writer) -> None:
            writer.add_tokenizer_model("llama")
            writer.add_token_list(["a", "b"])
            writer.add_token_scores([0.0])

        path = write_vocabulary(tmp_path / "short.gguf", short)
        with pytest.raises(ValueError, match="2 tokens, 2 types and 1 scores"):
            read_vocabulary(path)

    def test_a_token_that_is_needed_and_not_named(self, plain):
        for name in ("bos_token", "eos_token", "unk_token"):
            named = {key: token for key, token in plain[0].named.items() if key != name}
            with pytest.raises(ValueError, match=f"^the file names no token as its {name}; take"):
                build_tokenizer(replace(plain[0], named=named))

    def test_number_without_a_token_is_no_token(self, tmp_path):
        def odd(writer) -> None:
            writer.add_tokenizer_model("gpt2")
            writer.add_tokenizer_pre("smollm")
            writer.add_token_list(["a", "b"])
            writer.add_bos_token_id(1)
            writer.add_pad_token_id(2**32 - 1)

        named = read_vocabulary(write_vocabulary(tmp_path / "odd.gguf", odd)).named
        assert named == {"bos_token": "b"}
