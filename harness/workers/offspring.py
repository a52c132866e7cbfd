"""Processes that an engine started by `multiprocessing`, such as vLLM's core: deaths are named.

A library that waits for its own dead process would be found by the stall timeout alone.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable
from multiprocessing.process import BaseProcess

_LOOK_S = 0.5


class Offspring:
    """Watches the processes that this one starts, from `watch` to `leave`.

    Args:
        died: Is told, in a thread of its own and once, which one ended badly and how.
    """

    def __init__(self, died: Callable[[str], None]) -> None:
        self._died = died
        self._known: dict[int, BaseProcess] = {}
        self._left = threading.Event()

    def watch(self) -> None:
        """Begin to look for them."""
        self._note()
        threading.Thread(target=self._look, name="offspring", daemon=True).start()

    def leave(self) -> None:
        """Watch no more: from here on they end because they are told to."""
        self._left.set()

    def _look(self) -> None:
        while not self._left.wait(_LOOK_S):
            ends = [how for one in self._known.values() if (how := _end(one))]
            if ends and not self._left.is_set():
                self._died(ends[0])
                return
            self._note()

    def _note(self) -> None:
        """Note those that live: one that has ended is named by nothing any more."""
        for one in multiprocessing.active_children():
            self._known.setdefault(one.pid or 0, one)


def _end(process: BaseProcess) -> str:
    """Return how a process ended that should not have; "" where it lives, or is done."""
    code = process.exitcode
    if not code:
        return ""
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    return f"its process {process.name} {how}"
