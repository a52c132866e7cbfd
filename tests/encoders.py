"""Tiny encoders with random weights, of the families that people deploy; made on the spot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

WORDS = ("a fine dull film number is it an example of the first second third this positive "
         "negative good bad . , ! review great awful plot and").split()  # fmt: skip
NLI = ("contradiction", "neutral", "entailment")
SENTIMENT = ("NEGATIVE", "POSITIVE")
KINDS = ("bert", "distilbert", "roberta", "deberta-v2", "bart", "qwen2", "convbert")
# What stands around a text and between two, as in the tokenizers of each family.
_ANGLED = ("<s>", "</s>", "<pad>", "<unk>")
_SQUARE = ("[CLS]", "[SEP]", "[PAD]", "[UNK]")


def make_encoder(
    folder: Path,
    kind: str = "bert",
    *,
    classes: Sequence[str] = SENTIMENT,
    length: int = 64,
    words: Sequence[str] = WORDS,
    seed: int = 0,
    **changes: object,
) -> Path:
    """Write a model and its tokenizer; `changes` go to config.json as it was saved.

    Args:
        folder: Where.
        kind: One of `KINDS`.
        classes: Names of its classes.
        length: Tokens that it reads, by its positions and its tokenizer.
        words: Its vocabulary, beside digits.
        seed: Of its weights.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    marks = _ANGLED if kind in ("roberta", "bart") else _SQUARE
    # RoBERTa's padding is token 1, behind which its positions begin.
    order = [marks[0], marks[2], marks[1], marks[3]]
    known = [*order, *dict.fromkeys([*words, *"0123456789"])]
    _write_tokenizer(folder, known, marks, kind, length)
    torch.manual_seed(seed)
    config = _config(kind, len(known), length, classes)
    model = AutoModelForSequenceClassification.from_config(config).eval()
    # As wide as it takes for texts to tell.
    for weight in model.parameters():
        if weight.dim() > 1:
            torch.nn.init.normal_(weight, std=0.5)
    model.save_pretrained(folder)
    if changes:
        path = folder / "config.json"
        told = json.loads(path.read_text()) | changes
        path.write_text(json.dumps({key: value for key, value in told.items() if value != "gone"}))
    return folder


def _config(kind: str, size: int, length: int, classes: Sequence[str]):
    from transformers import AutoConfig

    own: dict[str, object] = {
        "vocab_size": size,
        "id2label": dict(enumerate(classes)),
        "label2id": {name: number for number, name in enumerate(classes)},
        "pad_token_id": 1,
        "max_position_embeddings": length + (2 if kind == "roberta" else 0),
    }
    if kind == "distilbert":
        own |= {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48}
    elif kind == "bart":
        own |= {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "eos_token_id": 2,
                "encoder_attention_heads": 2, "decoder_attention_heads": 2, "bos_token_id": 0,
                "encoder_ffn_dim": 48, "decoder_ffn_dim": 48,
                "decoder_start_token_id": 2}  # fmt: skip
    else:
        own |= {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
                "intermediate_size": 48}  # fmt: skip
    if kind == "roberta":
        own |= {"type_vocab_size": 1, "bos_token_id": 0, "eos_token_id": 2}
    if kind == "deberta-v2":
        own |= {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0,
                "position_biased_input": False}  # fmt: skip
    if kind == "convbert":
        own |= {"embedding_size": 32, "conv_kernel_size": 3}
    if kind == "qwen2":
        own |= {"num_key_value_heads": 2}
    return AutoConfig.for_model(kind, **own)


def _write_tokenizer(
    folder: Path, known: Sequence[str], marks: Sequence[str], kind: str, length: int
) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    begin, end, padding, unknown = marks
    ids = {word: number for number, word in enumerate(known)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=unknown))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]
    )
    between = f"{end} {end}" if marks is _ANGLED else end
    second = 0 if marks is _ANGLED else 1
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {between} $B:{second} {end}:{second}",
        special_tokens=[(mark, ids[mark]) for mark in marks],
    )
    tokenizer.add_special_tokens(list(marks))
    names = ["input_ids", "attention_mask"]
    if kind in ("bert", "deberta-v2"):
        names.insert(1, "token_type_ids")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token=begin,
        sep_token=end,
        pad_token=padding,
        unk_token=unknown,
        model_max_length=length,
        model_input_names=names,
    ).save_pretrained(folder)
