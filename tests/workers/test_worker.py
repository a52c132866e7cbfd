"""The worker: streaming, failure of every kind, and that nothing outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import harness
from harness.engines import open_engine
from harness.errors import EngineError
from harness.records import Adapter, EngineConfig, Output, Request, Sampling
from harness.workers.child import decode_output, decode_requests, encode_output, encode_requests
from harness.workers.worker import Worker

ROOT = Path(harness.__file__).parents[1]


def config(**options):
    return EngineConfig("fake", "", "float32", "cpu", max_model_len=4096, options=options)


def asks(count, length=10):
    return [
        Request(f"r{i}", tuple(range(i, i + length)), Sampling(score_ids=(1, 2)))
        for i in range(count)
    ]


def family(worker_or_pid):
    """Return the processes below one, itself included."""
    process = psutil.Process(worker_or_pid)
    return [process, *process.children(recursive=True)]


def children():
    return set(psutil.Process().children(recursive=True))


def engine_of(processes):
    """Return the child that runs the engine; the other one is its guard."""
    (child,) = [process for process in processes if "harness.workers.child" in process.cmdline()]
    return child


def gone(processes, within_s=5.0):
    """Return whether none of the processes runs any more, waiting a little."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if all(not p.is_running() or p.status() == psutil.STATUS_ZOMBIE for p in processes):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def idle():
    """A worker whose fake engine behaves."""
    with Worker(config()) as worker:
        yield worker


def test_outputs_are_those_of_the_engine(idle):
    requests = asks(20)
    here = list(open_engine(config()).generate(requests))
    assert list(idle.generate(requests)) == here
    assert idle.start_s > 0


def test_batch_after_batch(idle):
    for count in (1, 7, 3):
        assert [o.key for o in idle.generate(asks(count))] == [f"r{i}" for i in range(count)]


def test_no_requests_need_no_child():
    worker = Worker(config(fail_start=True))
    assert list(worker.generate([])) == []
    worker.close()


def test_a_large_batch(idle):
    requests = asks(2000, length=1200)
    started = time.monotonic()
    outputs = list(idle.generate(requests))
    assert len(outputs) == 2000
    assert {o.prompt_tokens for o in outputs} == {1200}
    assert time.monotonic() - started < 20


def test_outputs_come_as_they_are_finished():
    with Worker(config(delay_s=0.3)) as worker:
        worker.wait_ready()
        started = time.monotonic()
        stream = worker.generate(asks(4))
        next(stream)
        first = time.monotonic() - started
        assert len(list(stream)) == 3
        assert first < 0.75 < time.monotonic() - started


def test_an_error_of_one_request_is_its_own():
    with Worker(config(error_on="r1")) as worker:
        outputs = {o.key: o for o in worker.generate(asks(3))}
        assert outputs["r1"].finish_reason == "error"
        assert "told to refuse 'r1'" in outputs["r1"].error
        assert outputs["r2"].error is None
        assert len(list(worker.generate(asks(5)))) == 5


def test_start_returns_at_once_and_wait_ready_waits():
    worker = Worker(config(start_s=1.0))
    started = time.monotonic()
    worker.start()
    assert time.monotonic() - started < 0.5
    worker.wait_ready()
    worker.wait_ready()
    assert worker.start_s > 1.0
    worker.close()


def test_a_failed_start_is_one_line_with_its_reason(tmp_path):
    log = tmp_path / "logs" / "engine.log"
    before = children()
    with (
        pytest.raises(EngineError) as caught,
        Worker(config(fail_start=True), log=log) as worker,
    ):
        worker.wait_ready()
    told = "engine 'fake' could not start: the fake engine was told not to start"
    assert str(caught.value) == f"{told} (log: {log})"
    assert "Traceback" in log.read_text()
    assert gone(children() - before)


def test_an_unknown_option_is_told_by_the_engine():
    with (
        pytest.raises(EngineError, match="option 'anwser': unknown key"),
        Worker(config(anwser="yes")) as worker,
    ):
        worker.wait_ready()


def test_an_unknown_engine_is_told():
    broken = EngineConfig("vlm", "", "float32", "cpu", max_model_len=10)
    with (
        pytest.raises(EngineError, match="'vlm' is not one of vllm, transformers"),
        Worker(broken) as worker,
    ):
        worker.wait_ready()


def test_a_slow_start_is_ended():
    started = time.monotonic()
    with (
        pytest.raises(EngineError, match=r"did not start within 1\.5 s"),
        Worker(config(start_s=60), start_timeout_s=1.5) as worker,
    ):
        worker.wait_ready()
    assert time.monotonic() - started < 10


def test_death_on_the_way_keeps_what_came_before():
    outputs = []
    with Worker(config(die_after=3)) as worker:
        with pytest.raises(EngineError) as caught:
            outputs.extend(worker.generate(asks(10)))
        assert [o.key for o in outputs] == ["r0", "r1", "r2"]
        assert str(caught.value) == (
            "engine 'fake' failed, 7 of 10 outputs were lost: the process ended with exit code 1: "
            "RuntimeError: the fake engine was told to die"
        )
        with pytest.raises(EngineError, match="is closed"):
            list(worker.generate(asks(1)))


def test_a_killed_child_is_told_by_its_signal():
    before = children()
    with Worker(config(delay_s=0.2)) as worker:
        stream = worker.generate(asks(50))
        next(stream)
        child = engine_of(children() - before)
        child.kill()
        with pytest.raises(EngineError, match="killed by SIGKILL"):
            list(stream)


