"""A gate as a pytest item: judged on the outcomes of the cells that it needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from os import PathLike

import pytest

from harness.characters import one_line
from harness.collect import AnyCell, AnyGate
from harness.errors import HarnessError
from harness.plugin.items import (
    RUN,
    fail_setup,
    files_explained,
    mark_as,
    only_planned,
    outcome_of,
    skip,
    why,
)
from harness.plugin.options import data_options
from harness.plugin.tally import GATE
from harness.reasons import Reason
from harness.records import Gate


class GateFailed(Exception):
    """A gate that failed; its text is the gate's line."""


class GateItem(pytest.Item):
    """One gate on one cell.

    Attributes:
        planned: What it requires.
        cells: Node ids of the cells that it needs.
        lacking: Those of them that were deselected, so that there is nothing to judge.
        collected: Those of them that are items of this session, and report their own failures.
    """

    def __init__(
        self, *, name: str, parent: pytest.Collector, planned: AnyGate, **kwargs: object
    ) -> None:
        super().__init__(name=name, parent=parent, **kwargs)  # type: ignore[arg-type]  # pytest's own
        self.planned = planned
        self.cells: dict[str, AnyCell] = {f"{parent.nodeid}::{c.id}": c for c in planned.needs}
        self.lacking: Sequence[str] = ()
        self.collected: Collection[str] = ()
        self._gate: Gate | None = None
        self.user_properties.append((GATE, planned.id))
        self.add_marker("gate")
        mark_as(self, planned.cell)

    def look_around(self, collected: Collection[str], deselected: Collection[str]) -> list[AnyCell]:
        """Learn what the session selected; return the cells that the gate is to bring along.

        Cells that `-k` or `-m` deselected stay out, and the gate is skipped. A gate that is run
        by its node id or by `--lf` brings what it needs.

        Args:
            collected: Node ids of the session's cells.
            deselected: Node ids that were collected and deselected.
        """
        self.collected = collected
        again = self.config.getoption("lf", default=False)
        if not again:
            self.lacking = [name for name in self.cells if name in deselected]
        if self.lacking:
            return []
        return [cell for name, cell in self.cells.items() if name not in collected]

    def setup(self) -> None:
        """See to the outcomes; what goes wrong here is not a failed gate."""
        if self.lacking:
            names = ", ".join(name.rpartition("::")[2] for name in self.lacking)
            skip(self, Reason("cells_not_selected", {"cells": names}))
        if only_planned(self):
            return
        active = self.config.stash[RUN]
        try:
            self._check_cells()
            with files_explained():
                self._gate = active.judge(self.planned)
            return
        except HarnessError as error:
            failure = error
        # Outside the except clause: chained, pytest would print the line twice.
        self._skip_on_other_data(failure)
        fail_setup(self, failure)

    def _skip_on_other_data(self, failure: HarnessError) -> None:
        """Skip a gate whose baseline does not fit where an option changes the set's data."""
        from harness.gates.baseline_fields import BaselineError

        given = data_options(self.config)
        if given and isinstance(failure, BaselineError):
            facts = {"options": ", ".join(given)}
            skip(self, Reason("data_not_its_own", facts, (why(self, failure),)))

    def _check_cells(self) -> None:
        """Raise why a cell has no outcome, or skip where the cell's own item says so already."""
        for name, cell in self.cells.items():
            try:
                outcome_of(self, cell)
                continue
            except HarnessError as error:
                failure = error
            if name not in self.collected:
                raise failure
            skip(self, Reason("no_outcome", {"cell": cell.id}, (why(self, failure),)))

    def runtest(self) -> None:
        """Fail if the gate failed."""
        gate = self._gate
        if gate is None:
            skip(self, Reason("baseline_written"))
        contrast = gate.contrast
        found: dict[str, str | float | int | None] = {
            "verdict": gate.verdict,
            "tier": gate.tier,
            gate.bound: gate.threshold,
            "against": gate.against or None,
            "detectable": gate.detectable if contrast is None else contrast.detectable,
        }
        if contrast is not None:
            found |= {"difference": contrast.value, "low": contrast.low, "high": contrast.high,
                      "p": contrast.p, "n": contrast.n, "lost": contrast.lost,
                      "won": contrast.won}  # fmt: skip
        if gate.look is not None:
            found |= {"looks": gate.look.planned, "look_end": gate.look.end}
        self.user_properties += [(key, one) for key, one in found.items() if one is not None]
        if gate.failed:
            raise GateFailed(one_line(gate.line))

    def repr_failure(
        self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None
    ) -> str:
        """Return the gate's line; anything else is a defect of ours and keeps its traceback."""
        if isinstance(excinfo.value, GateFailed):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[PathLike[str], int | None, str]:
        """Return what pytest shows as the item's place."""
        return self.path, None, self.name
