"""What a project or a package adds: scorers, selectors, figures and engines, by name."""

from harness.registry.entries import (
    Compare,
    Measure,
    Name,
    RegisteredEngine,
    RegisteredFigure,
    RegisteredScorer,
    RegisteredSelector,
    Values,
)
from harness.registry.registry import Registry
from harness.registry.saved_extensions import remembered
from harness.registry.session import current, using
from harness.registry.table import Table

__all__ = [
    "Compare",
    "Measure",
    "Name",
    "RegisteredEngine",
    "RegisteredFigure",
    "RegisteredScorer",
    "RegisteredSelector",
    "Registry",
    "Table",
    "Values",
    "current",
    "remembered",
    "using",
]
