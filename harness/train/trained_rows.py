"""What an adapter was trained on, kept so that copies are found later without the data."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.records import Message
from harness.shots.leaks import folded
from harness.sources.cache import sha256
from harness.train.signatures import Hashes, signatures, word_hashes

Bytes = NDArray[np.uint8]
TRAINED_ROWS = "trained_rows.safetensors"
NEAR = 0.58
"""Estimated share of word triples, of all that two texts have, from which on one is a near copy."""
# To be raised with any change of what is kept.
_VERSION = "2"
# Words that a text needs to be looked for as a near copy; in a shorter one a word is too much.
_LEAST = 10
# Words of a line that counts by itself, beside the whole turn.
_LINE_WORDS = 3
# A line in more rows is an instruction, by which different texts would be alike.
_ROWS_OF_A_LINE = 3
# Two signatures are compared where so many of their bytes, as one number, are equal at one place.
_BAND = np.uint32
# A text whose signature says whether this release makes the same ones.
_PROBE = "the quick brown fox jumps over the lazy dog and runs away from it into the wood"
_MARKS = "[\"'\u00ab\u201c\u201e\u2018(\\[]"
# Looks back from behind a mark, as a search for a set of characters is the faster one.
_OPENING = re.compile(rf"{_MARKS}(?<!\S{_MARKS}){_MARKS}*")
_CLOSING = re.compile("[\"'\u00bb\u201d\u201c\u2019)\\].,;:!?]+(?!\\S)")
_DASH = re.compile("[\u2010-\u2015\u2212]")


@dataclass(frozen=True, slots=True)
class TrainedRows:
    """The turns of an adapter's training rows, and their lines.

    Attributes:
        digests: Of all turns and lines, in rising order, [texts].
        digest_rows: The row of each, from 1.
        signatures: Of whole turns, and of single lines that users say, which have words enough.
        signature_rows: The row of each, from 1.
    """

    digests: NDArray[np.uint64]
    digest_rows: NDArray[np.int32]
    signatures: Bytes
    signature_rows: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Match:
    """The training row that a text stands in, word for word or nearly."""

    row: int
    exact: bool


def trained_rows(rows: Iterable[tuple[int, Sequence[Message]]]) -> TrainedRows:
    """Return what is kept of training rows.

    Args:
        rows: Number and messages of each.
    """
    first: dict[int, int] = {}
    # Of whole turns it counts no rows: they may stand in any number.
    lines: Counter[int] = Counter()
    words: dict[int, Hashes] = {}
    for number, messages in rows:
        for turn in messages:
            for place, text in enumerate(_parts(turn["content"])):
                digest = _digest(text)
                if place:
                    lines[digest] += 1
                if digest in first:
                    continue
                first[digest] = number
                if (not place or turn["role"] == "user") and len(of := word_hashes(text)) >= _LEAST:
                    words[digest] = of
    signed = [one for one in words if lines[one] <= _ROWS_OF_A_LINE]
    digests = np.fromiter(first, dtype=np.uint64, count=len(first))
    order = np.argsort(digests)
    return TrainedRows(
        digests[order],
        np.fromiter(first.values(), dtype=np.int32, count=len(first))[order],
        _kept(signatures([words[one] for one in signed])),
        np.array([first[one] for one in signed], dtype=np.int32),
    )


def write_trained_rows(rows: TrainedRows, folder: Path) -> str:
    """Write what is kept of training rows into an adapter's folder, and return its sha256."""
    from safetensors.numpy import save_file

    path = folder / TRAINED_ROWS
    tensors = {name: np.ascontiguousarray(getattr(rows, name)) for name in TrainedRows.__slots__}
    save_file(tensors, path, _metadata())
    return sha256(path)


