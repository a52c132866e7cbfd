from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from pathlib import Path

import pytest

from harness.errors import AssetError
from harness.sources import cache
from harness.sources.cache import building, cache_folder, file_digest


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


def test_folder_follows_the_environment(tmp_path, monkeypatch):
    assert cache_folder("a", "b") == tmp_path / "cache" / "a" / "b"
    assert (tmp_path / "cache" / "a" / "b").is_dir()
    monkeypatch.delenv("HARNESS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "harness"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "harness"


def test_folder_that_cannot_be_made_names_the_fix(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "file"))
    with pytest.raises(AssetError, match="set HARNESS_CACHE") as caught:
        cache_folder("x")
    assert "\n" not in str(caught.value)


def test_building_is_whole_or_absent(tmp_path):
    target = tmp_path / "target"

    def half(out: Path | None) -> None:
        assert out is not None
        out.write_text("half")
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"), building(target) as out:
        half(out)
    assert not target.exists()
    with building(target) as out:
        assert out is not None
        out.write_text("whole")
    assert target.read_text() == "whole"
    with building(target) as out:
        assert out is None
    assert not list(tmp_path.glob(".building-*"))


def test_building_makes_folders_too(tmp_path):
    with building(tmp_path / "folder") as out:
        assert out is not None
        out.mkdir()
        (out / "x").write_text("1")
    assert (tmp_path / "folder" / "x").read_text() == "1"


def test_building_nothing_is_an_error(tmp_path):
    with pytest.raises(AssetError, match="cannot be built"), building(tmp_path / "x"):
        pass


def test_building_at_once_builds_once(tmp_path):
    built = []

    def build():
        with building(tmp_path / "target") as out:
            if out is not None:
                built.append(out)
                time.sleep(0.1)
                out.write_text("x")

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(built) == 1


def test_digest_of_a_small_file_is_never_remembered(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b"one")
    assert file_digest(file) == hashlib.sha256(b"one").hexdigest()
    assert not (tmp_path / "cache" / "digests").exists()


def test_digest_of_a_big_file_is_remembered_until_it_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_REMEMBERED_FROM", 1)
    read: list[Path] = []
    original = cache.sha256
    monkeypatch.setattr(cache, "sha256", lambda path: read.append(path) or original(path))
    file = tmp_path / "x"
    file.write_bytes(b"one")
    os.utime(file, ns=(1, 1))
    first, changed = file_digest(file), file.stat().st_ctime_ns
    assert file_digest(file) == first == hashlib.sha256(b"one").hexdigest()
    assert len(read) == 1
    file.write_bytes(b"two")
    # As an archive unpacks it, whose entries have one date. The system's clock has coarse steps.
    while file.stat().st_ctime_ns == changed:
        os.utime(file, ns=(1, 1))
    os.utime(file, ns=(1, 1))
    assert file_digest(file) == hashlib.sha256(b"two").hexdigest()
    assert len(read) == 2


@pytest.mark.parametrize("made", [True, False])
def test_a_cache_that_cannot_be_written_remembers_nothing(tmp_path, monkeypatch, made):
    def refuse(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(cache, "_REMEMBERED_FROM", 0)
    file = tmp_path / "file"
    file.write_text("one")
    if made:
        cache_folder("digests")
        monkeypatch.setattr(cache.tempfile, "TemporaryDirectory", refuse)
    else:
        monkeypatch.setattr(Path, "mkdir", refuse)
    assert file_digest(file) == hashlib.sha256(b"one").hexdigest()


@pytest.mark.parametrize("broken", ["", "{", "[1]", "null"])
def test_broken_memo_is_no_memo(tmp_path, monkeypatch, broken):
    monkeypatch.setattr(cache, "_REMEMBERED_FROM", 1)
    file = tmp_path / "x"
    file.write_bytes(b"one")
    digest = file_digest(file)
    [memo] = (tmp_path / "cache" / "digests").iterdir()
    memo.write_text(broken)
    assert file_digest(file) == digest
    assert json.loads(memo.read_text())[0] == digest


def test_digest_of_a_missing_file(tmp_path):
    with pytest.raises(AssetError, match="cannot be read: No such file"):
        file_digest(tmp_path / "none")
