"""Sessions of pytest in processes of their own, to be signalled; found as builders.py is."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _interruptible() -> None:
    """Heed SIGINT even where the tests run in the background of a shell, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def session(root: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
    """Run pytest in a folder, in a process group of its own that does not outlive the test."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *args],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_interruptible,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
