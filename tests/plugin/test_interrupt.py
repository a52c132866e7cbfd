"""Ctrl-C: no process is left behind, and what was scored is written."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from sessions import session


def wait_for(condition, what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"no {what} within {seconds} s")
        time.sleep(0.05)


def engines(root: Path) -> list[psutil.Process]:
    """Return the engines' processes of a project, and what they started."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        ours = "harness.workers.child" in words or "time.sleep(600)" in " ".join(words)
        if ours and process.info["cwd"] == str(root):
            found.append(process)
    return found


@pytest.mark.parametrize(
    ("args", "whole_group"),
    [([], False), (["-n1"], True), pytest.param(["-n1"], False, marks=pytest.mark.slow)],
)
def test_interrupt(evals, args, whole_group):
    if args:
        pytest.importorskip("xdist", reason="pytest-xdist is not installed")
    evals.models(m={}, n={"seed": 1, "options": {"delay_s": 30, "spawn": True}})
    evals.set(models=["m", "n"])
    with session(evals.root, *args) as process:
        wait_for(lambda: len(engines(evals.root)) == 2 and evals.started[-1] == "n-fake.log",
                 "second engine")  # fmt: skip
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    wait_for(lambda: not engines(evals.root), "end of the engines", 20)
    assert "INTERNALERROR" not in out
    assert "report: " in out
    saved = evals.saved
    assert "did not run, the session was stopped" in evals.report
    if not args or whole_group:
        assert [row.cell for row in saved.rows] == [
            "m-prefill-zeroshot",
            "m-prefill-fewshot5-chat-s0",
        ]
    else:
        assert "m-prefill-zeroshot" in evals.report
