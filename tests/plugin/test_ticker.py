"""Without a terminal, a line a minute says how far a run is."""

from __future__ import annotations

import io
import time

import pytest

from harness.plugin.ticker import Ticker


@pytest.mark.parametrize(
    ("done", "total", "seconds", "line"),
    [
        (1200, 24000, 60, "running m: 1,200 of 24,000, 20 a second, 19 min to go"),
        (1, 24000, 60, "running m: 1 of 24,000, 0.0167 a second, 400.0 h to go"),
        (0, 10, 300, "running m: 0 of 10, 5 min so far"),
        (0, 0, 45, "running m, 45 s so far"),
        (99, 100, 99, "running m: 99 of 100, 1 a second, 1 s to go"),
    ],
)
def test_a_line(done, total, seconds, line):
    now = [0.0]
    ticker = Ticker(io.StringIO(), clock=lambda: now[0])
    ticker.update("running m", 0, total)
    now[0] = seconds
    ticker.update("running m", done, total)
    (stage,) = ticker._stages.values()
    assert ticker._line(stage) == f"evals: {line}"


def test_lines_come_while_it_is_open_and_no_longer():
    out = io.StringIO()
    ticker = Ticker(out, every_s=0.05)
    for _ in range(2):
        with ticker:
            ticker.update("running m", 1, 9)
            time.sleep(0.3)
    lines = out.getvalue().splitlines()
    assert 4 <= len(lines) <= 14
    assert lines[0].startswith("evals: running m: 1 of 9, ")
    ticker.update("", 0, 0)
    assert ticker._stages == {}
    time.sleep(0.15)
    assert len(out.getvalue().splitlines()) == len(lines)


@pytest.mark.slow
def test_a_session_in_ci(evals, monkeypatch):
    monkeypatch.setenv("CI", "true")
    evals.models(m={"options": {"delay_s": 14}})
    result = evals.spawn("-k", "zeroshot", "--eval-limit", "5")
    assert "evals: running m: " in result.stderr.str()
    assert " to go" in result.stderr.str()
