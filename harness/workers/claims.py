"""Who makes the outputs of an engine: one process at a time, of all that use one store."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import EngineError

_POLL_S = 0.05


class Claim:
    """The right to make what is missing of one engine's outputs in a store.

    GPUs and endpoints serve several processes at once, which would make the same outputs each. Who
    takes the claim reads the store again, and makes what it lacks then.

    Args:
        store: The store's file, beside which the claims lie.
        shared: Fingerprint of the engine's outputs.
    """

    def __init__(self, store: Path, shared: str) -> None:
        self._path = store.with_name(f"{store.name}.claims") / f"{shared[:16]}.lock"
        self._lock: FileLock | None = None

    def take(self) -> bool:
        """Return whether it is held, without waiting for it.

        Raises:
            EngineError: Its file cannot be written.
        """
        if self._lock is None:
            lock = FileLock(self._path, thread_local=False)
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                lock.acquire(timeout=0)
            except Timeout:
                return False
            except OSError as error:
                raise EngineError(f"cannot write to {self._path.parent}, where runs on one store "
                                  f"find each other: {error}") from error  # fmt: skip
            self._lock = lock
        return True

    def wait(self, given_up: Callable[[], bool]) -> None:
        """Return when it is held.

        Raises:
            EngineError: It was given up before.
        """
        while not self.take():
            if given_up():
                raise EngineError("the session ended while it waited for another one's outputs")
            time.sleep(_POLL_S)

    @property
    def held(self) -> bool:
        """Whether this session holds it."""
        return self._lock is not None

    def release(self) -> None:
        """Give it up; a second call does nothing."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
