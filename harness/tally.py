"""Follows a session's cells to its end: run, report, exit code. Idle where no cell is collected."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.options import check_names, is_evalset

if TYPE_CHECKING:
    from harness.reporting import Run  # noqa: F401  # the stash key names it
    from harness.runfiles import Run as SavedRun

RUN = pytest.StashKey["Run"]()
RUN_ID = pytest.StashKey[str]()
WORKER_KEY = "harness_run"
CELL, ENGINE_ERROR, RUN_ERROR = "cell", "engine_error", "run_error"
EXIT_ENGINE = 10
_MENDABLE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)


def new_run_id() -> str:
    """Return an id that sorts by time."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"


class Tally:
    """Plugin object of one session; all cells are called by their node ids.

    Attributes:
        cells: The selected cells, in their order.
        skipped: Why cells were skipped.
        failed: Why cells have no figures.
        broken: Why eval sets could not be collected.
        ran: Cells whose gates were judged.
        started: When the session began, and `began` the same on the monotonic clock.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._kinds: set[str] = set()
        self._report: Path | None = None
        self._saved: SavedRun | None = None
        self._problem = ""
        self.cells: list[str] = []
        self.skipped: dict[str, str] = {}
        self.failed: dict[str, str] = {}
        self.broken: dict[str, str] = {}
        self.ran: set[str] = set()
        self.started = datetime.now(UTC)
        self.began = time.monotonic()

    @property
    def _is_worker(self) -> bool:
        return WORKER_KEY in getattr(self._config, "workerinput", {})

    def _is_cell(self, nodeid: str) -> bool:
        root = self._config.rootpath
        return is_evalset(root / nodeid.partition("::")[0], root)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Open a run over the selected cells; nothing is computed before the first one runs."""
        items = sys.modules.get("harness.items")
        if items is None or session.config.option.collectonly:
            return
        found = [item for item in session.items if isinstance(item, items.CellItem)]
        if not found:
            return
        from harness.reporting import open_run

        self.cells = [item.nodeid for item in found]
        if not self._is_worker:
            check_names(self._config, {item.cell.name for item in found})
        session.config.stash[RUN] = open_run(session.config, [item.cell for item in found])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Learn from an xdist worker what a session without workers sees by itself."""
        self.cells = [nodeid for nodeid in ids if self._is_cell(nodeid)]
        check_names(self._config, {Path(cell.partition("::")[0]).stem for cell in self.cells})

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note an eval set that does not load."""
        if report.failed and self._is_cell(report.nodeid):
            self.broken[report.nodeid] = str(report.longrepr)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of each cell."""
        if not self._is_cell(report.nodeid):
            return
        cell, properties = report.nodeid, dict(report.user_properties)
        if CELL not in properties:
            # xdist's own report of a worker that died under a cell.
            properties = {ENGINE_ERROR: str(report.longrepr)} if report.failed else {}
        if report.skipped and isinstance(report.longrepr, tuple):
            self.skipped[cell] = str(report.longrepr[2]).removeprefix("Skipped: ")
        elif report.when == "call":
            self.ran.add(cell)
            # xdist runs a cell again whose worker died.
            self.failed.pop(cell, None)
        for kind in (ENGINE_ERROR, RUN_ERROR):
            if kind in properties:
                self._kinds.add(kind)
                self.failed[cell] = str(properties[kind])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report; an engine that failed is told from a gate that failed."""
        if not self.ran and not self.failed:
            return
        from harness.errors import HarnessError
        from harness.reporting import finish_run

        run = self._config.stash.get(RUN, None)
        try:
            if run is not None:
                run.save()
            if self._is_worker:
                return
            self._report, self._saved = finish_run(self._config, self)
        except (HarnessError, OSError) as error:
            self._problem = f"the report could not be written: {error}"
            self._kinds.add(ENGINE_ERROR)
        if session.exitstatus not in _MENDABLE or self._is_worker:
            return
        if ENGINE_ERROR in self._kinds:
            session.exitstatus = EXIT_ENGINE
        elif RUN_ERROR in self._kinds or self.broken:
            session.exitstatus = pytest.ExitCode.INTERRUPTED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the report lies, which gates want a look and what was lost."""
        if self._saved is None and not self._problem:
            return
        terminalreporter.section("evals")
        if self._problem:
            terminalreporter.line(self._problem)
        if self._saved is None or self._report is None:
            return
        for gate in self._saved.gates:
            if gate.verdict != "pass":
                terminalreporter.line(f"{gate.evalset}::{gate.cell}: {gate.line}")
        for line in self._saved.info.lost:
            terminalreporter.line(f"lost: {line}")
        terminalreporter.line(f"report: {self._shown(self._report)}")

    def _shown(self, path: Path) -> Path:
        here = self._config.invocation_params.dir
        return path.relative_to(here) if path.is_relative_to(here) else path
