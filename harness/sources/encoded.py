"""Bytes of a file of text -> the text: gzip and Unicode's encodings by their marks."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path

from harness.errors import AssetError

# Marks at the beginning, the longer before those that they begin with.
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PACKED = (
    (b"PK\x03\x04", "a zip archive, as .xlsx is one too; unpack it, or save the table as .csv"),
    (b"BZh", "packed by bzip2; unpack it, or pack it by gzip"),
    (b"\xfd7zXZ\x00", "packed by xz; unpack it, or pack it by gzip"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd; unpack it, or pack it by gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"PAR1", "a parquet file; write format: parquet, or rename it to .parquet"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file; save the table as .csv"),
    (b"SQLite format 3", "an SQLite data base; write its table as .csv"),
)


def read_encoded(path: Path, shown: str) -> str:
    """Return a file's text: UTF-8, or UTF-16 and UTF-32 with a byte order mark, gzipped or not.

    Args:
        path: The file; gzip is found by content.
        shown: How errors name it.

    Raises:
        AssetError: It cannot be read, is packed in another way, or is no such text.
    """
    try:
        data = path.read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise AssetError(f"{shown}: cannot be read: {error}") from error
    for mark, kind in _PACKED:
        if data.startswith(mark):
            raise AssetError(f"{shown}: is {kind}")
    encoding = next((name for mark, name in _ENCODINGS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if not encoding.startswith("utf-8"):
            raise AssetError(f"{shown}: begins as {encoding.upper()}, and is not; convert the file "
                             "to UTF-8") from error  # fmt: skip
        line = data.count(b"\n", 0, error.start) + 1
        raise AssetError(f"{shown}: line {line} is not UTF-8 (byte {data[error.start]:#04x}); "
                         "convert the file to UTF-8") from error  # fmt: skip
    # Text of two bytes a character is UTF-8 as well, and would have column names of every other.
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise AssetError(f"{shown}: line {line} holds a NUL character, as UTF-16 without a byte "
                         "order mark has many; convert the file to UTF-8")  # fmt: skip
    return text
