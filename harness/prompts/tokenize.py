"""Texts -> token ids, each piece that several texts share tokenized once: mostly their shots.

A fast tokenizer takes special tokens out of a text first, and what stands between two of them goes
through normalizer, pre-tokenizer and model by itself. So a text that is cut in front of a special
token has the tokens of its pieces, one after another: a piece that begins with such a token is at
no text's beginning, which is all that a pre-tokenizer asks of the place of what it is given. What
is long between two of them is cut further where that is known to change nothing, see `wordcuts`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from harness.characters import half_character
from harness.errors import PromptError
from harness.prompts.tokenizers import tokenizing
from harness.prompts.wordcuts import cuts_words, word_pieces

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Tokens of pieces that are kept: 128 MiB of references, and half of that for their texts.
_KEPT = 16_777_216
# Pieces that a tokenizer gets at once: more than processors, and it makes a text of every token.
_AT_ONCE = 512


def cutting_marks(tokenizer: PreTrainedTokenizerBase) -> tuple[str, ...]:
    """Return the special tokens in front of which a text may be cut, the longest first.

    None where a tokenizer does something of its own to a text, where an added token looks at what
    stands to its left, or where one may begin in front of a special token and end behind its
    beginning.
    """
    from transformers import PreTrainedTokenizerFast

    own = getattr(type(tokenizer), "_encode_plus", None)
    if own is not getattr(PreTrainedTokenizerFast, "_encode_plus", own) or not tokenizer.is_fast:
        return ()
    # Those that are matched in the text as it is; the others only in what these leave.
    added = [one for one in tokenizer.added_tokens_decoder.values() if not one.normalized]
    if tokenizer.split_special_tokens or any(one.single_word or one.lstrip for one in added):
        return ()
    special = {str(one.content) for one in added if one.special}
    special = {text for text in special if text.strip() and not text[0].isspace()}
    # What may stand in a token from behind its beginning on, as far as a special one begins there.
    # White space behind a token that strips it belongs to that one, and ends before a special one.
    starts, lengths = {text[0] for text in special}, {len(text) for text in special}
    contents = [str(one.content) for one in added]
    tails = {text[i:] for text in contents for i in range(1, len(text)) if text[i] in starts}
    heads = {tail[:length] for tail in tails for length in lengths}
    found = {
        text
        for text in special - heads
        if not any(text[:length] in tails for length in range(1, len(text)))
    }
    # The longest first: a token may begin with another one.
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


class Pieces:
    """Tokenizes the texts of one model, and keeps the pieces for the next ones, which share many.

    Attributes:
        marks: In front of these a text is cut, see `cutting_marks`.
        words: Whether what is longer is cut between words, see `word_pieces`.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.marks = cutting_marks(tokenizer)
        self.words = bool(self.marks) and cuts_words(tokenizer)
        self._tokenizer = tokenizer
        self._known: dict[str, tuple[int, ...]] = {}
        self._kept = 0
        # Equal numbers are one object: there are few of them, and tens of millions of tokens.
        self._numbers: list[int] = []

    def encode(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """Return the token ids of texts, without special tokens that they do not spell.

        Raises:
            PromptError: A text holds half of a character, which no tokenizer takes, or this one
                gives up.
        """
        if not texts:
            return []
        try:
            with tokenizing():
                return self._encoded(texts)
        except (TypeError, UnicodeEncodeError) as error:
            half = next(filter(None, map(half_character, texts)), None)
            if half is None:
                raise
            raise PromptError(f"a prompt holds {half}, half of a character; write the whole one, "
                              "or take it out") from error  # fmt: skip

    def _encoded(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        if self._kept > _KEPT:
            self._known, self._kept = {}, 0
        longest = max(range(len(texts)), key=lambda index: len(texts[index]))
        # Some tokenizers have thousands of marks, of which a template writes a few.
        marks = [re.escape(mark) for mark in self.marks if mark in texts[longest]]
        cuts = re.compile("|".join(marks)) if marks else None
        parts = [_pieces(text, cuts, words=self.words) for text in texts]
        # One text is taken whole besides: should a tokenizer not do what is said above, nothing
        # is cut any more.
        self._learn([texts[longest], *chain.from_iterable(parts)])
        ids = [self._joined(row) for row in parts]
        if ids[longest] == self._known[texts[longest]]:
            return ids
        self.marks, self.words = (), False
        self._learn(texts)
        return [self._known[text] for text in texts]

    def _joined(self, pieces: Sequence[str]) -> tuple[int, ...]:
        ids: list[int] = []
        for piece in pieces:
            ids += self._known[piece]
        return tuple(ids)

    def _learn(self, pieces: Iterable[str]) -> None:
        """Tokenize the pieces that are not known yet."""
        new = list(dict.fromkeys(piece for piece in pieces if piece not in self._known))
        for start in range(0, len(new), _AT_ONCE):
            some = new[start : start + _AT_ONCE]
            rows: list[list[int]] = self._tokenizer(
                some,
                add_special_tokens=False,
                return_attention_mask=False,
                return_token_type_ids=False,
            )["input_ids"]
            top = max((max(row) for row in rows if row), default=-1)
            self._numbers += range(len(self._numbers), top + 1)
            for piece, row in zip(some, rows, strict=True):
                self._known[piece] = tuple(map(self._numbers.__getitem__, row))
                self._kept += len(row)


def _pieces(text: str, cuts: re.Pattern[str] | None, *, words: bool) -> list[str]:
    """Return a text cut where the pattern begins to match, and between words."""
    places = [match.start() for match in cuts.finditer(text)] if cuts else []
    if not places or places[0] > 0:
        places.insert(0, 0)
    pieces = [text[start:end] for start, end in pairwise([*places, len(text)])]
    return [one for piece in pieces for one in word_pieces(piece)] if words else pieces
