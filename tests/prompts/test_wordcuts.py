from __future__ import annotations

import random
import re

import pytest
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

import harness.prompts.wordcuts as module
from harness.prompts.tokenize import Pieces
from harness.prompts.tokenizers import load_tokenizer
from harness.prompts.wordcuts import cuts_words, word_pieces

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)


def split(pattern, behavior="isolated", *, invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def sequence(*parts):
    return pre_tokenizers.Sequence(list(parts))


KNOWN = {
    "gpt2": (GPT2, None),
    "gpt2-digits": (sequence(pre_tokenizers.Digits(individual_digits=True), GPT2), None),
    "no-normalizers": (GPT2, normalizers.Sequence([])),
    "llama3": (sequence(split(LLAMA3), BYTES), None),
    "qwen2": (sequence(split(QWEN2), BYTES), normalizers.NFC()),
}
UNKNOWN = {
    "no-pattern": (BYTES, None),
    "space-before": (pre_tokenizers.ByteLevel(add_prefix_space=True), None),
    "other-pattern": (sequence(split(r"\p{L}+ \p{L}+"), BYTES), None),
    "merged": (sequence(split(QWEN2, "merged_with_next"), BYTES), None),
    "inverted": (sequence(split(QWEN2, invert=True), BYTES), None),
    "more": (sequence(split(QWEN2), pre_tokenizers.Punctuation(), BYTES), None),
    "metaspace": (pre_tokenizers.Metaspace(), None),
    "none": (None, None),
    "lower-case": (GPT2, normalizers.Lowercase()),
    "one-of-several": (GPT2, normalizers.Sequence([normalizers.NFC(), normalizers.Strip()])),
}
BITS = ["a", "film", "Фильм", "и", "it's", "WE'LL", "don'\u017f", "\u0435\u0308", "ё", "é",
        "e\u0301", "ﬁ", "2", "1984", ".", "...", "\n", "\n\n", " ", "  ", "\u00a0", "\t", " the",
        " и", "-", "'s ", "<br />", "中文", "<|end|>", "🙂"]  # fmt: skip


def make(pre, norm=None, added=()):
    tokenizer = Tokenizer(models.BPE())
    if pre is not None:
        tokenizer.pre_tokenizer = pre
    if norm is not None:
        tokenizer.normalizer = norm
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(
        ["the film and a film\n\nфильм и the ' s", "it's 1984 "] * 9, trainer
    )
    tokenizer.add_tokens(list(added))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def some_texts(seed):
    rng = random.Random(seed)
    joints = ("", " ", " ", " ")
    return ["".join(rng.choice(BITS) + rng.choice(joints) for _ in range(rng.randint(1, 30)))
            for _ in range(1000)]  # fmt: skip


def whole(tokenizer, texts):
    return [tuple(row) for row in tokenizer(texts, add_special_tokens=False)["input_ids"]]


@pytest.mark.parametrize("name", KNOWN)
def test_cut_texts_have_the_tokens_of_the_whole(monkeypatch, name):
    tokenizer = make(*KNOWN[name])
    assert cuts_words(tokenizer)
    monkeypatch.setattr(module, "_LEAST", 1)
    # Only the longest text is held against its pieces when they are used.
    texts = [*some_texts(1), "." * 9000]
    assert sum(len(list(word_pieces(text))) - 1 for text in texts) > 800
    assert Pieces(tokenizer).encode(texts) == whole(tokenizer, texts)
    # Cuts elsewhere would show.
    monkeypatch.setattr(module, "_PLACE", re.compile("ilm"))
    assert Pieces(tokenizer).encode(texts) != whole(tokenizer, texts)


@pytest.mark.slow
def test_the_embedded_model_is_known(monkeypatch, smollm2):
    tokenizer = load_tokenizer(smollm2)
    assert cuts_words(tokenizer)
    monkeypatch.setattr(module, "_LEAST", 1)
    texts = [*some_texts(2), "." * 9000]
    assert Pieces(tokenizer).encode(texts) == whole(tokenizer, texts)


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_not_cut(name):
    tokenizer = make(*UNKNOWN[name])
    assert not cuts_words(tokenizer)
    assert not Pieces(tokenizer).words


@pytest.mark.parametrize(
    "added",
    [
        AddedToken("the film", normalized=False),
        AddedToken("the film", normalized=True),
        AddedToken("end", normalized=False, rstrip=True),
    ],
    ids=["space", "space-normalized", "rstrip"],
)
def test_nothing_is_cut_where_an_added_token_may_hold_the_place(added):
    assert not cuts_words(make(GPT2, added=[added]))


def test_texts_share_the_pieces_of_an_equal_beginning():
    beginning = "a film and\nanother one. " * 100
    first, second = (list(word_pieces(beginning + rest)) for rest in ("it was good", "no"))
    assert "".join(first) == beginning + "it was good"
    assert first[:-1] == second[:-1]
    assert all(module._LEAST <= len(piece) < module._LEAST + 30 for piece in first[:-1])


@pytest.mark.parametrize("text", ["", "a", "中文" * 2000, "a film " * 3])
def test_a_text_without_places_is_one_piece(text):
    assert list(word_pieces(text)) == [text]
