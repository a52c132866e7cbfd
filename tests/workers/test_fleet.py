"""Several servers of one model: a queue of requests that all of them share."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest
from endpoints import chat, serving, trouble

from harness.engines import retries
from harness.errors import EngineError
from harness.records import EngineConfig, Request, Sampling
from harness.workers.fleet import Fleet, at_each_address
from harness.workers.places import Places
from harness.workers.worker import Worker


def config(urls, **options):
    options = {"base_url": urls, "api_key_env": None, "deadline_s": 30.0, **options}
    return EngineConfig("openai", "m", "none", "remote", 1, options=options)


def asks(count: int) -> list[Request]:
    return [
        Request(f"r{i}", (), Sampling(max_tokens=3), messages=(("user", f"What is {i}?"),))
        for i in range(count)
    ]


@pytest.fixture
def fleet(tmp_path):
    """Return a fleet of engines of endpoints; `lost` has what was said of those that failed."""
    told: list[str] = []
    places = Places(tmp_path, [])
    made = Fleet(
        lambda config, number: Worker(config, log=tmp_path / f"{number}.log"),
        places,
        share=lambda: 0,
        lost=lambda replica, error: told.append(str(error)),
    )
    made.lost = told
    yield made
    made.close()


@pytest.fixture
def servers():
    """Return a function that runs a server for each script."""
    with ExitStack() as running:
        yield lambda *scripts: [running.enter_context(serving(script)) for script in scripts]


def slow(body, delay_s=0.005):
    reply = chat("yes")
    return type(reply)(reply.body, delay_s=delay_s)


def nowhere() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def outputs(fleet, urls, count, **options):
    fleet.start(config(urls, **options), count, None)
    fleet.wait_ready()
    # So that each takes a part, however long its process took to start.
    for replica in fleet._replicas:
        replica.worker.wait_ready()
    found = list(fleet.generate(asks(count)))
    assert sorted(one.key for one in found) == sorted(one.key for one in asks(count))
    return found


def test_one_address_is_one_engine_that_nobody_relieves():
    for urls in ("http://a/v1", ["http://a/v1"]):
        (one,) = at_each_address(config(urls))
        assert not one.relieved
    both = at_each_address(config(["http://a/v1", "http://b/v1"]))
    assert [one.options["base_url"] for one in both] == ["http://a/v1", "http://b/v1"]
    assert all(one.relieved for one in both)


def test_servers_share_the_requests(fleet, servers):
    some = servers(slow, slow)
    found = outputs(fleet, [one.url for one in some], 60, concurrency=2)
    assert {one.text for one in found} == {"yes"}
    assert (fleet.most, fleet.lost) == (2, [])
    first, second = (len(one.asked) for one in some)
    assert first + second == 60
    assert min(first, second) >= 16


@pytest.mark.slow
def test_a_slow_server_is_helped(fleet, servers):
    some = servers(lambda body: slow(body, 0.1), slow)
    outputs(fleet, [one.url for one in some], 200, concurrency=2)
    assert len(some[0].asked) < 90


@pytest.mark.parametrize(("place", "status"), [(0, 404), (1, 401)])
def test_what_a_failing_server_owed_is_asked_of_the_other(fleet, servers, place, status):
    left = [5]

    def failing(body):
        left[0] -= 1
        return slow(body) if left[0] >= 0 else trouble(status, "gone for good")

    scripts = [slow, slow]
    scripts[place] = failing
    some = servers(*scripts)
    found = outputs(fleet, [one.url for one in some], 80, concurrency=2, deadline_s=2.0)
    assert {one.text for one in found} == {"yes"}
    (problem,) = fleet.lost
    assert some[place].url in problem
    assert "gone for good" in problem


def test_what_one_server_could_not_answer_is_asked_of_another(fleet, servers):
    # Errors of its own, between answers: nothing is wrong with the server as a whole.
    def shaky(body):
        asked = body["messages"][-1]["content"]
        return trouble(500, "a bad day") if asked.endswith(("3?", "7?")) else slow(body)

    some = servers(shaky, slow)
    found = outputs(fleet, [one.url for one in some], 40, concurrency=4, deadline_s=2.0)
    bad = [one for one in found if one.text != "yes"]
    # The second time they may meet the same server; then they have failed.
    assert len(bad) <= 4
    assert all(one.failure.kind == "endpoint_failed" for one in bad)


@pytest.mark.slow
def test_a_server_that_is_not_there_holds_nobody_up(fleet, servers):
    # Its engine is in a process of its own, so the patience is its own, too: 20 s of 600.
    (there,) = servers(slow)
    found = outputs(fleet, [nowhere(), there.url], 40, deadline_s=600.0)
    assert {one.text for one in found} == {"yes"}
    (problem,) = fleet.lost
    assert "tried for up to 20 s" in problem


def test_where_all_are_gone_the_last_one_says_why(fleet, servers):
    some = servers(*[lambda body: trouble(401, "no such key")] * 2)
    fleet.start(config([one.url for one in some]), 20, None)
    fleet.wait_ready()
    with pytest.raises(EngineError, match="no such key"):
        list(fleet.generate(asks(20)))
    assert len(fleet.lost) == 1


def test_no_connection_is_given_up_where_others_answer():
    unreachable = retries.retrying(deadline_s=600.0, pace=retries.Pace(None), unreachable_s=1.0)
    alone = retries.retrying(deadline_s=600.0, pace=retries.Pace(None))
    for retry, stops in ((unreachable, True), (alone, False)):
        assert bool(retry.stop(state_after(20.0))) is stops


def state_after(seconds: float):
    """Return what is known of a request that had no connection for so long."""
    import httpx2
    from openai import APIConnectionError
    from tenacity import AsyncRetrying, Future, RetryCallState

    state = RetryCallState(AsyncRetrying(), None, (), {})
    state.outcome = Future(3)
    state.outcome.set_exception(APIConnectionError(request=httpx2.Request("POST", "http://x")))
    state.outcome_timestamp = state.start_time + seconds
    state.upcoming_sleep = 1.0
    return state
