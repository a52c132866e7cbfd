"""A process of an engine's own that dies is named at once, not found by the stall timeout."""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest

from harness.errors import EngineError
from harness.records import EngineConfig, Request, Sampling
from harness.workers.worker import Worker

ENGINE = """
import multiprocessing, os, time
from harness.records import Output

def core(code):
    time.sleep({life})
    os._exit(code)

class Engine:
    def generate(self, requests):
        for done, request in enumerate(requests):
            if done == 1:
                {then}
            yield Output(request.key, "a", (1,), "stop")
    def close(self):
        self.core.terminate()

def open_engine(config):
    engine = Engine()
    engine.core = multiprocessing.get_context("spawn").Process(target=core, args=({code},))
    engine.core.start()
    return engine
"""
HANGS = "time.sleep(3600)"
DIES = "os.kill(self.core.pid, 9); time.sleep(0.2); raise RuntimeError('EngineDeadError')"


@pytest.fixture
def worker(tmp_path):
    """Return a function that makes a worker whose engine has a process of its own."""

    def make(life=3600, code=0, then=HANGS) -> Worker:
        text = ENGINE.format(life=life, code=code, then=then)
        (tmp_path / "own_engine.py").write_text(text)
        config = EngineConfig("own", "", "float32", "cpu", 64, module="own_engine",
                              folder=str(tmp_path))  # fmt: skip
        return Worker(config, log=tmp_path / "log")

    return make


def asks(count: int) -> list[Request]:
    return [Request(f"r{i}", (1, i), Sampling()) for i in range(count)]


def core_of(worker: Worker) -> psutil.Process:
    (child,) = [p for p in psutil.Process().children() if p.pid == worker._process.pid]
    return next(p for p in child.children() if "spawn_main" in " ".join(p.cmdline())
                and "resource_tracker" not in " ".join(p.cmdline()))  # fmt: skip


def test_a_core_that_is_killed_is_named_with_its_signal(worker):
    with worker() as one:
        stream = one.generate(asks(3))
        next(stream)
        os.kill(core_of(one).pid, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(EngineError, match=r"2 of 3 outputs .*was killed by SIGKILL"):
            next(stream)
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("keys", "how"),
    [({"life": 0.5, "code": 3}, "ended with code 3"), ({"then": DIES}, "was killed by SIGKILL")],
)
def test_a_core_that_ends_by_itself_is_named(worker, keys, how):
    with worker(**keys) as one, pytest.raises(EngineError, match=how):
        list(one.generate(asks(3)))


def test_a_process_that_is_done_or_told_to_end_is_no_failure(worker):
    with worker(life=0.2, then="time.sleep(2)") as one:
        assert len(list(one.generate(asks(2)))) == 2
    log = one._log_path.read_text()
    assert "EngineError" not in log


@pytest.mark.alone
def test_vllms_core(tiny_model, tmp_path):
    pytest.importorskip("vllm", reason="vLLM is not installed")
    config = EngineConfig("vllm", str(tiny_model), "float32", "cpu", 64,
                          options={"multiprocess": True, "kv_cache_gib": 1})  # fmt: skip
    with Worker(config, log=tmp_path / "log") as one:
        one.wait_ready()
        asked = [Request(f"r{i}", (1, 5, 7 + i), Sampling(max_tokens=50)) for i in range(400)]
        stream = one.generate(asked)
        next(stream)
        (child,) = [p for p in psutil.Process().children() if p.pid == one._process.pid]
        (core,) = [p for p in child.children(recursive=True) if "EngineCore" in p.name()
                   or "EngineCore" in " ".join(p.cmdline())]  # fmt: skip
        os.kill(core.pid, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(EngineError, match=r"EngineCore.* was killed by SIGKILL"):
            list(stream)
        assert time.monotonic() - began < 5
