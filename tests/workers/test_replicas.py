"""Equal engines that share requests: each output once, whatever becomes of one of them."""

from __future__ import annotations

import os
import signal
import time

import pytest

from harness.errors import EngineError
from harness.records import EngineConfig, Request, Sampling
from harness.workers.places import Places
from harness.workers.replicas import Replica, first_ready, share_out
from harness.workers.worker import Worker


@pytest.fixture
def replicas(tmp_path):
    """Return a function that starts fake engines with options, one each."""
    started: list[Replica] = []
    places = Places(tmp_path, [str(n) for n in range(9)])

    def start(*options: dict[str, object]) -> list[Replica]:
        for one in options:
            lease = places.free(1)
            config = EngineConfig("fake", "", "float32", "cuda", 4096, options=one, gpus=lease.gpus)
            started.append(Replica(Worker(config), lease))
            started[-1].worker.start()
        return list(started)

    start.places = places
    yield start
    for one in started:
        one.close()


@pytest.fixture
def lost():
    """Return a function that notes which engines were lost, and why."""

    def note(replica, error):
        note.told.append((replica.gpus, str(error)))

    note.told = []
    return note


def asks(count: int) -> list[Request]:
    return [Request(f"r{i}", (i // 100, i), Sampling(score_ids=(1, 2))) for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, 2, 127, 1000])
@pytest.mark.parametrize("engines", [1, 2, 3])
def test_each_request_is_answered_once_and_alike(replicas, lost, count, engines):
    some = replicas(*[{}] * engines)
    outputs = list(share_out(some, asks(count), lost))
    assert sorted(output.key for output in outputs) == sorted(r.key for r in asks(count))
    alone = {o.key: o.logprobs for o in share_out(some[:1], asks(count), lost)}
    assert {o.key: o.logprobs for o in outputs} == alone
    assert lost.told == []
    # They can be asked again.
    assert len(list(share_out(some, asks(count), lost))) == count


def test_a_slow_engine_is_helped(replicas, lost):
    some = replicas({"delay_s": 0.02}, {})
    seen: dict[int, int] = {}
    for number, one in enumerate(some):
        generate = one.worker.generate

        def counted(requests, number=number, generate=generate):
            for output in generate(requests):
                seen[number] = seen.get(number, 0) + 1
                yield output

        one.worker.generate = counted
    assert len(list(share_out(some, asks(1000), lost))) == 1000
    # Half of its own half is all that it was handed, and then less.
    assert seen[1] > 600
    assert sum(seen.values()) == 1000


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_share_of_an_engine_that_dies_is_done_by_the_others(replicas, lost, place):
    options: list[dict[str, object]] = [{"delay_s": 0.01}] * 3
    options[place] = {"die_after": 30}
    some = replicas(*options)
    assert sorted(o.key for o in share_out(some, asks(450), lost)) == sorted(
        r.key for r in asks(450)
    )
    ((gpus, problem),) = lost.told
    assert gpus == (str(place),)
    assert "told to die" in problem
    assert len(some) == 2
    # Its place is free, and the others go on.
    assert replicas.places.free(1).gpus == (str(place),)
    assert len(list(share_out(some, asks(300), lost))) == 300


def test_an_engine_that_is_killed(replicas, lost):
    some = replicas({"delay_s": 0.005}, {"delay_s": 0.005})
    found = share_out(some, asks(600), lost)
    first = [next(found) for _ in range(50)]
    os.kill(some[1].worker._process.pid, signal.SIGKILL)
    keys = [output.key for output in (*first, *found)]
    assert sorted(keys) == sorted(r.key for r in asks(600))
    ((gpus, problem),) = lost.told
    assert gpus == ("1",)
    assert "SIGKILL" in problem


def test_where_all_die_the_last_one_says_why(replicas, lost):
    some = replicas({"die_after": 30}, {"die_after": 40})
    made = []
    with pytest.raises(EngineError, match="told to die"):
        made.extend(share_out(some, asks(900), lost))
    assert 30 <= len(made) <= 70
    assert len(lost.told) == 1


def test_an_engine_that_does_not_start(replicas, lost):
    some = first_ready(replicas({"fail_start": True}, {}), lost)
    assert len(some) == 1
    assert "told not to start" in lost.told[0][1]
    with pytest.raises(EngineError, match="told not to start"):
        first_ready(replicas({"fail_start": True})[2:], lost)


def test_a_further_engine_that_does_not_start(replicas, lost):
    some = first_ready(replicas({}, {"fail_start": True}), lost)
    # It may fail before all is done, or find that all is done.
    with pytest.raises(EngineError, match="told not to start"):
        some[1].worker.wait_ready()
    assert len(list(share_out(some, asks(500), lost))) == 500
    assert [gpus for gpus, _ in lost.told] == [("1",)]
    assert [one.gpus for one in some] == [("0",)]
    assert len(list(share_out(some, asks(500), lost))) == 500


def test_one_that_starts_for_ever_is_not_waited_for(replicas, lost):
    some = replicas({}, {"start_s": 600})
    began = time.monotonic()
    assert len(list(share_out(some, asks(300), lost))) == 300
    assert time.monotonic() - began < 60
    # The other one goes on, and the place of this one is free.
    assert [one.gpus for one in some] == [("0",)]
    assert replicas.places.free(1).gpus == ("1",)
    assert len(list(share_out(some, asks(300), lost))) == 300


def test_left_early_they_end(replicas, lost):
    some = replicas({"delay_s": 0.01}, {"delay_s": 0.01})
    found = share_out(some, asks(600), lost)
    next(found)
    found.close()
    with pytest.raises(EngineError):
        list(some[0].worker.generate(asks(1)))
    assert lost.told == []
