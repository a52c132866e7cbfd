"""The plans of sets, as lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.collect import AnyCell, AnyGate, Collected
from harness.errors import HarnessError
from harness.gates.baseline_file import load_baseline
from harness.gates.plan import PlannedGate
from harness.gates.plan_judged import PlannedJudgedGate
from harness.planning.eval_plan import plan_judged_sets, plan_sets
from harness.planning.lines import judged_lines, plan_lines
from harness.planning.size import Given
from harness.run.cells import Cell
from harness.run.probe_cells import ProbeCell

REPORTS = "reports"
"""Where a project's runs lie, unless it says otherwise."""


def set_lines(found: Collected, root: Path) -> Iterator[str]:
    """Yield the lines of a set's plan.

    Raises:
        HarnessError: Behind them, for what a run would stop at: a line for each mistake.
    """
    labelled = [cell for cell in found.cells if isinstance(cell, Cell)]
    mistakes: list[str] = []
    yield from all_lines(found.cells, found.gates, root=root, reports=root / REPORTS, given=Given(),
                         mistakes=mistakes)  # fmt: skip
    for cell in labelled:
        try:
            load_baseline(root, cell.path, cell.id)
        except HarnessError as error:
            mistakes.append(str(error))
    if mistakes:
        raise HarnessError(*mistakes)


def all_lines(
    cells: Sequence[AnyCell],
    gates: Sequence[AnyGate],
    *,
    root: Path,
    reports: Path,
    given: Given,
    against: str = "",
    mistakes: list[str] | None = None,
) -> Iterator[str]:
    """Yield the lines of the plans of labelled sets, then of judge sets.

    Args as in `plan_sets`; `mistakes` takes what a run would stop at.
    """
    labelled = [cell for cell in cells if isinstance(cell, Cell)]
    if labelled:
        planned = [gate for gate in gates if isinstance(gate, PlannedGate)]
        for plan in plan_sets(labelled, planned, root=root, reports=reports, given=given,
                              against=against):  # fmt: skip
            yield from plan_lines(plan)
            if mistakes is not None:
                mistakes += plan.mistakes
    judged = [cell for cell in cells if isinstance(cell, ProbeCell)]
    if judged:
        on_models = [gate for gate in gates if isinstance(gate, PlannedJudgedGate)]
        for one in plan_judged_sets(judged, on_models, root=root, reports=reports):
            yield from judged_lines(one)
            if mistakes is not None:
                mistakes += one.mistakes
