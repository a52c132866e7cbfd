"""Texts -> token ids, each piece that several texts share tokenized once: mostly their shots.

A fast tokenizer takes special tokens out of a text first, and what stands between two of them goes
through normalizer, pre-tokenizer and model by itself. So a text that is cut in front of a special
token has the tokens of its pieces, one after another: a piece that begins with such a token is at
no text's beginning, which is all that a pre-tokenizer asks of the place of what it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import AddedToken
    from transformers import PreTrainedTokenizerBase

# Tokens of pieces that are kept: 128 MiB of references, and half of that for their texts.
_KEPT = 16_777_216


def cuts(tokenizer: PreTrainedTokenizerBase) -> re.Pattern[str] | None:
    """Return what finds the special tokens in front of which a text may be cut, or None.

    Not where a tokenizer does something of its own to a text, where an added token looks at what
    stands to its left, or where one may begin in front of a special token and end behind its
    beginning.
    """
    from transformers import PreTrainedTokenizerFast

    own = getattr(type(tokenizer), "_encode_plus", None)
    if own is not getattr(PreTrainedTokenizerFast, "_encode_plus", own) or not tokenizer.is_fast:
        return None
    # Those that are matched in the text as it is; the others only in what these leave.
    added = [one for one in tokenizer.added_tokens_decoder.values() if not one.normalized]
    if tokenizer.split_special_tokens or any(one.single_word or one.lstrip for one in added):
        return None
    found = {str(one.content) for one in added if _bounds(one, added)}
    # The longest first: a token may begin with another one.
    ordered = sorted(found, key=lambda text: (-len(text), text))
    return re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _bounds(token: AddedToken, added: Sequence[AddedToken]) -> bool:
    """Return whether a special token always begins where it is spelt."""
    text = str(token.content)
    if not token.special or not text.strip() or text[0].isspace():
        return False
    # White space behind one that strips it is a part of that one, and ends before this text.
    return not any(
        other[start:].startswith(text) or text.startswith(other[start:])
        for other in (str(one.content) for one in added)
        for start in range(1, len(other))
    )


class Pieces:
    """Tokenizes the texts of one model, and keeps the pieces for the next ones, which share many.

    Attributes:
        cuts: Finds where a text is cut, see `cuts`; None where it is not.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.cuts = cuts(tokenizer)
        self._tokenizer = tokenizer
        self._known: dict[str, tuple[int, ...]] = {}
        self._kept = 0
        # Equal numbers are one object: there are few of them, and tens of millions of tokens.
        self._numbers: list[int] = []

    def encode(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the token ids of texts, without special tokens that they do not spell."""
        if not texts:
            return []
        if self._kept > _KEPT:
            self._known, self._kept = {}, 0
        parts = [self._cut(text) for text in texts]
        # One text is taken whole besides: should a tokenizer not do what is said above, nothing
        # is cut any more.
        longest = max(range(len(texts)), key=lambda index: len(texts[index]))
        self._learn([texts[longest], *chain.from_iterable(parts)])
        ids = [self._joined(row) for row in parts]
        if ids[longest] == self._known[texts[longest]]:
            return ids
        self.cuts = None
        self._learn(texts)
        return [self._known[text] for text in texts]

    def _cut(self, text: str) -> list[str]:
        """Return a text cut in front of each special token that it spells."""
        places = [match.start() for match in self.cuts.finditer(text)] if self.cuts else []
        if not places or places[0] > 0:
            places.insert(0, 0)
        return [text[start:end] for start, end in pairwise([*places, len(text)])]

    def _joined(self, pieces: Sequence[str]) -> tuple[int, ...]:
        ids: list[int] = []
        for piece in pieces:
            ids += self._known[piece]
        return tuple(ids)

    def _learn(self, pieces: Iterable[str]) -> None:
        """Tokenize the pieces that are not known yet, in one batch."""
        new = list(dict.fromkeys(piece for piece in pieces if piece not in self._known))
        if not new:
            return
        rows: list[list[int]] = self._tokenizer(
            new,
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        top = max((max(row) for row in rows if row), default=-1)
        self._numbers += range(len(self._numbers), top + 1)
        for piece, row in zip(new, rows, strict=True):
            self._known[piece] = tuple(map(self._numbers.__getitem__, row))
            self._kept += len(row)
