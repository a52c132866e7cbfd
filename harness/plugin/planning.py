"""The plan of a session: what it would take, and what its gates could decide."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.characters import one_line
from harness.collect import AnyCell, AnyGate
from harness.gates.plan import PlannedGate
from harness.planning.judged_reach import judged_undecidable
from harness.planning.of_project import all_lines
from harness.planning.size import Given, most_samples
from harness.planning.undecidable import undecidable
from harness.plugin.options import named_files, options_of
from harness.plugin.registering import registered


def print_plan(config: pytest.Config, cells: Sequence[AnyCell], gates: Sequence[AnyGate]) -> None:
    """Print what cells would take, and what their gates and questions could show."""
    terminal = config.pluginmanager.getplugin("terminalreporter")
    given = Given(named_files(config, "--eval-dataset"), named_files(config, "--eval-shots"),
                  config.getoption("--eval-limit"))  # fmt: skip
    lines: list[str] = []
    if cells:
        with registered(config, config.rootpath / cells[0].path):
            lines = list(all_lines(cells, gates, root=config.rootpath,
                                   reports=options_of(config).reports, given=given,
                                   against=config.getoption("--eval-against") or "")
                         )  # fmt: skip
    if terminal is not None:
        terminal.section("eval plan")
        for line in lines or ["no eval set is selected"]:
            terminal.line(one_line(line))


def collection_warnings(gates: Sequence[AnyGate], config: pytest.Config) -> list[str]:
    """Return a line for each gate that cannot pass with as many samples or probes as there are."""
    lines: list[str] = []
    limit: int | None = config.getoption("--eval-limit")
    for gate in gates:
        if not isinstance(gate, PlannedGate):
            if why := judged_undecidable(gate):
                lines.append(f"warning: {gate.cell.path}::{gate.id}: too few probes to pass: {why}")
            continue
        n = most_samples(gate.cell.evalset, limit)
        if n and (why := undecidable(gate, n)):
            lines.append(f"warning: {gate.cell.path}::{gate.id}: too few samples to pass: {why}")
    return lines
