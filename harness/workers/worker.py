"""Runs an engine in a child process: start, stream, watch, kill.

An engine may hang, die or keep the accelerator's memory after it is closed. In a process group of
its own all of that ends with one signal, and nothing of it survives the parent.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, NoReturn, Self

from harness.errors import EngineError
from harness.records import EngineConfig, Output, Request
from harness.workers.child import Reply, decode_output, encode_requests
from harness.workers.lastwords import hollow, last_words

_CLOSE_GRACE_S = 15.0


class Worker:
    """An engine in a child process.

    Args:
        config: The engine to open.
        start_timeout_s: Seconds that the engine may take to start.
        stall_timeout_s: Seconds without an output, while requests are out, after which the engine
            counts as hung.
        log: File to which the child's stdout and stderr are appended; None for a temporary one.

    Attributes:
        start_s: Seconds from `start` to the engine's being ready, 0.0 before that.
    """

    def __init__(
        self,
        config: EngineConfig,
        *,
        start_timeout_s: float = 900.0,
        stall_timeout_s: float = 600.0,
        log: Path | None = None,
    ) -> None:
        self.start_s = 0.0
        self._config = config
        self._start_timeout_s = start_timeout_s
        self._stall_timeout_s = stall_timeout_s
        self._log_path = log
        self._log: IO[bytes] | None = None
        self._conn: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._asked: float | None = None
        self._idle = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def import_ahead(self) -> None:
        """Spawn the child and let it import what its engine needs, without a GPU and a model.

        A second call does nothing.
        """
        if self._conn is None and self._process is None:
            self._open()
            self._send(json.dumps({"ahead": asdict(self._config)}).encode())

    def start(self, config: EngineConfig | None = None) -> None:
        """Have the engine opened, and return at once; a second call does nothing.

        A child that died while it imported ahead is replaced.

        Args:
            config: In place of the one that was given first, of the same engine.

        Raises:
            EngineError: If the worker was closed or its engine failed.
        """
        if self._asked is not None:
            if self._conn is None:
                raise EngineError(f"engine '{self._config.engine}' is closed")
            return
        self._config = config or self._config
        if self._process is not None and self._exit():
            self._kill()
        self._asked = time.monotonic()
        if self._conn is None:
            self._open()
        self._send(json.dumps(asdict(self._config)).encode())

    def _open(self) -> None:
        """Spawn the child and its guard."""
        with contextlib.ExitStack() as undone:
            log = undone.enter_context(self._open_log())
            ours, theirs = map(undone.enter_context, socket.socketpair())
            # A child that reads no more must not hold a sender for ever.
            seconds = struct.pack("ll", int(self._stall_timeout_s) + 1, 0)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, seconds)
            self._process = self._spawn(theirs.fileno(), log.fileno())
            self._log, self._conn = log, Connection(ours.detach())
            undone.pop_all()
        theirs.close()
        # The child ends itself with its parent, unless it is stopped or hangs with the
        # interpreter's lock. Then its guard does: its input ends when this process does.
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; kill -s KILL -- "-$0"', str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _spawn(self, theirs: int, log: int) -> subprocess.Popen[bytes]:
        """Start the child with its end of the socket, in a session of its own."""
        paths = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
        return subprocess.Popen(
            [sys.executable, "-m", "harness.workers.child", str(theirs)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            pass_fds=[theirs],
            start_new_session=True,
        )

    def wait_ready(self) -> None:
        """Block until the engine is ready; spawn the child if `start` was not called.

        Raises:
            EngineError: If it cannot start, in one line with the reason; the child is gone then.
        """
        self.start()
        if self.start_s:
            return
        with self._killing():
            reply = self._receive(self._start_timeout_s)
            if not reply:
                self._fail(f"did not start within {self._start_timeout_s:g} s")
            if "error" in reply:
                self._fail(f"could not start: {reply['error']}")
            assert self._asked is not None
            self.start_s = reply["ready"] - self._asked
            self._idle = True

    def generate(self, requests: Sequence[Request]) -> Iterator[Output]:
        """Yield one output per request as it is finished, in any order.

        An iterator that is left before its end takes the child with it.

        Raises:
            EngineError: If the engine fails, dies or yields nothing for `stall_timeout_s`, with the
                count of outputs that were lost; the child is gone then.
        """
        if not requests:
            return
        # The engine may still be starting.
        frames = encode_requests(requests)
        self.wait_ready()
        if not self._idle:
            raise EngineError(f"engine '{self._config.engine}' is busy with other requests")
        done = 0
        self._idle = False
        with self._killing():
            self._send(*frames)
            while "done" not in (reply := self._receive(self._stall_timeout_s)):
                lost = f"{len(requests) - done} of {len(requests)} outputs were lost"
                if not reply:
                    self._fail(f"gave no output for {self._stall_timeout_s:g} s, {lost}")
                if "error" in reply:
                    self._fail(f"failed, {lost}: {reply['error']}")
                done += 1
                yield decode_output(reply["output"])
            if done != len(requests):
                self._fail(f"gave {done} outputs for {len(requests)} requests")
        self._idle = True

    def close(self) -> None:
        """End the child and all that it started; a second call does nothing."""
        with self._killing():
            if self._conn is not None and self._idle:
                self._send(b"close")
                self._receive(_CLOSE_GRACE_S)
            self._kill()

    def stop(self) -> bool:
        """Kill the child from another thread than the one that waits for it, which is told so.

        Returns:
            Whether it was there.
        """
        if self._conn is None or self._process is None or self._exit():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        return True

    @contextlib.contextmanager
    def _killing(self) -> Iterator[None]:
        """Kill the child on any way out but the good one, Ctrl-C and an early end included."""
        try:
            yield
        except BaseException:
            self._kill()
            raise

    def _open_conn(self) -> Connection:
        if self._conn is None:
            raise EngineError(f"engine '{self._config.engine}' is closed")
        return self._conn

    def _send(self, *frames: bytes) -> None:
        conn = self._open_conn()
        # A child that is gone is met, and explained, by the `_receive` that follows.
        with contextlib.suppress(OSError):
            for frame in frames:
                conn.send_bytes(frame)

    def _receive(self, timeout_s: float) -> Reply:
        """Return the child's next reply, its death as an `error`, {} if nothing came in time."""
        conn = self._open_conn()
        deadline = time.monotonic() + timeout_s
        try:
            # A fork of the child can hold its socket open, so its death need not end the stream.
            while not conn.poll(min(1.0, max(0.0, deadline - time.monotonic()))):
                if self._exit() and not conn.poll(0):
                    return {"error": self._obituary()}
                if time.monotonic() >= deadline:
                    return {}
            reply: Reply = json.loads(conn.recv_bytes())
        except (EOFError, OSError):
            return {"error": self._obituary()}
        if hollow(reply.get("error", "")):
            assert self._log is not None
            reply["error"] = last_words(self._log) or reply["error"]
        return reply

    def _exit(self) -> os.waitid_result | None:
        """Return how the child ended, without reaping it, or None while it lives."""
        assert self._process is not None
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)

    def _kill(self) -> None:
        """Kill the child's group; its leader is reaped after that, so the id is still its own."""
        if self._conn is None or self._process is None:
            return
        self._conn.close()
        self._conn = None
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._log is not None:
            self._log.close()

    def _fail(self, problem: str) -> NoReturn:
        where = f" (log: {self._log_path})" if self._log_path else ""
        raise EngineError(f"engine '{self._config.engine}' {problem}{where}")

    def _obituary(self) -> str:
        """Return how the child ended, with the last thing that it said of it."""
        # Its end of the socket closes before it is gone, and a signal of ours would hide the cause.
        deadline = time.monotonic() + 1.0
        while (end := self._exit()) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        if end is None:
            how = "the process closed its socket"
        elif end.si_code == os.CLD_EXITED:
            how = f"the process ended with exit code {end.si_status}"
        else:
            how = f"the process was killed by {signal.Signals(end.si_status).name}"
        assert self._log is not None
        words = last_words(self._log)
        return f"{how}: {words}" if words else how

    def _open_log(self) -> IO[bytes]:
        if self._log_path is None:
            return tempfile.TemporaryFile("ab+")
        self._log_path.parent.mkdir(parents=True, exist_ok=True)
        return self._log_path.open("ab+")
