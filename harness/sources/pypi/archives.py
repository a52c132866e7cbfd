"""One file out of a tar or zip archive, and nothing else of it on disk.

Nothing is unpacked by an archive's own names: the caller names the output. Links and devices are
refused, so an archive cannot make anything be read or written that was not asked for.
"""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from harness.errors import AssetError
from harness.suggest import did_you_mean

_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError,
           NotImplementedError)  # fmt: skip


def extract_member(archive: Path, member: str, out: Path, *, strip_top: bool = False) -> None:
    """Write one file of a tar or zip archive to `out`.

    Args:
        archive: The archive; its kind is found by its content.
        member: Path inside it; `!` descends: `inner.tar.gz!folder/file.txt`.
        out: Where the file goes; only written when all of the member was read.
        strip_top: Whether the first folder of the archive's paths is left out of `member`, as
            for the `name-version/` of an sdist.

    Raises:
        AssetError: Broken archive, no such member, or one that is not a regular file.
    """
    steps = member.split("!")
    for step in steps:
        if not step or PurePosixPath(step).is_absolute() or ".." in PurePosixPath(step).parts:
            raise AssetError(f"member '{member}': '{step}' is not a path inside an archive; write "
                             "it relative, without '..'")  # fmt: skip
    try:
        with archive.open("rb") as file:
            _descend(file, archive.name, steps, out, strip_top)
    except _BROKEN as error:
        problem = " ".join(str(error).split())
        raise AssetError(f"{archive.name}: '{member}' cannot be read: {problem}") from error


def _descend(file: IO[bytes], name: str, steps: Sequence[str], out: Path, strip_top: bool) -> None:
    step, *rest = steps
    with tempfile.TemporaryFile(dir=out.parent) as inner:
        _copy(file, name, step, inner, strip_top)
        inner.seek(0)
        if rest:
            _descend(inner, f"{name}!{step}", rest, out, False)
            return
        with out.open("wb") as target:
            shutil.copyfileobj(inner, target, 1 << 20)


def _copy(file: IO[bytes], name: str, step: str, inner: IO[bytes], strip_top: bool) -> None:
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as zipped:
            infos = {info.filename: info for info in zipped.infolist()}
            info = infos[_find(list(infos), step, name, strip_top)]
            kind = stat.S_IFMT(info.external_attr >> 16)
            if info.is_dir() or kind not in {0, stat.S_IFREG} or info.flag_bits & 1:
                raise AssetError(f"{name}: '{step}' is not a regular file, or is encrypted")
            with zipped.open(info) as source:
                shutil.copyfileobj(source, inner, 1 << 20)
        return
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:*") as tarred:
        members = {entry.name.removeprefix("./"): entry for entry in tarred.getmembers()}
        entry = members[_find(list(members), step, name, strip_top)]
        # A link's content would be that of another member, or of nothing.
        content = tarred.extractfile(entry) if entry.isreg() else None
        if content is None:
            raise AssetError(f"{name}: '{step}' is not a regular file")
        with content:
            shutil.copyfileobj(content, inner, 1 << 20)


def _find(names: list[str], wanted: str, archive: str, strip_top: bool) -> str:
    paths = {(name.partition("/")[2] if strip_top else name): name for name in names}
    if wanted not in paths:
        fix = did_you_mean(wanted, paths, f"it has {len(paths)} entries", likeness=0.4)
        raise AssetError(f"{archive}: no member '{wanted}'; {fix}")
    return paths[wanted]
