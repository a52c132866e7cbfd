"""The plan of a session: what it would take, and what its gates could decide."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.characters import one_line
from harness.collect import AnyCell, AnyGate
from harness.gates.plan import PlannedGate
from harness.planning.eval_plan import plan_sets
from harness.planning.lines import plan_lines
from harness.planning.size import Given, most_samples
from harness.planning.undecidable import undecidable
from harness.plugin.options import named_files, options_of
from harness.plugin.registering import registered
from harness.run.cells import Cell


def print_plan(config: pytest.Config, cells: Sequence[AnyCell], gates: Sequence[AnyGate]) -> None:
    """Print what cells would take, and what their gates and questions could show."""
    terminal = config.pluginmanager.getplugin("terminalreporter")
    given = Given(named_files(config, "--eval-dataset"), named_files(config, "--eval-shots"),
                  config.getoption("--eval-limit"))  # fmt: skip
    labelled = [cell for cell in cells if isinstance(cell, Cell)]
    planned = [gate for gate in gates if isinstance(gate, PlannedGate)]
    lines: list[str] = []
    if labelled:
        folder = config.rootpath / labelled[0].path
        with registered(config, folder):
            plans = plan_sets(labelled, planned, root=config.rootpath,
                              reports=options_of(config).reports, given=given)  # fmt: skip
        lines += [line for plan in plans for line in plan_lines(plan)]
    for path in dict.fromkeys(cell.path for cell in cells if not isinstance(cell, Cell)):
        count = sum(cell.path == path for cell in cells)
        lines.append(f"{path}: a judge set, {count} probe{'s' * (count > 1)}, which has no plan")
    if terminal is not None:
        terminal.section("eval plan")
        for line in lines or ["no eval set is selected"]:
            terminal.line(one_line(line))


def collection_warnings(gates: Sequence[AnyGate], config: pytest.Config) -> list[str]:
    """Return a line for each gate that cannot pass with as many samples as its set can have."""
    lines: list[str] = []
    limit: int | None = config.getoption("--eval-limit")
    for gate in gates:
        if not isinstance(gate, PlannedGate):
            continue
        n = most_samples(gate.cell.evalset, limit)
        if n and (why := undecidable(gate, n)):
            lines.append(f"warning: {gate.cell.path}::{gate.id}: too few samples to pass: {why}")
    return lines
