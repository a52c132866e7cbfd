"""The file of a store: opened, looked at before anything in it is changed, and what helps."""

from __future__ import annotations

import errno
import random
import sqlite3
import time
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outputs (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, body TEXT NOT NULL, created REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_fingerprint ON outputs (fingerprint);
CREATE TABLE IF NOT EXISTS doubted (fingerprint TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS memory (
    key TEXT PRIMARY KEY, body BLOB NOT NULL, created REAL NOT NULL
);
"""
# What each of these is in a file, by its name, without spaces.
_OWN = {
    words[2]: "".join(words)
    for words in (part.replace("IF NOT EXISTS ", "").split() for part in _SCHEMA.split(";"))
    if words
}
_TIMEOUT_S = 60.0


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, which others may be opening for the first time.

    Where two turn on the write-ahead log at once, SQLite tells one of them that the file is locked
    and does not wait, whatever the timeout.
    """
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        db = sqlite3.connect(path, timeout=_TIMEOUT_S, check_same_thread=False)
        try:
            _check_tables(db)
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


class _OtherTables(sqlite3.DatabaseError):
    """A database that is not a store of outputs, or not one of this version."""


def _check_tables(db: sqlite3.Connection) -> None:
    """Check that a database is empty or a store of outputs, before anything in it is changed.

    A trigger, or a rule in a table, could take away what is stored.

    Raises:
        sqlite3.Error: It is neither.
    """
    found = db.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    tables = sorted(name for kind, name, _ in found if kind == "table")
    if found and "outputs" not in tables:
        raise _OtherTables(f"it is a database with other tables ({', '.join(tables[:5])})")
    for kind, name, sql in found:
        if name in _OWN and "".join(sql.split()) != _OWN[name]:
            what = "table" if name == "outputs" else f"{kind} {name}"
            raise _OtherTables(f"its {what} has other columns or rules than this version writes")
        if name not in _OWN and kind != "table":
            raise _OtherTables(f"it has the {kind} {name}, which no version writes")


_ELSEWHERE = "give another place by --eval-store (harness judge passport: --store)"
_MOVE = (
    "move it away, with the files -wal and -shm beside it, and its outputs are made again; "
    f"or {_ELSEWHERE}"
)
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}


def fix(error: Exception) -> str:
    """Return what helps against an error of the store."""
    # The low byte is the kind.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if isinstance(error, _OtherTables) or code in _DAMAGED:
        return _MOVE
    if code == sqlite3.SQLITE_BUSY:
        return f"wait until the process that holds it is done, or {_ELSEWHERE}"
    if code == sqlite3.SQLITE_FULL or getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT):
        return f"free disk space, or {_ELSEWHERE}"
    return f"see that its folder can be written, or {_ELSEWHERE}"
