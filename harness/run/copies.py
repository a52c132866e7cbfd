"""Near copies of samples in a shot pool: looked for once for the same texts, and remembered."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from harness.jsontext import json_text
from harness.records import Note
from harness.records.notes import Fact
from harness.shots.leaks import NEAR, Copy, near_copies
from harness.sources.data import LoadedData
from harness.spec.evalset import EvalSet

# To be raised with any change of what counts as a near copy.
_VERSION = 1
_KEPT = 64


def near_copies_note(about: str, spec: EvalSet, loaded: LoadedData, *, memory: Path) -> Note | None:
    """Return the note on entries of a pool that nearly equal a sample, None without any.

    Args:
        about: How the note names the eval set.
        spec: The eval set; without few-shot modes nobody sees the pool.
        loaded: Its samples and pool.
        memory: File that holds what was found before; one that is damaged is written anew.
    """
    if not any(mode.k for mode in spec.modes):
        return None
    key = _digest(loaded)
    known = _read(memory)
    if key not in known:
        found = near_copies(loaded.pool, loaded.samples)
        known[key] = [[copy.shot, copy.sample] for copy in found]
        _write(memory, known)
    pairs = [Copy(shot, sample) for shot, sample in known[key]]
    if not pairs:
        return None
    named = tuple(f"{copy.shot} = {copy.sample}" for copy in pairs)
    facts: dict[str, Fact] = {"count": len(pairs), "pool": len(loaded.pool), "pairs": named}
    return Note("near_copies", about, facts)


def _digest(loaded: LoadedData) -> str:
    found = hashlib.sha256(f"{_VERSION} {NEAR} {len(loaded.samples)}".encode())
    for one in (*loaded.samples, *loaded.pool):
        for part in (one.id, one.text):
            found.update(f"{len(part)} {part}".encode("utf-8", "surrogatepass"))
    return found.hexdigest()


def _read(path: Path) -> dict[str, list[list[str]]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    good = isinstance(found, dict) and all(
        isinstance(rows, list) and all(isinstance(row, list) and len(row) == 2 for row in rows)
        for rows in found.values()
    )
    return found if good else {}


def _write(path: Path, known: dict[str, list[list[str]]]) -> None:
    last = dict(list(known.items())[-_KEPT:])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_text(json_text(last), encoding="utf-8")
    part.replace(path)
