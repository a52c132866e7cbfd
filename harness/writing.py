"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import glob
import os
import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

_TOKEN = "[0-9a-f]" * 8
_FRESH_S = 60.0


def write_whole(path: Path, text: str | Iterable[str]) -> None:
    """Write a file in UTF-8 in place of an earlier one, in one step.

    Of several that write it at one moment, the last one's stands in the end, whole as well. Lone
    surrogates, as of a broken completion, become question marks: they cannot be encoded.

    Args:
        path: The file; its folder is made if it is missing.
        text: What it is to hold, in one piece or in several.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path)
    # Made anew, under a name of its own: nothing that is there is written over or followed.
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    file = part.open("xb")
    try:
        with file:
            with contextlib.suppress(OSError):
                _hold(file)
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


def _hold(file: BinaryIO) -> None:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _clear(path: Path) -> None:
    """Remove what writers of a file left behind that were killed."""
    for part in path.parent.glob(f"{glob.escape(path.name)}.{_TOKEN}.part"):
        # Held by one that still writes, removed by another one, or on a disk that knows no locks.
        if not part.is_file():
            continue
        with contextlib.suppress(OSError), part.open("rb") as file:
            # One that has just been made is not held yet.
            if time.time() - os.fstat(file.fileno()).st_mtime > _FRESH_S:
                _hold(file)
                part.unlink()
