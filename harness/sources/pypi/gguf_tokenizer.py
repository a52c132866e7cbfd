"""The tokenizer of a GGUF file, made of what the file says of it.

Of SentencePiece's BPE, merges follow from scores; BPE over bytes splits texts as
`harness.sources.pypi.gguf_splits` says. transformers 5.17 takes such a file of Gemma for a Unigram
model (integrations/ggml.py, in GGUFGemmaConverter). Its scores are ranks, not log-probabilities,
so that every text would fall into single characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import AssetError
from harness.sources.pypi.gguf_splits import splitting

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

SPACE = "▁"
# What a file says of a token's type.
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _BYTE = 1, 2, 3, 4, 6


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a GGUF file says of its tokenizer; where it is silent, what llama.cpp takes.

    Attributes:
        kind: `llama` is SentencePiece's BPE, `gpt2` the BPE over bytes; there are others.
        tokens: By id.
        types: By id.
        pieces: Scores of the tokens that text is put together from: the pair of neighbours that
            makes the one of the highest score joins first. Empty if the file has merges, or no
            scores.
        named: Tokens by the names that transformers has for them.
        bos: Whether a text begins with BOS.
        eos: Whether it ends with EOS.
        space_prefix: Whether a space goes before a text, and before what follows an added token.
        chat_template: Jinja2, or None.
        pre: How texts of the kind `gpt2` are split; None where the file does not say.
        merges: Pairs of neighbours that join, the first ones first.
    """

    kind: str
    tokens: list[str]
    types: list[int]
    pieces: dict[str, float]
    named: dict[str, str]
    bos: bool
    eos: bool
    space_prefix: bool
    chat_template: str | None
    pre: str | None = None
    merges: tuple[tuple[str, str], ...] = ()

    @property
    def by_bytes(self) -> bool:
        """Whether it is BPE over bytes."""
        return self.kind == "gpt2"

    @property
    def frame(self) -> list[str]:
        """Names of the tokens that a text stands between."""
        return ["bos_token"] * self.bos + ["eos_token"] * self.eos

    @property
    def scored(self) -> bool:
        """Whether the merges are to be made from scores."""
        return self.kind == "llama" and bool(self.pieces)

    @property
    def control(self) -> list[str]:
        """Tokens that no text is put together from."""
        return self._of(_CONTROL, _UNKNOWN)

    @property
    def user_defined(self) -> list[str]:
        """Tokens that are found in a text before all else."""
        return self._of(_USER_DEFINED)

    @property
    def has_bytes(self) -> bool:
        """Whether a character without a token is written in the tokens of its bytes."""
        return _BYTE in self.types

    def _of(self, *kinds: int) -> list[str]:
        rows = zip(self.tokens, self.types, strict=True)
        return [token for token, kind in rows if kind in kinds]


def read_vocabulary(gguf: Path) -> Vocabulary:
    """Read what a GGUF file says of its tokenizer; its weights are not read.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not a GGUF file, or has other numbers of tokens, scores and types.
        AssetError: It has no tokens, as a projector or an adapter, or BPE over bytes that is not
            known how to split.
    """
    from gguf import GGUFReader, Keys

    keys = Keys.Tokenizer
    fields = {key: field for key, field in GGUFReader(gguf).fields.items() if "tokenizer." in key}
    said = {key: field.contents() for key, field in fields.items()}
    if keys.LIST not in said or keys.MODEL not in said:
        raise AssetError("it has no tokenizer, as a projector, an adapter or a later part of "
                         "several files; name the file of the whole model")  # fmt: skip
    tokens = said[keys.LIST]
    kind = said[keys.MODEL]
    pre = said.get(keys.PRE)
    ours = kind == "llama"
    types = said.get(keys.TOKEN_TYPE, [_NORMAL] * len(tokens))
    scores = [] if keys.MERGES in said else said.get(keys.SCORES, [])
    if len(types) != len(tokens) or len(scores) not in {0, len(tokens)}:
        raise ValueError(f"{len(tokens)} tokens, {len(types)} types and {len(scores)} scores")
    rows = zip(tokens, types, scores, strict=False)
    numbers = {
        "bos_token": said.get(keys.BOS_ID, 1 if ours else None),
        "eos_token": said.get(keys.EOS_ID, 2 if ours else None),
        "unk_token": said.get(keys.UNK_ID, 0 if ours else None),
        "pad_token": said.get(keys.PAD_ID),
    }
    return Vocabulary(
        kind=kind,
        tokens=tokens,
        types=types,
        pieces={token: score for token, kind, score in rows if kind == _NORMAL},
        # Some files write a number without a token where they mean none.
        named={
            name: tokens[at]
            for name, at in numbers.items()
            if at is not None and 0 <= at < len(tokens)
        },
        bos=said.get(keys.ADD_BOS, splitting(pre).bos if kind == "gpt2" else True),
        eos=said.get(keys.ADD_EOS, False),
        space_prefix=said.get(keys.ADD_PREFIX, True),
        chat_template=said.get(keys.CHAT_TEMPLATE),
        pre=pre,
        merges=tuple(_pair(merge) for merge in said.get(keys.MERGES, [])),
    )


