"""The tokenizer of a GGUF file of BPE over bytes, which splits texts as its `pre` says.

transformers 5.17 goes by the architecture in place of the file: every `llama` is split as GPT-2
splits, Llama 3 included, and of most others only a fixed list of tokens is found in a text
(integrations/ggml.py, GGUFLlamaConverter and GGUFQwen2Converter).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import AssetError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from harness.sources.pypi.gguf_tokenizer import Vocabulary

# What a text is cut into before anything is joined.
_SIGNS = r"\s+(?!\S)|\s+"
_GPT2 = rf"'s|'t|'re|'ve|'m|'ll|'d| ?\p{{L}}+| ?\p{{N}}+| ?[^\s\p{{L}}\p{{N}}]+|{_SIGNS}"
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_LINES = rf" ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|{_SIGNS}"
_LLAMA3 = rf"{_SHORT}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{_LINES}"
_QWEN2 = rf"{_SHORT}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{_LINES}"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*|\p{{N}}"
    rf"| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|{_SIGNS}"
)


@dataclass(frozen=True, slots=True)
class _Splitting:
    """What a `pre` stands for in llama.cpp.

    Attributes:
        patterns: Cut a text one after the other.
        bos: Whether a text begins with BOS where the file does not say.
        whole: Whether a piece that is a token is not put together by merges.
    """

    patterns: tuple[str, ...]
    bos: bool = False
    whole: bool = False


_LIKE_GPT2 = _Splitting((_GPT2,))
_DIGITS = _Splitting((r"\p{N}", _GPT2))
_LIKE_LLAMA3 = _Splitting((_LLAMA3,), bos=True, whole=True)
_LIKE_QWEN2 = _Splitting((_QWEN2,))
SPLITTINGS = {
    **dict.fromkeys(("gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion"), _LIKE_GPT2),
    **dict.fromkeys(("smollm", "starcoder", "refact", "command-r", "codeshell"), _DIGITS),
    **dict.fromkeys(("llama-bpe", "llama3", "llama-v3", "falcon3", "lfm2"), _LIKE_LLAMA3),
    **dict.fromkeys(("dbrx", "smaug-bpe"), _Splitting((_LLAMA3,))),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen", "stablelm2"), _LIKE_QWEN2),
    "tekken": _Splitting((_TEKKEN,), bos=True, whole=True),
}
"""By `tokenizer.ggml.pre`; compared with llama.cpp's own tokens."""


def splitting(pre: str | None) -> _Splitting:
    """Return how a file's texts are cut.

    Raises:
        AssetError: It does not say, or says what is not known here.
    """
    if pre in SPLITTINGS:
        return SPLITTINGS[pre]
    said = f"is {pre!r}, which is not one of {', '.join(SPLITTINGS)}" if pre else "is missing"
    raise AssetError(f"tokenizer.ggml.pre, by which texts are split into tokens, {said}; take the "
                     "model's own folder, or another file of it")  # fmt: skip


def byte_backend(vocabulary: Vocabulary) -> Tokenizer:
    """Return what splits, joins and spells texts.

    Raises:
        AssetError: See `splitting`.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers, processors
    from tokenizers.models import BPE

    how = splitting(vocabulary.pre)
    numbers = {token: number for number, token in enumerate(vocabulary.tokens)}
    tokenizer = Tokenizer(
        BPE(
            numbers,
            # Of a pair that stands twice, the first place counts.
            list(dict.fromkeys(vocabulary.merges)),
            unk_token=vocabulary.named.get("unk_token"),
            ignore_merges=how.whole,
        )
    )
    cuts = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in how.patterns]
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*cuts, level])
    tokenizer.decoder = decoders.ByteLevel()
    ends = [vocabulary.named[name] for name in vocabulary.frame]
    at = vocabulary.frame.index("bos_token") + 1 if "bos_token" in vocabulary.frame else 0
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[*ends[:at], "$A", *ends[at:]],
        special_tokens=[(token, numbers[token]) for token in dict.fromkeys(ends)],
    )
    tokenizer.add_special_tokens(
        [AddedToken(token, normalized=False, special=True) for token in vocabulary.control]
    )
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in vocabulary.user_defined])
    return tokenizer
