r"""Where a long text is cut between two words, without changing its tokens.

The pre-tokenizers that are known here split a text from the left to the right by patterns of which
no match holds a letter with a space behind it, and none looks back; what they look ahead for is the
end of white space. So between a letter and a space with a letter behind it there is always a split,
and neither side depends on the other. Nor does NFC, in which a space begins anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from harness.records import Json
from harness.sources.pypi.gguf_splits import DIGIT, WORD_PATTERNS

if TYPE_CHECKING:
    from tokenizers.normalizers import Normalizer
    from tokenizers.pre_tokenizers import PreTokenizer
    from transformers import PreTrainedTokenizerBase

# Letters to every table of Unicode.
_PLACE = re.compile(r"(?<=[A-Za-z\u0410-\u044f]) (?=[A-Za-z\u0410-\u044f])")
# Characters of a piece at least: a text that differs late shares all pieces before that.
_LEAST = 512


def cuts_words(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Return whether a fast tokenizer treats both sides of the cuts of `word_pieces` by themselves.

    That its special tokens leave them alone is for the caller to know; no added token may hold a
    space behind its beginning, or strip one behind itself.
    """
    backend = tokenizer.backend_tokenizer
    added = tokenizer.added_tokens_decoder.values()
    if any(" " in str(one.content)[1:] or one.rstrip for one in added):
        return False
    if any(one.get("type") != "NFC" for one in _parts(backend.normalizer, "normalizers")):
        return False
    *splits, last = _parts(backend.pre_tokenizer, "pretokenizers") or [{}]
    if last.get("type") != "ByteLevel" or last.get("add_prefix_space") is not False:
        return False
    words = [one for one in splits if not _splits_digits(one)]
    if not all(_splits_words(one) for one in words):
        return False
    return bool(words) or last.get("use_regex") is True


def word_pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces that begin between two words, as far as it has such places.

    Where it is cut depends on what stands before a cut and right behind it alone, so texts with
    equal beginnings have equal pieces there.
    """
    start = 0
    while found := _PLACE.search(text, start + _LEAST):
        yield text[start : found.start()]
        start = found.start()
    yield text[start:]


def _parts(component: Normalizer | PreTokenizer | None, name: str) -> list[Mapping[str, Json]]:
    """Return the settings of a component of a tokenizer, those of a sequence one by one."""
    if component is None:
        return []
    # As it is pickled, which is the JSON of tokenizer.json.
    state = json.loads(component.__getstate__())
    found: list[Mapping[str, Json]] = state[name] if state["type"] == "Sequence" else [state]
    return found


def _splits_digits(settings: Mapping[str, Json]) -> bool:
    """Return whether it parts digits alone, beside which there is no cut."""
    return settings.get("type") == "Digits" or _isolates(settings, {DIGIT})


def _splits_words(settings: Mapping[str, Json]) -> bool:
    return _isolates(settings, WORD_PATTERNS)


def _isolates(settings: Mapping[str, Json], patterns: Collection[str]) -> bool:
    pattern = settings.get("pattern")
    return (
        settings.get("type") == "Split"
        and settings.get("behavior") == "Isolated"
        and settings.get("invert") is False
        and isinstance(pattern, dict)
        and pattern.get("Regex") in patterns
    )
