"""Keeps test processes out of each other's way, and their heaps out of garbage collection."""

from __future__ import annotations

import gc
import os

import pytest


def share_processors() -> None:
    """Give each of several test processes its part of the processors; before torch is imported."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes > 1:
        share = max(1, (os.cpu_count() or 1) // processes)
        os.environ.setdefault("OMP_NUM_THREADS", str(share))


@pytest.fixture(scope="module", autouse=True)
def small_heap() -> None:
    """Leave what earlier files imported and made out of the garbage collection of this one.

    statsmodels collects garbage in each correction of p-values, so that every report does. Among
    all items of a session and the modules that they import, this takes half a second and more.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count tests that need the machine for themselves among the slow ones."""
    for item in items:
        if item.get_closest_marker("alone"):
            item.add_marker(pytest.mark.slow)


def pytest_unconfigure() -> None:
    """Let the end of the process collect all: libraries in C++ report what is left as leaks."""
    gc.unfreeze()
