"""Where an adapter's folder goes: what is refused, what is replaced, what comes back."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest

from harness.errors import TrainError
from harness.train.artifacts import check_target, replacing

MARK = "adapter_config.json"


def adapter(folder, text):
    folder.mkdir(parents=True)
    (folder / MARK).write_text(text)
    return folder


def replace(out, error=None):
    with replacing(out) as built:
        adapter(built, "new")
        if error:
            raise error


def test_a_folder_of_other_files_is_refused_and_kept(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("years")
    adapter(tmp_path / "adapters/a", "a")
    (tmp_path / "file").touch()
    for out in (precious, tmp_path / "adapters"):
        with pytest.raises(TrainError, match=rf"{out} is not empty and no adapter .*--out"):
            check_target(out)
    with pytest.raises(TrainError, match=r"file is a file; .*--out"):
        check_target(tmp_path / "file")
    with pytest.raises(TrainError, match="is not empty and no adapter"):
        replace(precious)
    assert (precious / "thesis.txt").read_text() == "years"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TrainError, match=r"file/a cannot be made: .*file is not a folder; .*--out"):
        check_target(tmp_path / "file/a")
    (tmp_path / "shut").mkdir(mode=0o500)
    if os.geteuid():  # root may write anywhere
        with pytest.raises(TrainError, match=r"shut/b/a cannot be made: no permission .*--out"):
            check_target(tmp_path / "shut/b/a")


@pytest.mark.parametrize("before", [None, "empty", "adapter"])
def test_a_new_adapter_takes_its_place(tmp_path, before):
    out = tmp_path / "deep/r"
    if before == "adapter":
        adapter(out, "old")
        (out / "more").touch()
    elif before == "empty":
        out.mkdir(parents=True)
    check_target(out)
    replace(out)
    assert [path.name for path in out.iterdir()] == [MARK]
    assert (out / MARK).read_text() == "new"
    assert list(out.parent.iterdir()) == [out]


def test_the_old_adapter_comes_back_where_the_swap_fails(tmp_path, monkeypatch):
    out, rename = adapter(tmp_path / "r", "old"), Path.rename

    def fail(self, target):
        if self.name == "new":
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(TrainError, match=r"r cannot be replaced: Input/output error; .*--resume"):
        replace(out)
    assert (out / MARK).read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_what_is_half_built_leaves_the_old_adapter(tmp_path):
    out = adapter(tmp_path / "r", "old")
    with pytest.raises(ValueError, match="full"):
        replace(out, ValueError("full"))
    assert (out / MARK).read_text() == "old"
    assert list(tmp_path.iterdir()) == [out]


def test_the_old_adapter_comes_back_after_a_kill_in_the_swap(tmp_path):
    out = tmp_path / "r"
    adapter(tmp_path / ".r.harness/old", "old")
    check_target(out)
    assert (out / MARK).read_text() == "old"


def test_the_folder_is_built_on_the_file_system_of_its_place(tmp_path):
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs a second file system at /dev/shm")
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        out = Path(folder) / "y"
        adapter(out, "old")
        replace(out)
        assert (out / MARK).read_text() == "new"
        assert list(out.parent.iterdir()) == [out]
