"""Outputs -> the store, soon after they came, whether or not another one follows."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Self

from harness.errors import StoreError
from harness.records import Output
from harness.workers.store import Store

_CHUNK = 64
_CHUNK_S = 1.0


class Keeper:
    """Stores the outputs of one engine; a context manager that stores the last ones at its end.

    64 are stored at once, and fewer as soon as the first of them has waited for a second: an engine
    may be silent for long behind a batch, and what it answered must outlive whatever ends then.

    Args:
        store: Where the outputs go; None keeps none of them.
        shared: Fingerprint of what the engine's outputs have in common.
    """

    def __init__(self, store: Store | None, shared: str) -> None:
        self._store, self._shared = store, shared
        self._waiting: list[Output] = []
        self._oldest = 0.0
        self._problem: StoreError | None = None
        self._closed = store is None
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._watch, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        if not self._closed:
            self._thread.start()
        return self

    def add(self, output: Output) -> None:
        """Take an output that is to be stored.

        Raises:
            StoreError: This one, or one before it, cannot be.
        """
        with self._change:
            if self._problem is not None:
                raise self._problem
            if self._closed:
                return
            self._waiting.append(output)
            if len(self._waiting) == 1:
                self._oldest = time.monotonic()
                self._change.notify()
            elif len(self._waiting) >= _CHUNK:
                self._flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._change:
            self._closed = True
            self._change.notify()
            if self._problem is None:
                self._flush()
        if self._thread.ident is not None:
            self._thread.join()
        if self._problem is not None and error is None:
            raise self._problem

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting and self._store is not None:
            self._store.put(waiting, self._shared)

    def _watch(self) -> None:
        with self._change:
            while not self._closed and self._problem is None:
                left = self._oldest + _CHUNK_S - time.monotonic() if self._waiting else None
                if left is None or left > 0:
                    self._change.wait(left)
                    continue
                try:
                    self._flush()
                except StoreError as problem:
                    self._problem = problem
