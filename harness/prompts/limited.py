"""Templates and patterns are foreign code, run with limits of time, memory and length."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path

from harness.errors import HarnessError
from harness.records import Json, Message

# Seconds of processor time that a template may take for up to `_AT_ONCE` conversations, bytes of
# its process, and characters beside ten times those that it is given.
SECONDS, MEMORY, ROOM = 10.0, 1 << 30, 1_000_000
_AT_ONCE = 256


class UnboundedTemplate(HarnessError):
    """A template that takes too much time or memory, or writes too long a text."""


class RefusedByTemplate(HarnessError):
    """A template that raises an error."""


def render_chat(
    template: str,
    conversations: Sequence[Sequence[Message]],
    variables: Mapping[str, Json],
    *,
    day: date | None = None,
    ask: bool = False,
    go_on: bool = False,
    parts: bool = False,
) -> list[str]:
    """Return conversations as a chat template writes them; with none, it is only compiled.

    Args:
        template: Jinja2.
        conversations: Any number of them.
        variables: What it is given beside them.
        day: What its clock shows, None for today.
        ask: End with the beginning of an assistant's turn.
        go_on: Leave the last turn open, so that its text can be continued.
        parts: Give it each text as a list of one part, as templates of models that see want it.

    Raises:
        UnboundedTemplate: It takes too much time or memory, or writes too long a text.
        RefusedByTemplate: It raises an error.
    """
    told = {
        "template": template,
        "variables": dict(variables),
        "day": day.isoformat() if day else None,
        "ask": ask,
        "go_on": go_on,
        "parts": parts,
    }
    texts: list[str] = []
    for start in range(0, max(1, len(conversations)), _AT_ONCE):
        part = conversations[start : start + _AT_ONCE]
        texts += _process().asked({**told, "conversations": part})
    return texts


def render_docs(template: str, docs: Sequence[Mapping[str, Json]]) -> list[str]:
    """Return what a template makes of each row of a data set, an unknown column being an error.

    Raises:
        UnboundedTemplate: It takes too much time or memory, or writes too long a text.
        RefusedByTemplate: It raises an error.
    """
    texts: list[str] = []
    for start in range(0, len(docs), _AT_ONCE):
        texts += _process().asked({"template": template, "docs": docs[start : start + _AT_ONCE]})
    return texts


def try_parts(
    source: str,
    calls: Sequence[tuple[str, Sequence[str]]],
    *,
    folder: Path,
    variables: Mapping[str, Mapping[str, str]],
) -> None:
    """Render macros of a prompt file; errors of its own are left to who renders it next.

    Raises:
        UnboundedTemplate: One takes too much time or memory, or writes too long a text.
    """
    told = {"source": source, "calls": calls, "folder": str(folder), "variables": dict(variables)}
    try:
        _process().asked(told)
    except RefusedByTemplate:
        return


def match_pattern(pattern: str, texts: Sequence[str]) -> None:
    """Match a foreign regular expression with the beginnings of texts, and tell nothing of it.

    Raises:
        UnboundedTemplate: It takes too much time or memory.
        RefusedByTemplate: It is none.
    """
    _process().asked({"template": pattern, "texts": list(texts)})


class _Process:
    """Runs `limited_child`, anew after each time that it was ended."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        # Templates that ended it, which every cell would meet again, with what was said.
        self._ended: dict[object, str] = {}
        self.owner = os.getpid()
        atexit.register(self.close)

    def asked(self, request: Mapping[str, object]) -> list[str]:
        limits = {"seconds": SECONDS, "memory": MEMORY, "room": ROOM}
        template = request.get("template", request.get("source"))
        with self._lock:
            if template in self._ended:
                raise UnboundedTemplate(self._ended[template])
            child = self._child = self._child or _start()
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                child.stdin.write(json.dumps({**request, **limits}, default=str) + "\n")
                child.stdin.flush()
                line = child.stdout.readline()
            except BrokenPipeError:
                line = ""
            except BaseException:
                self._end()
                raise
            if not line:
                self._ended[template] = _obituary(self._end(wait_s=5.0))
                raise UnboundedTemplate(self._ended[template])
        reply = json.loads(line)
        if "unbounded" in reply:
            raise UnboundedTemplate(_unbounded(reply["unbounded"], reply["said"]))
        if "refused" in reply:
            raise RefusedByTemplate(reply["refused"])
        texts: list[str] = reply["texts"]
        return texts

    def close(self) -> None:
        """End the process; a fork of this one leaves it alone."""
        if self._child is not None and self.owner == os.getpid():
            self._end()

    def _end(self, *, wait_s: float = 0.0) -> int:
        """End the process unless it ends by itself, and return its exit code."""
        child, self._child = self._child, None
        if child is None:
            return 0
        try:
            code = child.wait(wait_s)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
        for pipe in (child.stdin, child.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        return code


def _start() -> subprocess.Popen[str]:
    # Not by its name: it needs none of this package, which takes longer to import.
    script = Path(__file__).with_name("limited_child.py")
    return subprocess.Popen(
        [sys.executable, "-P", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        # Ctrl-C is for who waits for it.
        start_new_session=True,
    )


@lru_cache(maxsize=2)
def _process_of(pid: int) -> _Process:
    return _Process()


def _process() -> _Process:
    """Return the process of this one, not that of which it may be a fork."""
    return _process_of(os.getpid())


def _obituary(code: int) -> str:
    if code == -signal.SIGPROF:
        return f"takes more than {SECONDS:g} s of processor time"
    return f"ended its process ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"


def _unbounded(kind: str, said: str) -> str:
    if kind == "MemoryError":
        return f"takes more than {MEMORY >> 20} MiB of memory"
    return "calls itself without an end" if kind == "RecursionError" else said
