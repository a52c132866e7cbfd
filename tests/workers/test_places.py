"""Places: a lock each, never more than are allowed, and waited for."""

from __future__ import annotations

import threading
import time

import pytest
from filelock import FileLock, Timeout

from harness.errors import EngineError
from harness.workers.places import Places


def test_the_processor_is_one_place(tmp_path):
    places = Places(tmp_path)
    lease = places.free(0)
    assert lease.gpus == ()
    assert places.free(0) is None
    with pytest.raises(Timeout):
        FileLock(tmp_path / "engine.lock").acquire(timeout=0)
    lease.release()
    lease.release()
    places.free(0).release()


def test_each_gpu_is_a_place_of_its_own_for_all_sessions(tmp_path):
    ours, theirs = Places(tmp_path, ["0", "1", "GPU-7"]), Places(tmp_path, ["0", "1", "GPU-7"])
    first, second = ours.free(1), theirs.free(1)
    assert (first.gpus, second.gpus) == (("0",), ("1",))
    assert ours.free(2) is None
    last = ours.free(1)
    assert last.gpus == ("GPU-7",)
    assert (ours.held, theirs.held) == (2, 1)
    # The processor is no GPU.
    theirs.free(0).release()
    first.release()
    last.release()
    assert ours.free(2).gpus == ("0", "GPU-7")


def test_what_did_not_suffice_is_given_back(tmp_path):
    ours, theirs = Places(tmp_path, ["0", "1"]), Places(tmp_path, ["0", "1"])
    taken = ours.free(1)
    assert theirs.free(2) is None
    assert theirs.free(1).gpus == ("1",)
    taken.release()
    assert ours.free(1).gpus == ("0",)


def test_no_more_are_held_than_are_allowed(tmp_path):
    places = Places(tmp_path, ["0", "1", "2"], limit=2)
    lease = places.free(2)
    assert places.free(1) is None
    lease.release()
    places.check(2)
    with pytest.raises(EngineError, match="split over 3 GPUs"):
        places.check(3)
    assert Places(tmp_path, ["0"], limit=8).limit == 1


def test_a_place_is_waited_for_unless_it_is_given_up(tmp_path):
    places = Places(tmp_path, ["0"])
    lease = places.free(1)
    threading.Timer(0.2, lease.release).start()
    began = time.monotonic()
    again = places.wait(1)
    assert time.monotonic() - began >= 0.15
    with pytest.raises(EngineError, match="the session ended"):
        places.wait(1, lambda: True)
    again.release()
