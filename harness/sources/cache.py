"""The user's cache folder: fetched files, built model folders and digests of big files."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import FileLock

from harness.errors import AssetError
from harness.records import Json

_PACKAGE = Path(__file__).parents[1]
_REMEMBERED_FROM = 8 << 20  # bytes; smaller files are hashed in less time than a lookup takes


def cache_folder(*parts: str) -> Path:
    """Return a folder below the cache, made if it is missing.

    The cache is `$HARNESS_CACHE`, else `$XDG_CACHE_HOME/harness`, else `~/.cache/harness`.

    Raises:
        AssetError: It cannot be made.
    """
    own, shared = os.environ.get("HARNESS_CACHE"), os.environ.get("XDG_CACHE_HOME")
    root = Path(own) if own else Path(shared or "~/.cache") / "harness"
    folder = root.expanduser().absolute().joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AssetError(f"no cache folder at {folder}: {error.strerror}; set HARNESS_CACHE to "
                         "a folder that can be written") from error  # fmt: skip
    return folder


@contextmanager
def building(target: Path) -> Iterator[Path | None]:
    """Let one process at a time build a file or folder that is then there whole, or not at all.

    Yields:
        A path beside the target to build at, renamed to it at the end, or None if the target
        is there already.

    Raises:
        AssetError: Reading or writing failed, or nothing was built.
    """
    if target.exists():
        yield None
        return
    try:
        with FileLock(target.with_name(f".{target.name}.lock")):
            if target.exists():
                yield None
                return
            with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent) as folder:
                built = Path(folder) / target.name
                yield built
                built.replace(target)
    except OSError as error:
        problem = " ".join(str(error).split())
        raise AssetError(f"{target} cannot be built: {problem}; if there is no space left, set "
                         "HARNESS_CACHE to another folder") from error  # fmt: skip


def file_digest(path: Path) -> str:
    """Return the sha256 of a file, remembered for big ones by path, size and times of change.

    The time of the content is the same in whatever is unpacked with a fixed date, and can be set;
    that of the entry is the system's own.

    Raises:
        AssetError: The file cannot be read.
    """
    try:
        stat = path.stat()
        if stat.st_size < _REMEMBERED_FROM:
            return sha256(path)
        place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()
        seen = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]
        known = recalled("digests", place)
        if isinstance(known, list) and len(known) == 4 and known[1:] == seen:
            return str(known[0])
        digest = sha256(path)
        remember("digests", place, [digest, *seen])
    except OSError as error:
        raise AssetError(f"{path} cannot be read: {error.strerror or error}") from error
    return digest


def recalled(kind: str, key: str) -> Json:
    """Return what `remember` was told of a key; None where nothing, or nothing whole, is there."""
    try:
        known: Json = json.loads((cache_folder(kind) / f"{key}.json").read_text(encoding="utf-8"))
    except (AssetError, OSError, ValueError):
        return None
    return known


def remember(kind: str, key: str, what: Json) -> None:
    """Keep in the cache what can be found again; in one that cannot be written, nothing is."""
    with suppress(AssetError, OSError):
        folder = cache_folder(kind)
        # Not beside others that remember the same.
        with tempfile.TemporaryDirectory(prefix=".remembering-", dir=folder) as own:
            memo = Path(own) / f"{key}.json"
            memo.write_text(json.dumps(what), encoding="utf-8")
            memo.replace(folder / memo.name)


def sha256(path: Path) -> str:
    """Return the sha256 of a file, read now."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def code_digest(*libraries: str) -> str:
    """Return a digest of this package's code and words, and of Python's and libraries' versions."""
    found = hashlib.sha256(platform.python_version().encode())
    for name in libraries:
        try:
            known = version(name)
        except PackageNotFoundError:
            known = "none"
        found.update(f"{name} {known}\n".encode())
    # Modules, and the words that they write.
    for path in sorted(one for one in _PACKAGE.rglob("*") if one.suffix in (".py", ".j2")):
        found.update(f"{path.relative_to(_PACKAGE).as_posix()}\n".encode() + path.read_bytes())
    return found.hexdigest()
