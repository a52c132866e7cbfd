"""Whether a tokenizer made from a GGUF file reads texts as the file says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

from harness.errors import AssetError
from harness.sources.pypi.gguf_tokenizer import SPACE, Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_TEXTS = (
    "The quick brown fox doesn't jump over 13 lazy dogs.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю!",
    "def f(x):\n\tif x >= 10:\n        return {'a': [x] * 2}  # done\n",
    "a  b   c\n\n\nd \t e    \n",
    "naïve 你好 😀 \x01\u200b.",
)
_WORD = re.compile("[Ġ▁]([a-z]{2,})")
_MOST_WORDS = 500


def check_tokenizer(tokenizer: PreTrainedTokenizerBase, vocabulary: Vocabulary) -> None:
    """Compare a tokenizer with the file that it was made from.

    Its tokens have to be those of the file. With scores, texts have to become what the rule of
    the scores makes of them. Else most words that are tokens have to stay whole, as not every
    token can be reached by merges. Texts have to come back from their ids.

    Raises:
        AssetError: They do not.
    """
    problem = next(_problems(tokenizer, vocabulary), None)
    if problem is not None:
        raise AssetError(f"its tokenizer is not read rightly: {problem}; take the model's own "
                         "folder, or another file of it")  # fmt: skip


def reference_ids(text: str, vocabulary: Vocabulary) -> list[int]:
    """Return the ids of a text by the rule of the scores, in quadratic time.

    User-defined tokens are cut out. In what is left, the two neighbours that make the piece of
    the highest score are joined until no two make a piece, the first of equal ones.
    """
    numbers = {token: number for number, token in enumerate(vocabulary.tokens)}
    longest = sorted(filter(None, vocabulary.user_defined), key=len, reverse=True)
    added = "|".join(map(re.escape, longest)) or "(?!)"
    ids: list[int] = []
    for index, part in enumerate(re.split(f"({added})", text)):
        if index % 2:
            ids.append(numbers[part])
        elif part:
            prefix = SPACE if vocabulary.space_prefix else ""
            for piece in _joined(list(prefix + part.replace(" ", SPACE)), vocabulary.pieces):
                ids += _piece_ids(piece, numbers, vocabulary)
    return ids


def _joined(parts: list[str], pieces: dict[str, float]) -> list[str]:
    while True:
        pairs = [left + right for left, right in pairwise(parts)]
        found = [(pieces[pair], -at) for at, pair in enumerate(pairs) if pair in pieces]
        if not found:
            return parts
        at = -max(found)[1]
        parts[at : at + 2] = [pairs[at]]


def _piece_ids(piece: str, numbers: dict[str, int], vocabulary: Vocabulary) -> list[int]:
    if piece in vocabulary.pieces:
        return [numbers[piece]]
    return [numbers[f"<0x{byte:02X}>"] for byte in piece.encode()]


def _problems(tokenizer: PreTrainedTokenizerBase, vocabulary: Vocabulary) -> Iterator[str]:
    tokens = vocabulary.tokens
    yield from _lost_tokens(tokenizer, vocabulary)
    if vocabulary.scored or vocabulary.by_bytes:
        ends = [vocabulary.named[name] for name in vocabulary.frame]
        if tokenizer.convert_ids_to_tokens(tokenizer.encode("")) != ends:
            yield f"a text does not stand between {' and '.join(ends) or 'nothing'}"
    if not vocabulary.scored:
        yield from _broken_words(tokenizer, tokens)
    # After an added token a space may go before the text, and stays when it is decoded.
    spaced = vocabulary.space_prefix and vocabulary.user_defined
    exact = vocabulary.kind == "gpt2" or (vocabulary.scored and not spaced)
    for text in filter(lambda text: _spelled(text, vocabulary), _TEXTS):
        ids = tokenizer.encode(text, add_special_tokens=False)
        if vocabulary.scored and ids != (wanted := reference_ids(text, vocabulary)):
            at = next(i for i, (a, b) in enumerate(zip_longest(ids, wanted)) if a != b)
            made, right = (" ".join(tokens[i] for i in row[at : at + 8]) for row in (ids, wanted))
            yield f"in {text!r} stands {made!r}, not {right!r}"
        if exact and (back := tokenizer.decode(ids)) != text:
            yield f"{text!r} comes back as {back!r}"


def _lost_tokens(tokenizer: PreTrainedTokenizerBase, vocabulary: Vocabulary) -> Iterator[str]:
    tokens = vocabulary.tokens
    for token, found in zip(tokens, tokenizer.convert_tokens_to_ids(tokens), strict=True):
        # Of a token that stands twice, either will do.
        if found is None or found >= len(tokens) or tokens[found] != token:
            yield f"it lacks the token {token!r}"
    # An empty one is found nowhere.
    for token in filter(None, (*vocabulary.control, *vocabulary.user_defined)):
        ids = tokenizer.encode(token, add_special_tokens=False)
        if tokenizer.convert_ids_to_tokens(ids) != [token]:
            yield f"the token {token!r} is not found in a text"


def _broken_words(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[str]) -> Iterator[str]:
    words = [(match[1], at) for at, token in enumerate(tokens) if (match := _WORD.fullmatch(token))]
    words = words[:: len(words) // _MOST_WORDS + 1]
    broken = [word for word, at in words
              if tokenizer.encode(f" {word}", add_special_tokens=False)[-1:] != [at]]  # fmt: skip
    if 2 * len(broken) > len(words):
        yield (f"{len(broken)} of {len(words)} words that are tokens fall apart, such as "
               f"{broken[0]!r}")  # fmt: skip


def _spelled(text: str, vocabulary: Vocabulary) -> bool:
    """Return whether the file has tokens for all of a text's characters, or bytes."""
    from tokenizers.pre_tokenizers import ByteLevel

    if vocabulary.kind == "gpt2":
        level = ByteLevel(add_prefix_space=False, use_regex=False)
        text = "".join(part for part, _ in level.pre_tokenize_str(text))
    return vocabulary.has_bytes or set(text.replace(" ", SPACE)) <= set(vocabulary.tokens)
