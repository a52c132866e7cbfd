"""Where engines run: GPUs, several at once, and the processor, one at a time; a file lock each.

The locks lie beside the store, so that sessions of one project share a machine.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import EngineError

_POLL_S = 0.05


@dataclass(slots=True)
class Lease:
    """Places that an engine holds until they are released.

    Attributes:
        gpus: Names of GPUs, none for the processor.
    """

    gpus: tuple[str, ...]
    _locks: list[FileLock]
    _given_back: Callable[[int], None]
    _held: bool = field(default=True)

    def release(self) -> None:
        """Give the places back; a second call does nothing."""
        if self._held:
            self._held = False
            for lock in self._locks:
                lock.release()
            self._given_back(len(self.gpus))


class Places:
    """What engines of this session may stand on.

    Args:
        folder: Where the locks are.
        gpus: Names of the machine's GPUs.
        limit: How many of them this session holds at once, at most; None for all.
    """

    def __init__(self, folder: Path, gpus: Sequence[str] = (), *, limit: int | None = None) -> None:
        self._folder, self._gpus = folder, tuple(gpus)
        self.limit = min(len(self._gpus), limit or len(self._gpus))
        self._held = 0
        self._guard = threading.Lock()

    @property
    def held(self) -> int:
        """How many GPUs this session holds now."""
        return self._held

    def check(self, count: int) -> None:
        """Check that a model may have so many GPUs.

        Raises:
            EngineError: There are fewer, or this session may hold fewer.
        """
        if count > max(1, self.limit):
            raise EngineError(
                f"a model that is split over {count} GPUs (options of models.yaml) may use "
                f"{self.limit} here: split it less, or raise --eval-gpus on a machine that has more"
            )

    def free(self, count: int) -> Lease | None:
        """Return so many GPUs, or the processor for 0, if they are free now; None if not."""
        with self._guard:
            if count and self._held + count > self.limit:
                return None
            locks: list[FileLock] = []
            gpus: list[str] = []
            for gpu in self._gpus if count else [""]:
                name = re.sub(r"\W", "-", gpu)
                path = self._folder / (f"engine-gpu-{name}.lock" if gpu else "engine.lock")
                lock = FileLock(path, thread_local=False)
                try:
                    lock.acquire(timeout=0)
                except Timeout:
                    continue
                locks.append(lock)
                gpus += [gpu] if gpu else []
                if len(gpus) == count:
                    self._held += count
                    return Lease(tuple(gpus), locks, self._give_back)
            for lock in locks:
                lock.release()
            return None

    def wait(self, count: int, given_up: Callable[[], bool] = lambda: False) -> Lease:
        """Return so many GPUs, or the processor for 0, as soon as they are free.

        Raises:
            EngineError: It was given up before.
        """
        while (lease := self.free(count)) is None:
            if given_up():
                raise EngineError("the session ended while its engine waited for another one")
            time.sleep(_POLL_S)
        return lease

    def _give_back(self, count: int) -> None:
        with self._guard:
            self._held -= count
