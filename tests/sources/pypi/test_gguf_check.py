from __future__ import annotations

from dataclasses import replace

import pytest
from gguf_files import BYTE_TOKENS, byte_vocabulary, write_vocabulary

from harness.errors import AssetError
from harness.sources.pypi import gguf_tokenizer
from harness.sources.pypi.gguf_check import check_tokenizer, reference_ids
from harness.sources.pypi.gguf_tokenizer import SPACE, build_tokenizer, read_vocabulary


@pytest.fixture(scope="module", params=[True, False], ids=["prefix", "no prefix"])
def scored(tmp_path_factory, request):
    path = tmp_path_factory.mktemp("scored") / "toy.gguf"
    return read_vocabulary(write_vocabulary(path, add_space_prefix=request.param))


@pytest.fixture(scope="module")
def by_bytes(tmp_path_factory):
    path = tmp_path_factory.mktemp("bytes") / "toy.gguf"
    return read_vocabulary(write_vocabulary(path, byte_vocabulary))


def byte_tokenizer(merges=(("h", "i"), ("Ġ", "hi")), tokens=BYTE_TOKENS, level=None):
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    vocab = {token: number for number, token in enumerate(tokens)}
    backend = Tokenizer(BPE(vocab, list(merges)))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = level or decoders.ByteLevel()
    backend.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return PreTrainedTokenizerFast(tokenizer_object=backend)


def refusal(tokenizer, vocabulary) -> str:
    with pytest.raises(AssetError, match="its tokenizer is not read rightly: ") as caught:
        check_tokenizer(tokenizer, vocabulary)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith("; take the model's own folder, or another file of it")
    return message


class TestScores:
    def test_right_one_passes(self, scored):
        check_tokenizer(build_tokenizer(scored), scored)

    def test_lost_merges(self, scored, monkeypatch):
        monkeypatch.setattr(gguf_tokenizer, "_merges", lambda pieces: [])
        message = refusal(build_tokenizer(scored), scored)
        # From the first difference on.
        assert 'not read rightly: in "The quick brown fox' in message
        assert " stands 'h e ▁ " in message
        assert ", not 'he ▁ " in message

    @pytest.mark.parametrize("key", ["bos", "eos", "space_prefix"])
    def test_other_frame(self, scored, key):
        other = replace(scored, **{key: not getattr(scored, key)})
        assert ("does not stand between" in refusal(build_tokenizer(other), scored)) == (
            key != "space_prefix"
        )

    def test_other_order_of_merges(self, scored):
        turned = {piece: -score for piece, score in scored.pieces.items()}
        refusal(build_tokenizer(replace(scored, pieces=turned)), scored)

    def test_lost_token(self, scored):
        more = replace(scored, tokens=[*scored.tokens, "new"], types=[*scored.types, 1])
        assert "it lacks the token 'new'" in refusal(build_tokenizer(scored), more)

    def test_user_defined_token_that_is_not_found(self, scored):
        types = [1 if token == "\n\n" else kind
                 for token, kind in zip(scored.tokens, scored.types, strict=True)]  # fmt: skip
        refusal(build_tokenizer(replace(scored, types=types)), scored)

    def test_spaces_that_do_not_come_back(self, scored):
        tokenizer = build_tokenizer(replace(scored, space_prefix=False))
        from tokenizers import decoders

        tokenizer.backend_tokenizer.decoder = decoders.ByteFallback()
        assert "comes back as" in refusal(tokenizer, replace(scored, space_prefix=False))

    def test_a_prefix_that_does_not_come_off(self, scored):
        types = [1 if kind == 4 else kind for kind in scored.types]
        pieces = scored.pieces | dict.fromkeys(scored.user_defined, -99.0)
        plain = replace(scored, types=types, pieces=pieces, space_prefix=True)
        tokenizer = build_tokenizer(plain)
        check_tokenizer(tokenizer, plain)
        from tokenizers import decoders

        tokenizer.backend_tokenizer.decoder = decoders.Sequence(
            [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
        )
        assert 'comes back as " The' in refusal(tokenizer, plain)


def test_the_rule_by_hand(scored):
    prefix = ["▁"] if scored.space_prefix else []
    wanted = [*prefix, "he", "ll", "\n", *prefix, "▁the", "<0xC3>", "<0xA9>"]
    ids = reference_ids("hell\n theé", scored)
    assert [scored.tokens[number] for number in ids] == wanted


class TestBytes:
    def test_right_one_passes(self, by_bytes):
        check_tokenizer(byte_tokenizer(), by_bytes)

    def test_lost_merges(self, by_bytes):
        assert "1 of 1 words that are tokens fall apart, such as 'hi'" in refusal(
            byte_tokenizer(merges=[]), by_bytes
        )

    def test_some_words_may_be_out_of_reach(self, by_bytes):
        tokens = [*BYTE_TOKENS, "Ġhij", "Ġxyz"]
        more = replace(by_bytes, tokens=tokens, types=[*by_bytes.types, 1, 1])
        merges = [("h", "i"), ("Ġ", "hi"), ("Ġhi", "j")]
        check_tokenizer(byte_tokenizer(merges, tokens), more)

    def test_token_that_stands_twice(self, by_bytes):
        tokens = [*BYTE_TOKENS, "hi"]
        twice = replace(by_bytes, tokens=tokens, types=[*by_bytes.types, 1])
        check_tokenizer(byte_tokenizer(), twice)

    def test_text_that_does_not_come_back(self, by_bytes):
        from tokenizers import decoders

        tokenizer = byte_tokenizer(level=decoders.WordPiece())
        assert "comes back as" in refusal(tokenizer, by_bytes)

    def test_added_token_that_is_not_found(self, by_bytes):
        types = [4 if token == "hi" else kind
                 for token, kind in zip(by_bytes.tokens, by_bytes.types, strict=True)]  # fmt: skip
        more = replace(by_bytes, types=types)
        backend = byte_tokenizer(merges=[("Ġ", "hi")])
        assert "the token 'hi' is not found in a text" in refusal(backend, more)

    def test_other_token(self, by_bytes):
        tokens = [*BYTE_TOKENS[:5], "other", *BYTE_TOKENS[6:]]
        assert f"it lacks the token {BYTE_TOKENS[5]!r}" in refusal(
            byte_tokenizer(tokens=tokens), by_bytes
        )
