"""Ids of runs."""

import time

from harness.plugin.tally import new_run_id


def test_runs_of_one_second_sort_by_time():
    found = []
    for _ in range(20):
        found.append(new_run_id())
        time.sleep(0.001)
    assert found == sorted(found)
    assert len(set(found)) == 20
