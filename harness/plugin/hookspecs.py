"""The hook by which a conftest.py or a package adds to what eval sets may name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.registry import Registry


def pytest_harness_register(registry: Registry) -> None:
    """Register scorers, selectors of shots, figures and engines.

    Called before an eval set is read. What the conftest.py of a folder registers is there for the
    eval sets in and below that folder, what a plugin registers for all. See docs/extending.md.

    Args:
        registry: Has a method for each kind: `scorer`, `selector`, `figure`, `mean_figure`,
            `engine`.
    """
