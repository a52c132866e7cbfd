"""SQLite store of outputs by content key: cache and resume in one."""

from __future__ import annotations

import hashlib
import json
import random
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from harness.errors import StoreError
from harness.records import Adapter, Json, Output, Sampling

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outputs (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, body TEXT NOT NULL, created REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_fingerprint ON outputs (fingerprint);
"""
# Fields of `Sampling` that enter a key only if they are set: older keys have none of them.
_LATER = frozenset({"schema", "score_texts", "stop_ids", "thinking"})
_ASKED = [field.name for field in fields(Sampling)]
_BODY = [field.name for field in fields(Output) if field.name not in ("key", "error")]
_TIMEOUT_S = 60.0
_AT_ONCE = 500  # SQLite takes at least 999 variables in a statement


def fingerprint(parts: dict[str, Json]) -> str:
    """Return a digest of what all requests to one engine share: weights, version, dtype, ..."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def content_key(
    shared: str,
    prompt_ids: Sequence[int],
    sampling: Sampling,
    adapter: Adapter | None,
    *,
    messages: Sequence[tuple[str, str]] = (),
) -> str:
    """Return the content key of a request; names and paths never enter it."""
    digest = hashlib.sha256(shared.encode())
    digest.update((adapter.digest + adapter.loader if adapter else "").encode())
    # Not remembered by sampling: 0 and 0.0 are equal, and not so in JSON.
    asked = {name: getattr(sampling, name) for name in _ASKED}
    asked = {name: value for name, value in asked.items() if value or name not in _LATER}
    digest.update(json.dumps(asked, sort_keys=True).encode())
    digest.update(np.asarray(prompt_ids, dtype=np.int32).tobytes())
    if messages:
        digest.update(json.dumps(messages).encode())
    return digest.hexdigest()


class Store:
    """Outputs on disk; several processes may use one file.

    Raises:
        StoreError: The file cannot be opened or written; nothing that was stored is lost.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = _connect(path)
        except (OSError, sqlite3.Error) as error:
            raise self._error("opened", error) from error

    def _error(self, what: str, error: Exception) -> StoreError:
        return StoreError(f"{self._path}: the store of outputs cannot be {what}: {error}; free "
                          "disk space, or give another place by --eval-store (harness judge "
                          "passport: --store)")  # fmt: skip

    def knows(self, shared: str) -> bool:
        """Return whether any output of this engine fingerprint is stored."""
        query = "SELECT 1 FROM outputs WHERE fingerprint = ? LIMIT 1"
        try:
            return self._db.execute(query, (shared,)).fetchone() is not None
        except sqlite3.Error as error:
            raise self._error("read", error) from error

    def get(self, keys: Sequence[str]) -> dict[str, Output]:
        """Return the stored outputs among the keys; a damaged entry counts as not stored."""
        found: dict[str, Output] = {}
        try:
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, body FROM outputs WHERE key IN ({marks})"
                for key, body in self._db.execute(query, some):
                    if (output := _restore(key, body)) is not None:
                        found[key] = output
        except sqlite3.Error as error:
            raise self._error("read", error) from error
        return found

    def put(self, outputs: Iterable[Output], shared: str) -> None:
        """Store outputs; failed ones are left out, so that a later run asks again."""
        now = time.time()
        rows = [(o.key, shared, _body(o), now) for o in outputs if o.error is None]
        try:
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise self._error("written", error) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _body(output: Output) -> str:
    return json.dumps({name: getattr(output, name) for name in _BODY})


def _connect(path: Path) -> sqlite3.Connection:
    """Open the file, which others may be opening for the first time.

    Where two turn on the write-ahead log at once, SQLite tells one of them that the file is locked
    and does not wait, whatever the timeout.
    """
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        db = sqlite3.connect(path, timeout=_TIMEOUT_S)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            db.close()
            busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.01, 0.1))
        else:
            return db


def _restore(key: str, body: str) -> Output | None:
    try:
        data = json.loads(body)
        data["token_ids"] = tuple(data["token_ids"])
        data["logprobs"] = tuple(data["logprobs"])
        return Output(key=key, **data)
    except (ValueError, TypeError, KeyError):
        return None
