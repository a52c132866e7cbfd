"""Progress on a terminal, by rich; silent where nobody watches."""

from __future__ import annotations

import os
import sys
import threading

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from harness.characters import one_line


class Terminal:
    """A line that says what is being done; a context manager that shows it while it is open.

    Each thread that tells of something has a line of its own.

    Attributes:
        shown: Whether somebody watches: a terminal, not in CI and not told to be quiet.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.shown = not quiet and sys.stderr.isatty() and not os.environ.get("CI")
        self._progress: Progress | None = None
        self._lines: dict[int, tuple[str, TaskID]] = {}
        self._guard = threading.Lock()

    def __enter__(self) -> Terminal:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()
        with self._guard:
            self._progress, self._lines = None, {}

    def update(self, stage: str, done: int, total: int) -> None:
        """Show a stage; a total of 0 is not known yet, and an empty stage is the end of a line."""
        with self._guard:
            if self._progress is None:
                return
            stage, thread = one_line(stage), threading.get_ident()
            shown = self._lines.get(thread)
            if shown is not None and shown[0] != stage:
                self._progress.remove_task(shown[1])
                del self._lines[thread]
            if stage and thread not in self._lines:
                task = self._progress.add_task(stage, total=total or None)
                self._lines[thread] = (stage, task)
            if stage:
                self._progress.update(self._lines[thread][1], completed=done)
