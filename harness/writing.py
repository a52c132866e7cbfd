"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: Path, text: str | Iterable[str]) -> None:
    """Write a file in UTF-8 in place of an earlier one, in one step.

    Lone surrogates, as of a broken completion, become question marks: they cannot be encoded.

    Args:
        path: The file; its folder is made if it is missing.
        text: What it is to hold, in one piece or in several.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            for piece in [text] if isinstance(text, str) else text:
                file.write(piece.encode("utf-8", errors="replace"))
        part.replace(path)
    except BaseException as error:
        # Of a full disk, the system names no file.
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        # A disk is no fuller for what could not be written to its end.
        with contextlib.suppress(OSError):
            part.unlink()
        raise
