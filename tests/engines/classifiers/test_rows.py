from __future__ import annotations

from dataclasses import replace

import pytest

from harness.engines.classifiers.rows import load_training, save_training, training_set
from harness.errors import EngineError


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """Training rows and their file."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    training = training_set([(2, 3, 4), (5,), (3, 3)], [0, 1, 1], words=6, classes=2)
    return training, save_training(training)


def test_rows_come_back(saved):
    training, path = saved
    found = load_training(path)
    assert [row.tolist() for row in found.rows()] == [[2, 3, 4], [5], [3, 3]]
    assert found.labels.tolist() == [0, 1, 1]
    assert (found.words, found.classes) == (6, 2)
    assert found.digest == training.digest == path.stem


def test_a_file_is_written_once(saved):
    training, path = saved
    before = path.stat().st_mtime_ns
    assert save_training(training) == path
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "changed",
    [
        {"words": 7},
        {"classes": 3},
        {"labels": [1, 1, 0]},
        {"rows": [(2, 3), (4, 5), (3, 3)]},
        {"rows": [(2, 3, 4), (5,), (3, 4)]},
    ],
)
def test_the_digest_is_of_all_that_is_in_it(saved, changed):
    given = {"rows": [(2, 3, 4), (5,), (3, 3)], "labels": [0, 1, 1], "words": 6, "classes": 2}
    given |= changed
    other = training_set(given.pop("rows"), given.pop("labels"), **given)
    assert other.digest != saved[0].digest
    assert replace(saved[0]).digest == saved[0].digest


@pytest.mark.parametrize("content", [None, b"", b"no such format"])
def test_a_damaged_file_is_named(saved, content):
    _, path = saved
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EngineError, match=r"training rows .*cannot be read.*remove the file"):
        load_training(path)
