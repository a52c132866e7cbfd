"""SIGINT and SIGTERM: what is made is kept, and a partial report says what is missing."""

from __future__ import annotations

import importlib
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from sessions import session

DELAY = {"delay_s": 0.2}


def stored(evals) -> int:
    try:
        with sqlite3.connect(f"file:{evals.root}/.harness/outputs.sqlite?mode=ro", uri=True) as db:
            return int(db.execute("SELECT count(*) FROM outputs").fetchone()[0])
    except sqlite3.Error:
        return 0


def stop(evals, number: int, when: Callable[[], object], *args: str) -> tuple[int, str, float]:
    """Run pytest, signal it when a condition holds; return its code, output and last seconds."""
    with session(evals.root, *args) as process:
        deadline = time.monotonic() + 120
        while not when():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        sent = time.monotonic()
        out, _ = process.communicate(timeout=60)
    return process.returncode, out, time.monotonic() - sent


def assert_partial(evals, out: str, code: int, seconds: float) -> None:
    assert code == pytest.ExitCode.INTERRUPTED
    assert seconds < 10  # 3 s on idle cores; tests share theirs
    assert "INTERNALERROR" not in out
    assert "lost: " not in out
    assert "interrupted: what was answered is stored, and the same command goes on from it" in out
    title = evals.report.split("\n", 1)[0]
    assert "PARTIAL" in title
    assert "INCOMPLETE" not in title
    assert "## Not asked" in evals.report


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_in_the_first_group(evals, number):
    evals.models(m={"options": DELAY})
    code, out, seconds = stop(evals, number, lambda: stored(evals) >= 3)
    assert_partial(evals, out, code, seconds)
    kept = stored(evals)
    assert f"m: the session was stopped while it asked; {kept} of 12 outputs are stored" in out
    assert "m-prefill-zeroshot" in "".join(one.text for one in evals.saved.info.stopped)
    # The same command goes on from there, and nothing is asked twice.
    evals.models(m={"options": DELAY})
    assert evals.run().ret == pytest.ExitCode.OK
    (engine,) = evals.saved.info.engines
    assert (engine.stored, engine.computed) == (kept, 12 - kept)
    assert "PARTIAL" not in evals.report


@pytest.mark.slow
def test_while_an_engine_starts(evals):
    evals.models(m={"options": {"start_s": 60}})
    code, out, seconds = stop(evals, signal.SIGTERM, lambda: evals.started)
    assert_partial(evals, out, code, seconds)


@pytest.mark.slow
def test_in_the_second_group(evals):
    evals.models(m={}, n={"seed": 1, "options": DELAY})
    evals.set(models=["m", "n"], gates=[{"figure": "accuracy", "at_least": 0}])
    code, out, seconds = stop(evals, signal.SIGTERM, lambda: stored(evals) >= 14)
    assert_partial(evals, out, code, seconds)
    assert [row.model for row in evals.saved.rows] == ["m", "m"]
    assert "comparisons and plots are left out" in evals.report


@pytest.mark.slow
def test_while_another_run_holds_the_engine(evals):
    evals.models(m={"options": {"delay_s": 30}})
    first = subprocess.Popen([sys.executable, "-m", "pytest"], cwd=evals.root,
                             stdout=subprocess.DEVNULL)  # fmt: skip
    try:
        logs = evals.root / ".harness/logs"
        stop_when = time.monotonic() + 60
        while not evals.started and time.monotonic() < stop_when:
            time.sleep(0.05)
        begun = time.monotonic()
        code, out, seconds = stop(
            evals, signal.SIGTERM, lambda: time.monotonic() - begun > 12, "--eval-reports", "other"
        )
        assert len(list(logs.iterdir())) == 1
        assert code == pytest.ExitCode.INTERRUPTED
        assert seconds < 10  # 3 s on idle cores; tests share theirs
        assert "the same command goes on" in out
    finally:
        first.terminate()
        first.wait(timeout=30)


def test_a_session_without_eval_sets_leaves_sigterm_alone(evals):
    evals.write("tests/test_own.py", "import signal\n\ndef test_own():\n"
                "    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL\n")  # fmt: skip
    assert evals.run("tests").ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    "where", ["harness.plugin.joining.join_parts", "harness.plugin.finishing.write_report"]
)
@pytest.mark.parametrize("times", [1, 2])
def test_while_the_report_is_written(evals, monkeypatch, where, times):
    left = [KeyboardInterrupt] * times
    module, _, name = where.rpartition(".")
    real = getattr(importlib.import_module(module), name)

    def interrupted(*args, **kwargs):
        if left:
            raise left.pop()
        return real(*args, **kwargs)

    monkeypatch.setattr(f"harness.plugin.finishing.{name}", interrupted)
    result = evals.run()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["interrupted: what was answered is stored*"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    if times == 1:
        assert len(evals.saved.rows) == 2
        assert "comparisons and plots are left out" in evals.report
        assert not (evals.latest / "parts").exists()
    elif name == "write_report":
        result.stdout.fnmatch_lines(["the figures are saved: harness report * writes their report"])
