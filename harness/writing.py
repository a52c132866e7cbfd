"""Files that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file in UTF-8 in place of an earlier one, in one step.

    Lone surrogates, as of a broken completion, become question marks: they cannot be encoded.

    Args:
        path: The file; its folder is made if it is missing.
        text: What it is to hold.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(text.encode("utf-8", errors="replace"))
    part.replace(path)