def read_trained_rows(folder: Path) -> TrainedRows | None:
    """Return what is kept of an adapter's training rows, None where nothing that can be read is.

    A release that makes other signatures cannot read what an earlier one kept.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / TRAINED_ROWS, framework="np") as tensors:
            if tensors.metadata() != _metadata():
                return None
            return TrainedRows(*(tensors.get_tensor(name) for name in TrainedRows.__slots__))
    except (OSError, SafetensorError):
        return None


def matches(rows: TrainedRows, texts: Sequence[str]) -> list[Match | None]:
    """Return for each text the training row that has it as a turn or a line, or nearly so.

    Near copies come from locality-sensitive hashing: two signatures are compared where four bytes
    in a row are equal. An exact copy goes before a near one.

    Args:
        rows: Of an adapter.
        texts: What it should not have been trained on.
    """
    bare = [next(iter(_parts(text))) for text in texts]
    found: list[Match | None] = [_exact(rows, _digest(text)) for text in bare]
    left = {place: of for place, text in enumerate(bare)
            if found[place] is None and len(of := word_hashes(text)) >= _LEAST}  # fmt: skip
    if not left or not len(rows.signatures):
        return found
    asked = _kept(signatures(list(left.values())))
    for place, one, near in zip(left, asked, _candidates(rows.signatures, asked), strict=True):
        level = _resemblance(one, rows.signatures[near])
        if len(near) and level.max() >= NEAR:
            found[place] = Match(int(rows.signature_rows[near[level.argmax()]]), exact=False)
    return found


def _exact(rows: TrainedRows, digest: int) -> Match | None:
    place = int(np.searchsorted(rows.digests, np.uint64(digest)))
    if place == len(rows.digests) or rows.digests[place] != digest:
        return None
    return Match(int(rows.digest_rows[place]), exact=True)


def _kept(found: Hashes) -> Bytes:
    """Return the lowest byte of each hash of signatures.

    Source: Li and Koenig (2010), b-Bit Minwise Hashing.
    """
    return (found & np.uint32(0xFF)).astype(np.uint8)


def _resemblance(one: Bytes, others: Bytes) -> NDArray[np.float64]:
    """Return the estimated Jaccard similarity of a signature's set to those of others.

    Bytes are equal by chance in 1 of 256 cases, which is allowed for.
    """
    equal = (others == one).mean(axis=1)
    return np.asarray((equal - 1 / 256) / (1 - 1 / 256), dtype=np.float64)


def _candidates(known: Bytes, asked: Bytes) -> Iterable[NDArray[np.intp]]:
    """Yield for each signature that is asked about those of the known ones to compare it with."""
    hits: list[list[NDArray[np.intp]]] = [[] for _ in asked]
    bands, wanted = known.view(_BAND), asked.view(_BAND)
    for band in range(bands.shape[1]):
        order = np.argsort(bands[:, band], kind="stable")
        keys, sought = bands[order, band], wanted[:, band]
        first, last = np.searchsorted(keys, sought), np.searchsorted(keys, sought, side="right")
        for place in np.flatnonzero(last > first):
            hits[place].append(order[first[place] : last[place]])
    for own in hits:
        yield np.unique(np.concatenate(own)) if own else np.empty(0, dtype=np.intp)


def _parts(content: str) -> Iterable[str]:
    """Yield a turn, then its lines where it has several, in the form in which copies are equal.

    Case, outer punctuation and what `folded` leaves aside are left aside; a text of nothing else is
    as it is.
    """
    plain = folded(content)
    bare = _CLOSING.sub("", _OPENING.sub("", _DASH.sub("-", plain)))
    yield " ".join(bare.split()) or " ".join(plain.split())
    lines = [line.split() for line in bare.splitlines()]
    if sum(map(bool, lines)) > 1:
        yield from (" ".join(words) for words in lines if len(words) >= _LINE_WORDS)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])


def _metadata() -> dict[str, str]:
    probe = _kept(signatures([word_hashes(_PROBE)]))[0].tobytes().hex()
    return {"version": _VERSION, "probe": probe}
