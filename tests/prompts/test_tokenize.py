from __future__ import annotations

import random

import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

import harness.prompts.tokenize as pieces_module
from harness.errors import PromptError
from harness.prompts.open_format import open_format
from harness.prompts.tokenize import Pieces, cutting_marks
from harness.prompts.tokenizers import load_tokenizer
from harness.spec.modelspec import ModelSpec

MARKS = ("<s>", "<|im_start|>", "<|im_end|>")
SPLITS = {
    "bytes": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "bytes-after-space": pre_tokenizers.ByteLevel(add_prefix_space=True),
    "metaspace-first": pre_tokenizers.Metaspace(prepend_scheme="first"),
    "metaspace-always": pre_tokenizers.Metaspace(prepend_scheme="always"),
    "words": pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()]
    ),
    "none": None,
}
NORMS = {
    "as-is": None,
    "prepend": normalizers.Sequence([normalizers.Prepend("_"), normalizers.Replace(" ", "_")]),
    "strip": normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Strip(), normalizers.Lowercase()]
    ),
}
BITS = [*MARKS, "<|im_", "start|>", "|>", "<", " ", "  ", "\n", "\n\n", "a", " film", "Fine", "é",
        "ﬁ", "ё", "_", "<tool>", "user\n", "it's", "42"]  # fmt: skip
# Its marks are those that all texts are cut by, and its pieces alone are held against the whole.
LONGEST = "".join(MARKS) + "w " * 4000


def make(split="bytes", norm="as-is", added=()):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    if SPLITS[split] is not None:
        tokenizer.pre_tokenizer = SPLITS[split]
    if NORMS[norm] is not None:
        tokenizer.normalizer = NORMS[norm]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<unk>", *MARKS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["a fine film", "a film is fine\n\nuser\n it's 42"] * 9, trainer)
    tokenizer.add_tokens(list(added))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def whole(tokenizer, texts):
    return [tuple(row) for row in tokenizer(texts, add_special_tokens=False)["input_ids"]]


def test_half_of_a_character_is_one_line():
    pieces = Pieces(make())
    with pytest.raises(PromptError, match=r"^a prompt holds \\ud83d, half of a character; write"):
        pieces.encode(["fine", "a film \ud83d", "<s>fine"])
    assert pieces.encode(["fine"]) == whole(make(), ["fine"])


def encode_cut(tokenizer, texts, where):
    """Return what comes of texts that are cut where they must not be."""
    pieces = Pieces(tokenizer)
    pieces.marks = (where,)
    return pieces.encode(texts)


def some_texts(seed, count=600):
    rng = random.Random(seed)
    return ["", *("".join(rng.choices(BITS, k=rng.randint(1, 14))) for _ in range(count))]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("split", SPLITS)
def test_pieces_have_the_tokens_of_the_whole_text(split, norm):
    added = [
        AddedToken("<tool>", normalized=True, special=False),
        AddedToken("<|im_end|>", normalized=False, special=True, rstrip=True),
    ]
    tokenizer = make(split, norm, added)
    assert set(cutting_marks(tokenizer)) >= set(MARKS)
    texts = [*some_texts(1), LONGEST]
    assert Pieces(tokenizer).encode(texts) == whole(tokenizer, texts)
    # Cuts elsewhere would show; the longest text is cut at its beginning only, where none is.
    texts[-1] = "ilm " + LONGEST
    assert encode_cut(tokenizer, texts, "ilm") != whole(tokenizer, texts)


@pytest.mark.slow
def test_the_embedded_model_cuts_its_chats(smollm2):
    tokenizer = load_tokenizer(smollm2)
    assert {"<|im_start|>", "<|im_end|>"} <= set(cutting_marks(tokenizer))
    texts = [*some_texts(2), LONGEST]
    assert Pieces(tokenizer).encode(texts) == whole(tokenizer, texts)


def test_a_piece_of_several_texts_is_tokenized_once(chat_counting, monkeypatch):
    chat, asked = chat_counting
    shots = "<|im_start|>system\n" + "a film\n" * 50 + "<|im_end|>\n"
    chat.encode([f"{shots}<|im_start|>user\nfilm {i}<|im_end|>\n" for i in range(20)])
    assert sum("system" in text for text in asked) == 2  # that of all, and one text whole
    asked.clear()
    rows = chat.encode([f"{shots}<|im_start|>user\nfilm {i}<|im_end|>\n" for i in range(10, 30)])
    assert len(asked) == 10  # the films that are new; the longest text is known
    monkeypatch.setattr(pieces_module, "_KEPT", 0)
    assert chat.encode([shots, f"{shots}<|im_start|>user\nfilm 10<|im_end|>\n"])[1] == rows[0]
    assert sum("system" in text for text in asked) == 2  # nothing was kept


@pytest.fixture
def chat_counting(tmp_path, tokenizers, monkeypatch):
    """Return a chat format, and all texts that its tokenizer is given."""
    chat = open_format("tiny", ModelSpec.model_validate({"source": "file:model"}),
                       tokenizers(tmp_path / "model"), root=tmp_path)  # fmt: skip
    asked: list[str] = []
    own = type(chat.tokenizer).__call__

    def counting(self, texts, **options):
        asked.extend(texts)
        return own(self, texts, **options)

    monkeypatch.setattr(type(chat.tokenizer), "__call__", counting)
    return chat, asked


@pytest.mark.parametrize(
    "added",
    [
        AddedToken("<mask>", normalized=False, special=True, lstrip=True),
        AddedToken("word", normalized=False, special=False, single_word=True),
    ],
    ids=["lstrip", "single_word"],
)
def test_nothing_is_cut_where_a_token_looks_to_its_left(added):
    assert cutting_marks(make(added=[added])) == ()


def test_no_cut_inside_of_another_token():
    added = [AddedToken(text, normalized=False, special=True) for text in ("\n<|im_start|>", "x<s")]
    tokenizer = make(added=added)
    assert set(cutting_marks(tokenizer)) == {"x<s", "<|im_end|>", "<unk>"}
    texts = ["\n<|im_start|>x<s>a<|im_end|>", *some_texts(3), "x<s" + LONGEST]
    assert Pieces(tokenizer).encode(texts) == whole(tokenizer, texts)


def test_many_tokens_are_gone_through_once():
    # As many as Gemma has; each against each would take minutes.
    added = [AddedToken(f"<unused{i}>", normalized=False, special=True) for i in range(6000)]
    tokenizer = make(added=added)
    assert len(cutting_marks(tokenizer)) == 6000 + len(MARKS) + 1
    texts = [*some_texts(4), LONGEST]
    assert Pieces(tokenizer).encode(texts) == whole(tokenizer, texts)


def test_nothing_is_cut_where_special_tokens_are_read_as_text():
    tokenizer = make()
    tokenizer.split_special_tokens = True
    assert cutting_marks(tokenizer) == ()


def test_nothing_is_cut_by_a_class_that_changes_texts_itself():
    class Changing(PreTrainedTokenizerFast):
        def _encode_plus(self, text, **options):
            return super()._encode_plus([one[::-1] for one in text], **options)

    assert cutting_marks(Changing(tokenizer_object=make().backend_tokenizer)) == ()


def test_pieces_that_do_not_add_up_to_a_text_are_not_used():
    tokenizer = make()
    texts = ["a fine film", "a fine film is fine"]
    assert encode_cut(tokenizer, texts, "ine") == whole(tokenizer, texts)


def test_equal_numbers_are_one_object():
    found = Pieces(make()).encode(["é ё é", "ё é"])
    assert len({id(number) for row in found for number in row}) == len(set(sum(found, ())))
