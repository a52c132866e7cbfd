"""Compiled templates, kept where Python keeps compiled modules."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from jinja2.bccache import Bucket, FileSystemBytecodeCache


class _Quiet(FileSystemBytecodeCache):
    """Keeps nothing where nothing can be written."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Write what was compiled, if the folder takes it."""
        with contextlib.suppress(OSError):
            super().dump_bytecode(bucket)


def compiled_beside(module: Path) -> FileSystemBytecodeCache | None:
    """Return the cache in a module's `__pycache__`; None where Python is to write no bytecode.

    Jinja compiles anew what was compiled of another text or by another version.
    """
    if sys.dont_write_bytecode or not (folder := module.parent / "__pycache__").is_dir():
        return None
    return _Quiet(str(folder), "%s.jinja")