def _pair(merge: str) -> tuple[str, str]:
    left, _, right = merge.partition(" ")
    return left, right


def build_tokenizer(vocabulary: Vocabulary) -> PreTrainedTokenizerFast:
    """Return the tokenizer of a vocabulary with scores, or of BPE over bytes.

    Raises:
        ValueError: The file has no token where it names BOS, EOS or the unknown one.
    """
    from transformers import PreTrainedTokenizerFast

    wanted = vocabulary.frame if vocabulary.by_bytes else ("bos_token", "eos_token", "unk_token")
    for name in wanted:
        if name not in vocabulary.named:
            raise ValueError(f"the file names no token as its {name}; take another file of the "
                             "model, or its own folder")  # fmt: skip
    backend = _byte_backend(vocabulary) if vocabulary.by_bytes else _backend(vocabulary)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, **vocabulary.named)
    tokenizer.chat_template = vocabulary.chat_template
    return tokenizer


def _backend(vocabulary: Vocabulary) -> Tokenizer:
    from tokenizers import AddedToken, Tokenizer, decoders, normalizers, processors
    from tokenizers.models import BPE

    tokens, named = vocabulary.tokens, vocabulary.named
    numbers = {token: number for number, token in enumerate(tokens)}
    model = BPE(
        numbers,
        _merges(vocabulary.pieces),
        unk_token=named["unk_token"],
        fuse_unk=True,
        byte_fallback=vocabulary.has_bytes,
    )
    tokenizer = Tokenizer(model)
    prefix = [normalizers.Prepend(SPACE)] * vocabulary.space_prefix
    unprefix = [decoders.Strip(" ", left=1)] * vocabulary.space_prefix
    tokenizer.normalizer = normalizers.Sequence([*prefix, normalizers.Replace(" ", SPACE)])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *unprefix]
    )
    bos, eos = named["bos_token"], named["eos_token"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=[bos] * vocabulary.bos + ["$A"] + [eos] * vocabulary.eos,
        special_tokens=[(bos, numbers[bos]), (eos, numbers[eos])],
    )
    tokenizer.add_special_tokens(
        [AddedToken(token, normalized=False, special=True) for token in vocabulary.control]
    )
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in vocabulary.user_defined])
    return tokenizer


def _byte_backend(vocabulary: Vocabulary) -> Tokenizer:
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


def _merges(pieces: dict[str, float]) -> list[tuple[str, str]]:
    """Return every way to join two pieces to a third, the piece of the highest score first."""
    merges: list[tuple[str, str]] = []
    # Sorting is stable: of equal scores the token of the lower id stays first.
    for piece in sorted(pieces, key=lambda piece: -pieces[piece]):
        splits = ((piece[:at], piece[at:]) for at in range(1, len(piece)))
        merges += [(left, right) for left, right in splits if left in pieces and right in pieces]
    return merges
