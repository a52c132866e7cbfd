"""Starts engines as forks of a prepared process, where their start is not what is tested.

A Python of its own for each would import the same for half a second, and for one and a half where
the engine asks a server. Sessions in other processes start theirs as users do, and so do the tests
of `harness/workers`.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.workers.worker import Worker

_SUBREAPER = 36  # of prctl(2)
_SERVER = Path(__file__).with_name("engine_server.py")
_ROOT = str(Path(__file__).parents[1])


class Started:
    """A process that was forked for us: what `Worker` asks of a `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def wait(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


class Prepared:
    """The process that engines are forked from; started with the first of them."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def start(self, theirs: int, log: int) -> Started:
        """Fork an engine's process in our folder and environment."""
        line = self._open()
        told = {"env": _environment(), "folder": str(Path.cwd()), "parent": os.getpid()}
        body = json.dumps(told).encode()
        with _adopting():
            socket.send_fds(line, [struct.pack("!I", len(body))], [theirs, log])
            line.sendall(body)
            (pid,) = struct.unpack("!i", line.recv(4, socket.MSG_WAITALL))
        return Started(pid)

    def close(self) -> None:
        """End the process; its forks end by themselves."""
        if self._line is not None and self._process is not None:
            self._line.close()
            self._process.wait()

    def _open(self) -> socket.socket:
        if self._line is None:
            self._line, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, str(_SERVER), str(theirs.fileno())],
                    env=_environment(),
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        return self._line


def _environment() -> dict[str, str]:
    paths = [_ROOT, os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


@contextmanager
def _adopting() -> Iterator[None]:
    """Become the parent of what a process of ours leaves behind at its end."""
    libc = ctypes.CDLL(None)
    libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_SUBREAPER, 0, 0, 0, 0)


@pytest.fixture(scope="session")
def prepared_engines() -> Iterator[Prepared]:
    """Yield what engines are forked from."""
    prepared = Prepared()
    yield prepared
    prepared.close()


@pytest.fixture
def quick_engines(prepared_engines, monkeypatch) -> None:
    """Let engines of this process be forks."""
    if sys.platform.startswith("linux"):
        monkeypatch.setattr(
            Worker, "_spawn", lambda _, theirs, log: prepared_engines.start(theirs, log)
        )
