"""Requests that go to the store first, then to the engine."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from harness.collect import load_cells
from harness.errors import EngineError
from harness.reasons import Reason
from harness.records import Output, Request, Sampling
from harness.run.ask import Asked, ask, ask_rounds, joined, opened, outputs_missing
from harness.run.session import EngineSession
from harness.run.settings import Settings
from harness.workers.store import content_key


@pytest.fixture
def settings(model_project):
    root = model_project.root
    return Settings(root=root, store=root / "o.sqlite", logs=root / "logs")


@pytest.fixture
def sessions(model_project, settings):
    """Return a function that makes sessions with options of the fake engine."""
    cells = load_cells(model_project.root / "evalsets/set.yaml", model_project.root)
    made: list[EngineSession] = []

    def make(**options) -> EngineSession:
        own = [replace(c, spec=c.spec.model_copy(update={"options": options})) for c in cells]
        made.append(EngineSession(settings, own, lambda *what: None, tell=print))
        return made[-1]

    yield make
    for one in made:
        one.close()


def request(session: EngineSession, *row: int) -> Request:
    sampling = Sampling(max_tokens=1)
    return Request(content_key(session.shared, row, sampling, None), row, sampling)


def test_equal_requests_are_asked_once_and_then_stored(sessions, settings):
    session = sessions()
    requests = [request(session, 1), request(session, 2), request(session, 1)]
    with opened(settings.store) as store:
        first = ask(session, requests, store, window=64)
        second = ask(session, [*requests, request(session, 3)], store, window=64)
    assert (first.stored, len(first.computed), len(first.outputs)) == (0, 2, 2)
    assert (second.stored, len(second.computed), len(second.outputs)) == (2, 1, 3)
    assert {key: second.outputs[key] for key in first.outputs} == first.outputs


def test_no_engine_starts_for_what_is_stored(sessions, settings):
    session = sessions()
    with opened(settings.store) as store:
        ask(session, [request(session, 1)], store, window=64)
    session.close()
    # One that cannot start, with the same outputs.
    broken = sessions(fail_start=True)
    again = [Request(request(session, 1).key, (1,), Sampling(max_tokens=1))]
    with opened(settings.store) as store:
        assert ask(broken, again, store, window=64).stored == 1
        assert ask(broken, [request(broken, 5)], store, window=64).failure is not None


@pytest.mark.parametrize("device", ["cpu", "remote"])
def test_two_that_ask_the_same_at_once_make_each_output_once(sessions, settings, device):
    """On GPUs and at endpoints no place is waited for; the device is a name here."""
    one, two = sessions(delay_s=0.02), sessions(delay_s=0.02)
    for session in (one, two):
        session._serving = replace(session._serving, device=device)
    requests = [request(one, n) for n in range(1, 21)]
    together = threading.Barrier(2)

    def run(session: EngineSession, wanted: list[Request]) -> Asked:
        with opened(settings.store) as store:
            together.wait()
            asked = ask(session, wanted, store, window=64)
            session.close()
            return asked

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(run, one, requests[:15])
        second = pool.submit(run, two, requests[5:])
        found = first.result(), second.result()
    assert sum(len(asked.computed) for asked in found) == 20
    assert sorted(asked.stored for asked in found) == [0, 10]
    assert [len(asked.outputs) for asked in found] == [15, 15]


def test_no_engine_starts_for_what_another_run_made_meanwhile(sessions, settings):
    one, two = sessions(), sessions()
    requests = [request(one, n) for n in range(1, 4)]
    with opened(settings.store) as store, ThreadPoolExecutor(1) as pool:
        assert one.claim()
        waiting = pool.submit(ask, two, requests, store, window=64)
        time.sleep(0.3)
        assert not waiting.done()
        ask(one, requests, store, window=64)
        one.close()
        assert waiting.result(timeout=30).stored == 3
    assert not two.started


def test_a_wait_for_another_run_ends_with_the_session(sessions, settings):
    one, two = sessions(), sessions()
    assert one.claim()
    with opened(settings.store) as store, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, two, [request(two, 1)], store, window=64)
        time.sleep(0.2)
        two.stop()
        assert "waited for another one" in str(waiting.result(timeout=10).failure)


def test_an_output_without_the_scores_that_are_asked_for_is_made_again(sessions, settings):
    session = sessions()
    sampling = Sampling(score_ids=(5, 6))
    wanted = Request(content_key(session.shared, (1,), sampling, None), (1,), sampling)
    with opened(settings.store) as store:
        store.put([Output(wanted.key, "w", (1,), "stop", (-0.5,))], session.shared)
        assert len(ask(session, [wanted], store, window=64).computed) == 1


def test_what_came_before_a_death_is_kept_and_the_rest_is_counted(sessions, settings):
    session = sessions(die_after=3)
    requests = [request(session, n) for n in range(1, 9)]
    with opened(settings.store) as store:
        asked = ask(session, requests, store, window=64)
        assert isinstance(asked.failure, EngineError)
        assert len(asked.outputs) == 3
        assert set(store.get([r.key for r in requests])) == set(asked.outputs)
    assert outputs_missing(session, asked, 8) == Reason(
        "outputs_missing", {"models": session.models, "missing": 5, "wanted": 8}
    )


def test_a_second_round_rests_on_the_first(sessions, settings):
    session = sessions()
    first = [request(session, 1), request(session, 2)]
    given: list[set[str]] = []

    def second(outputs):
        given.append(set(outputs))
        return [request(session, 7), first[0]]

    with opened(settings.store) as store:
        asked = ask_rounds(session, first, second, store, window=64)
        assert given == [{one.key for one in first}]
        assert len(asked.computed) == 3  # what the first round brought is not asked again
        again = ask_rounds(session, first, second, store, window=64)
    assert (again.stored, again.computed) == (3, [])
    assert again.outputs == asked.outputs


def test_nothing_is_asked_behind_a_first_round_that_failed(sessions, settings):
    session = sessions(die_after=1)
    with opened(settings.store) as store:
        asked = ask_rounds(
            session,
            [request(session, n) for n in range(1, 4)],
            lambda outputs: pytest.fail("the second round was made"),
            store,
            window=64,
        )
    assert asked.failure is not None


def test_two_rounds_together(sessions, settings):
    one, two = sessions(), sessions(die_after=1)
    with opened(settings.store) as store:
        whole = ask(one, [request(one, 1)], store, window=64)
        one.close()
        broken = ask(two, [request(two, 2), request(two, 3)], store, window=64)
    both = joined(whole, broken)
    assert set(both.outputs) == set(whole.outputs) | set(broken.outputs)
    assert both.computed == [*whole.computed, *broken.computed]
    assert both.failure is broken.failure is not None
