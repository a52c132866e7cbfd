"""SQLite store of outputs by content key: cache and resume in one."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from harness.errors import StoreError
from harness.records import Adapter, Json, Output, Sampling
from harness.workers.store_file import connect, fix

# Fields of `Sampling` that enter a key only if they are set: older keys have none of them.
_LATER = frozenset({"schema", "score_texts", "stop_ids", "thinking", "logits"})
_ASKED = [field.name for field in fields(Sampling)]
_BODY = [field.name for field in fields(Output) if field.name not in ("key", "error")]
# Written also where there is nothing in them.
_ALWAYS = frozenset({"text", "token_ids", "finish_reason", "logprobs"})
_ENCODE = json.JSONEncoder(check_circular=False).encode
_AT_ONCE = 500  # SQLite takes at least 999 variables in a statement
# No token, and no number of them, is as great.
_NO_COUNT = 1 << 31
# Bytes that are kept in memory: a cell of 2,000 samples takes 80,000, its plots as many.
_REMEMBERED = 64 << 20
_TOO_OLD = """
DELETE FROM memory WHERE key IN (SELECT key FROM (
    SELECT key, SUM(LENGTH(body)) OVER (ORDER BY created DESC, key) AS bytes FROM memory
) WHERE bytes > ?)
"""


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
    segments: Sequence[int] = (),
) -> str:
    """Return the content key of a request; names and paths never enter it."""
    own = adapter.digest + adapter.loader if adapter else ""
    digest = hashlib.sha256((shared + own).encode())
    # Not remembered by sampling: 0 and 0.0 are equal, and not so in JSON.
    asked = {name: getattr(sampling, name) for name in _ASKED}
    asked = {name: value for name, value in asked.items() if value or name not in _LATER}
    digest.update(json.dumps(asked, sort_keys=True).encode())
    digest.update(np.asarray(prompt_ids, dtype=np.int32).tobytes())
    digest.update("".join(json.dumps(more) for more in (messages, segments) if more).encode())
    return digest.hexdigest()


class Store:
    """Outputs on disk; several processes may use one file.

    Raises:
        StoreError: The file cannot be opened or written; nothing that was stored is lost.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # The engine's thread stores, and so does one that waits for it.
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = connect(path)
        except (OSError, sqlite3.Error) as error:
            raise self._error("opened", error) from error

    def _error(self, what: str, error: Exception) -> StoreError:
        problem = f"the store of outputs cannot be {what}: {error}"
        return StoreError(f"{self._path}: {problem}; {fix(error)}")

    def knows(self, shared: str) -> bool:
        """Return whether any output of this engine fingerprint is stored."""
        query = "SELECT 1 FROM outputs WHERE fingerprint = ? LIMIT 1"
        try:
            with self._lock:
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
                # As bytes: a damaged text need not be UTF-8.
                query = (
                    "SELECT CAST(key AS BLOB), CAST(body AS BLOB) FROM outputs "
                    f"WHERE key IN ({marks})"
                )
                with self._lock:
                    rows = self._db.execute(query, some).fetchall()
                for key, body in rows:
                    if (output := _restore(key, body)) is not None:
                        found[output.key] = output
        except sqlite3.Error as error:
            raise self._error("read", error) from error
        return found

    def put(self, outputs: Iterable[Output], shared: str) -> None:
        """Store outputs; failed ones are left out, so that a later run asks again."""
        now = time.time()
        rows = [(o.key, shared, _body(o), now) for o in outputs if o.error is None]
        try:
            with self._lock, self._db:
                self._db.executemany("INSERT OR REPLACE INTO outputs VALUES (?, ?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise self._error("written", error) from error

    def doubt(self, shared: str) -> None:
        """Remember that outputs of this engine fingerprint may be of another model."""
        self._write(("INSERT OR IGNORE INTO doubted VALUES (?)",), shared)

    def doubts(self, shared: str) -> bool:
        """Return whether `doubt` was said, and neither `vouch` nor `forget` since."""
        query = "SELECT 1 FROM doubted WHERE fingerprint = ?"
        try:
            with self._lock:
                return self._db.execute(query, (shared,)).fetchone() is not None
        except sqlite3.Error as error:
            raise self._error("read", error) from error

    def vouch(self, shared: str) -> None:
        """Take a doubt back."""
        self._write(("DELETE FROM doubted WHERE fingerprint = ?",), shared)

    def forget(self, shared: str) -> None:
        """Remove all outputs of an engine fingerprint, and the doubt of them."""
        tables = ("outputs", "doubted")
        self._write([f"DELETE FROM {name} WHERE fingerprint = ?" for name in tables], shared)

    def recall(self, key: str) -> bytes | None:
        """Return what `remember` was given, None where that is gone or cannot be read."""
        try:
            with self._lock:
                found = self._db.execute("SELECT body FROM memory WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error:
            return None
        return found[0] if found and isinstance(found[0], bytes) else None

    def remember(self, key: str, body: bytes) -> None:
        """Keep what took time to make, and let go what is oldest; what cannot be kept is not.

        Args:
            key: Digest of all that it was made of.
            body: Who reads it again must see for himself whether it is whole.
        """
        row = (key, body, time.time())
        with contextlib.suppress(sqlite3.Error), self._lock, self._db:
            self._db.execute("INSERT OR REPLACE INTO memory VALUES (?, ?, ?)", row)
            self._db.execute(_TOO_OLD, (_REMEMBERED,))

    def _write(self, statements: Iterable[str], shared: str) -> None:
        try:
            with self._lock, self._db:
                for statement in statements:
                    self._db.execute(statement, (shared,))
        except sqlite3.Error as error:
            raise self._error("written", error) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()


def _body(output: Output) -> str:
    found = ((name, getattr(output, name)) for name in _BODY)
    return _ENCODE({name: value for name, value in found if value or name in _ALWAYS})


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _NO_COUNT


def _is_number(value: object) -> bool:
    return type(value) is float or (type(value) is int and abs(value) < _NO_COUNT)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_FITS: Mapping[str, Callable[[object], bool]] = {
    "text": _is_text,
    "token_ids": lambda value: isinstance(value, list) and all(map(_is_count, value)),
    "finish_reason": _is_text,
    "logprobs": lambda value: isinstance(value, list) and all(map(_is_number, value)),
    "prompt_tokens": _is_count,
    "cached_tokens": _is_count,
    "completion_tokens": _is_count,
    "thought": _is_text,
    "thought_tokens": _is_count,
    "served_by": _is_text,
}
"""What the value of each field must be, as it comes out of JSON."""


def _restore(key: bytes, body: bytes) -> Output | None:
    """Return an output as it was stored, None where its entry is damaged."""
    try:
        data = json.loads(body)
        if not all(_FITS[name](value) for name, value in data.items()):
            return None
        data["token_ids"] = tuple(data["token_ids"])
        data["logprobs"] = tuple(data["logprobs"])
        return Output(key=key.decode(), **data)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
