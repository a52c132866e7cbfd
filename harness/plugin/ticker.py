"""Progress where nobody watches a terminal, such as in CI: a line a minute."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TextIO

from harness.characters import one_line
from harness.plugin.terminal import Terminal


@dataclass(slots=True)
class _Stage:
    """What a thread does: since when, how much of it is done, and of how much (0: unknown)."""

    name: str
    began: float
    done: int
    total: int


class Ticker:
    """Writes what is being done, every minute while it is open; a context manager like `Terminal`.

    Args:
        out: Where the lines go.
        name: What they begin with.
        every_s: Seconds between lines.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        out: TextIO,
        *,
        name: str = "evals",
        every_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out, self._name, self._every_s, self._clock = out, name, every_s, clock
        self._stages: dict[int, _Stage] = {}
        self._guard = threading.Lock()
        self._closed: threading.Event | None = None
        self._thread: threading.Thread | None = None
        self._told = clock()

    def __enter__(self) -> Self:
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._tick, args=(self._closed,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._closed is not None and self._thread is not None:
            self._closed.set()
            # It ends at once, unless nobody reads what it writes.
            self._thread.join(1.0)

    def update(self, stage: str, done: int, total: int) -> None:
        """Note a stage of this thread; a total of 0 is not known, an empty stage is its end."""
        with self._guard:
            thread = threading.get_ident()
            known = self._stages.get(thread)
            if not stage:
                self._stages.pop(thread, None)
            elif known is None or known.name != stage:
                self._stages[thread] = _Stage(stage, self._clock(), done, total)
            else:
                known.done, known.total = done, total

    def _tick(self, closed: threading.Event) -> None:
        # A session opens it for each item: the minute runs on over all of them.
        while not closed.wait(max(0.0, self._told + self._every_s - self._clock())):
            self._told = self._clock()
            with self._guard:
                lines = [self._line(stage) for stage in self._stages.values()]
            with contextlib.suppress(OSError, ValueError):
                for line in lines:
                    self._out.write(line + "\n")
                self._out.flush()

    def _line(self, stage: _Stage) -> str:
        spent = max(self._clock() - stage.began, 1e-9)
        said = f"{self._name}: {one_line(stage.name)}"
        if not stage.total:
            return f"{said}, {_duration(spent)} so far"
        line = f"{said}: {stage.done:,} of {stage.total:,}"
        if not stage.done:
            return f"{line}, {_duration(spent)} so far"
        rate = stage.done / spent
        return f"{line}, {rate:.3g} a second, {_duration((stage.total - stage.done) / rate)} to go"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{seconds / 3600:.1f} h"


def progress(worker: str = "") -> Terminal | Ticker:
    """Return what shows progress here: a terminal's lines, or one a minute on stderr.

    Args:
        worker: Of pytest-xdist, whose workers share a terminal.
    """
    terminal = Terminal(quiet=bool(worker))
    if terminal.shown:
        return terminal
    try:
        # pytest captures the descriptor while items run.
        out = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace")
    except OSError:
        return terminal
    ticker = Ticker(out, name=f"evals {worker}".rstrip())
    weakref.finalize(ticker, out.close)
    return ticker
