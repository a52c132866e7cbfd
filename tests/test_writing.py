"""Files are whole whoever writes them, and however their writers end."""

from __future__ import annotations

import os

import pytest

from harness.writing import write_whole


def full():
    yield "a part"
    raise OSError(28, "No space left on device")


def contents(folder):
    return {one.name: one.read_text() for one in folder.iterdir()}


def test_what_is_not_written_to_its_end_leaves_nothing(tmp_path):
    path = tmp_path / "file.json"
    write_whole(path, "whole")
    with pytest.raises(OSError, match="No space"):
        write_whole(path, full())
    assert contents(tmp_path) == {"file.json": "whole"}


def test_two_that_write_one_file_at_once_do_not_meet(tmp_path):
    path = tmp_path / "file.json"

    def first():
        yield "one"
        write_whole(path, "another")
        assert path.read_text() == "another"
        with pytest.raises(OSError, match="No space"):
            write_whole(path, full())
        yield " whole"

    write_whole(path, first())
    assert contents(tmp_path) == {"file.json": "one whole"}


def test_what_a_killed_writer_left_is_cleared_and_nothing_else(tmp_path):
    path = tmp_path / "file[1].json"
    kept = ("file[1].json.0123abcd.part.txt", "file[1].json.part", "file1.json.0123abcd.part")
    for name in (*kept, "file[1].json.0123abcd.part"):
        (tmp_path / name).write_text("cut")
        os.utime(tmp_path / name, (0, 0))

    def slow():
        yield "whole"
        (held,) = tmp_path.glob("file[[]1].json.*.part")
        os.utime(held, (0, 0))
        write_whole(path, "another")
        assert held.exists()

    write_whole(path, slow())
    assert contents(tmp_path) == {path.name: "whole", **dict.fromkeys(kept, "cut")}


def test_what_stands_in_the_way_is_not_written_through(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.writing.secrets.token_hex", lambda _: "0123abcd")
    (tmp_path / "other").write_text("mine")
    (tmp_path / "file.json.0123abcd.part").symlink_to(tmp_path / "other")
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file.json", "theirs")
    assert (tmp_path / "other").read_text() == "mine"
