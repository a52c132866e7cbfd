"""SIGTERM ends a session, or a command, as Ctrl-C does: what was made is kept and told."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


def heed_sigterm() -> Callable[[], None]:
    """Have SIGTERM interrupt the main thread; a second one ends the process at once.

    Nothing is changed where another handler is set, or in another thread.

    Returns:
        What undoes it.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return lambda: None

    def interrupt(number: int, frame: FrameType | None) -> None:
        undo()
        raise KeyboardInterrupt

    def undo() -> None:
        if signal.getsignal(signal.SIGTERM) is interrupt:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, interrupt)
    return undo


@contextmanager
def heeding_sigterm() -> Iterator[None]:
    """Heed SIGTERM for a while."""
    undo = heed_sigterm()
    try:
        yield
    finally:
        undo()
