"""The plan of a whole eval set, as its project has it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.collect import Collected
from harness.gates.plan import PlannedGate
from harness.planning.eval_plan import plan_sets
from harness.planning.lines import plan_lines
from harness.planning.size import Given
from harness.run.cells import Cell

REPORTS = "reports"
"""Where a project's runs lie, unless it says otherwise."""


def set_lines(found: Collected, root: Path) -> Iterator[str]:
    """Yield the lines of a set's plan; of a judge set, how many cells it has."""
    labelled = [cell for cell in found.cells if isinstance(cell, Cell)]
    if not labelled:
        count = len(found.cells)
        yield f"{found.cells[0].path}: {count} cell{'s' * (count > 1)}"
        return
    gates = [gate for gate in found.gates if isinstance(gate, PlannedGate)]
    for plan in plan_sets(labelled, gates, root=root, reports=root / REPORTS, given=Given()):
        yield from plan_lines(plan)
