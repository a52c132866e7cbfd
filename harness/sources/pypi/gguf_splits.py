"""How the tokenizer of a GGUF file of BPE over bytes splits texts, by its `tokenizer.ggml.pre`.

transformers 5.17 goes by the architecture in place of the file: every `llama` is split as GPT-2
splits, Llama 3 included, and of most others only a fixed list of tokens is found in a text
(integrations/ggml.py, GGUFLlamaConverter and GGUFQwen2Converter).
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import AssetError

# What a text is cut into before anything is joined.
_SIGNS = r"\s+(?!\S)|\s+"
_GPT2 = rf"'s|'t|'re|'ve|'m|'ll|'d| ?\p{{L}}+| ?\p{{N}}+| ?[^\s\p{{L}}\p{{N}}]+|{_SIGNS}"
_SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_LINES = rf" ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|{_SIGNS}"
_LLAMA3 = rf"{_SHORT}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{_LINES}"
_QWEN2 = rf"{_SHORT}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{_LINES}"
WORD_PATTERNS = frozenset({_GPT2, _LLAMA3, _QWEN2})
"""Those that part a text between any two words; GPT-2's is that of ByteLevel itself."""
DIGIT = r"\p{N}"
"""It parts digits from each other, and nothing else."""
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*|\p{{N}}"
    rf"| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|{_SIGNS}"
)


@dataclass(frozen=True, slots=True)
class Splitting:
    """What a `pre` stands for in llama.cpp.

    Attributes:
        patterns: Cut a text one after the other.
        bos: Whether a text begins with BOS where the file does not say.
        whole: Whether a piece that is a token is not put together by merges.
    """

    patterns: tuple[str, ...]
    bos: bool = False
    whole: bool = False


_LIKE_GPT2 = Splitting((_GPT2,))
_DIGITS = Splitting((DIGIT, _GPT2))
_LIKE_LLAMA3 = Splitting((_LLAMA3,), bos=True, whole=True)
_LIKE_QWEN2 = Splitting((_QWEN2,))
SPLITTINGS = {
    **dict.fromkeys(("gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion"), _LIKE_GPT2),
    **dict.fromkeys(("smollm", "starcoder", "refact", "command-r", "codeshell"), _DIGITS),
    **dict.fromkeys(("llama-bpe", "llama3", "llama-v3", "falcon3", "lfm2"), _LIKE_LLAMA3),
    **dict.fromkeys(("dbrx", "smaug-bpe"), Splitting((_LLAMA3,))),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen", "stablelm2"), _LIKE_QWEN2),
    "tekken": Splitting((_TEKKEN,), bos=True, whole=True),
}
"""By `tokenizer.ggml.pre`; compared with llama.cpp's own tokens."""


def splitting(pre: str | None) -> Splitting:
    """Return how a file's texts are cut.

    Raises:
        AssetError: It does not say, or says what is not known here.
    """
    if pre in SPLITTINGS:
        return SPLITTINGS[pre]
    said = f"is {pre!r}, which is not one of {', '.join(SPLITTINGS)}" if pre else "is missing"
    raise AssetError(f"tokenizer.ggml.pre, by which texts are split into tokens, {said}; take the "
                     "model's own folder, or another file of it")  # fmt: skip