def test_a_hang_is_ended_within_the_stall_timeout():
    before = children()
    outputs = []
    with Worker(config(hang_after=2, spawn=True), stall_timeout_s=1.0) as worker:
        stream = worker.generate(asks(5))
        outputs += [next(stream), next(stream)]
        started = children() - before
        assert len(started) == 3
        asked = time.monotonic()
        with pytest.raises(EngineError, match=r"gave no output for 1 s, 3 of 5 outputs were lost"):
            next(stream)
        assert time.monotonic() - asked < 5
    assert [o.key for o in outputs] == ["r0", "r1"]
    assert gone(started)


def test_a_stopped_child_does_not_block_a_large_batch():
    before = children()
    with Worker(config(), stall_timeout_s=1.0) as worker:
        worker.wait_ready()
        child = engine_of(children() - before)
        child.suspend()
        started = time.monotonic()
        with pytest.raises(EngineError, match="gave no output"):
            list(worker.generate(asks(1000, length=2000)))
        assert time.monotonic() - started < 10


def test_close_ends_the_whole_group():
    before = children()
    worker = Worker(config(spawn=True))
    worker.wait_ready()
    started = children() - before
    assert len(started) == 3
    worker.close()
    worker.close()
    assert gone(started)
    with pytest.raises(EngineError, match="is closed"):
        worker.start()


def test_close_while_busy_does_not_wait():
    before = children()
    worker = Worker(config(hang_after=1))
    stream = worker.generate(asks(3))
    next(stream)
    started = children() - before
    asked = time.monotonic()
    worker.close()
    assert time.monotonic() - asked < 2
    assert gone(started)
    with pytest.raises(EngineError, match="is closed"):
        next(stream)


def test_an_iterator_left_early_ends_the_child():
    before = children()
    with Worker(config()) as worker:
        stream = worker.generate(asks(5))
        next(stream)
        started = children() - before
        stream.close()
        assert gone(started)
        with pytest.raises(EngineError, match="is closed"):
            list(worker.generate(asks(1)))


def test_two_streams_at_once_are_refused(idle):
    stream = idle.generate(asks(3))
    next(stream)
    with pytest.raises(EngineError, match="busy"):
        list(idle.generate(asks(1)))
    assert len(list(stream)) == 2


def test_the_child_writes_to_the_log_alone(tmp_path, capfd):
    log = tmp_path / "engine.log"
    log.write_text("earlier\n")
    with Worker(config(die_after=0), log=log) as worker, pytest.raises(EngineError):
        list(worker.generate(asks(1)))
    assert capfd.readouterr() == ("", "")
    assert log.read_text().startswith("earlier\nRuntimeError: the fake engine was told to die")


def test_the_child_finds_the_package_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with Worker(config()) as worker:
        assert len(list(worker.generate(asks(2)))) == 2


_PARENT = """
import sys, time
from harness.records import EngineConfig, Request, Sampling
from harness.workers.worker import Worker

if __name__ == "__main__":
    options = {"spawn": True, "delay_s": float(sys.argv[1])}
    worker = Worker(EngineConfig("fake", "", "float32", "cpu", 100, options=options))
    worker.wait_ready()
    print("ready", flush=True)
    list(worker.generate([Request(str(i), (1,), Sampling()) for i in range(1000)]))
    time.sleep(600)
"""


@pytest.mark.parametrize("delay_s", [0.0, 600.0], ids=["idle", "busy"])
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_the_child_dies_with_its_parent(tmp_path, sign, delay_s):
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(delay_s)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        # A shell that runs the tests in the background has SIGINT ignored for all of them.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert parent.stdout.readline() == b"ready\n"
    time.sleep(0.3)
    processes = family(parent.pid)
    assert len(processes) == 4
    parent.send_signal(sign)
    parent.wait(10)
    parent.stdout.close()
    assert gone(processes)


def test_a_child_that_runs_no_thread_dies_with_its_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script), "600"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert parent.stdout.readline() == b"ready\n"
    processes = family(parent.pid)
    assert len(processes) == 4
    engine_of(processes).suspend()
    parent.kill()
    parent.wait(10)
    parent.stdout.close()
    assert gone(processes)


def test_requests_survive_the_wire():
    adapter = Adapter("a/b", "d1", 8)
    sampling = Sampling(5, 0.5, 0.9, 3, ("\n", "é"), (1, 2), ("yes", "no"))
    requests = [
        Request("a", (1, 2, 3), sampling, adapter),
        Request("b", (), Sampling()),
        Request("c", (2**31 - 1,), sampling, Adapter("a/c", "d2", 4)),
        Request("d", (7, 7), Sampling(), adapter),
        Request(
            "e",
            (),
            Sampling(schema='{"type": "object"}', score_texts=("1", "10")),
            messages=(("system", "коротко"), ("user", "\ud800\x00")),
        ),
    ]
    header, ids = encode_requests(requests)
    assert decode_requests(header, ids) == requests
    assert len(json.loads(header)["samplings"]) == 3
    assert len(ids) == 4 * 6


def test_outputs_survive_the_wire():
    for output in (
        Output("k", "текст\x00", (1, 2), "length", (-0.5, -1e-300), 9, 4),
        Output("k", finish_reason="error", error="why"),
        Output("k", text="so", completion_tokens=3),
    ):
        assert decode_output(json.loads(json.dumps(encode_output(output)))) == output


def test_ids_travel_cheaply():
    requests = asks(2000, length=1250)
    started = time.monotonic()
    decoded = decode_requests(*encode_requests(requests))
    assert time.monotonic() - started < 5
    assert decoded[-1] == requests[-1]


def test_a_child_that_cannot_be_spawned_leaves_nothing_open(monkeypatch, tmp_path):
    def crowded(*_):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(Worker, "_spawn", crowded)
    before = psutil.Process().num_fds()
    for log in (None, tmp_path / "log"):
        with pytest.raises(BlockingIOError):
            Worker(config(), log=log).start()
    assert psutil.Process().num_fds() == before
