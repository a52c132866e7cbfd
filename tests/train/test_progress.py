"""Lines about a run."""

from __future__ import annotations

import pytest

from harness.train import progress
from harness.train.progress import Pace


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return now


def steps(pace, clock, seconds, first=0):
    for number, second in enumerate(seconds, first):
        pace.begin(number)
        clock[0] += second
        pace.end()


def test_the_first_step_is_left_out_of_the_speed(clock):
    pace = Pace([10, 20, 30], lambda line: None)
    steps(pace, clock, [9.0, 1.0, 1.0])
    assert pace.seconds == [9.0, 1.0, 1.0]
    assert pace.tokens_per_s == 25.0


def test_a_resumed_run_counts_its_own_steps(clock):
    pace = Pace([10, 20, 30, 40], lambda line: None)
    steps(pace, clock, [9.0, 2.0], first=2)
    assert pace.tokens_per_s == 20.0


def test_a_line_at_the_beginning_at_the_end_and_now_and_then(clock):
    said = []
    pace = Pace([10] * 4, said.append)
    for step in range(1, 5):
        steps(pace, clock, [4.0], first=step - 1)
        pace.report(step, 1.5)
    assert [line.split("  ")[0] for line in said] == ["step 1/4", "step 4/4"]
    assert said[0] == "step 1/4  loss 1.500  2 tokens/s  0:12 to go"
    clock[0] += 11
    pace.report(3, 1.0)
    assert said[-1].startswith("step 3/4  loss 1.000")


def test_a_step_lasts_until_the_device_is_done(clock):
    def wait():
        clock[0] += 5.0

    pace = Pace([10, 20], lambda line: None, wait)
    steps(pace, clock, [1.0, 1.0])
    assert pace.seconds == [6.0, 6.0]
