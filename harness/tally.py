"""Follows a session's cells to its end: run, report, exit code. Idle where no cell is collected."""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.reporting import Run  # noqa: F401  # the stash key names it

RUN = pytest.StashKey["Run"]()
RUN_ID = pytest.StashKey[str]()
WORKER_KEY = "harness_run"
CELL, ENGINE_ERROR, RUN_ERROR = "cell", "engine_error", "run_error"
EXIT_ENGINE = 10


def new_run_id() -> str:
    """Return an id that sorts by time."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"


class Tally:
    """Plugin object of one session."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._skipped: dict[str, str] = {}
        self._ran: set[str] = set()
        self._errors: dict[str, str] = {}
        self._report: Path | None = None

    @property
    def _is_worker(self) -> bool:
        return WORKER_KEY in getattr(self._config, "workerinput", {})

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Open a run over the selected cells; nothing is computed before the first one runs."""
        items = sys.modules.get("harness.items")
        if items is None or session.config.option.collectonly:
            return
        cells = [item.cell for item in session.items if isinstance(item, items.CellItem)]
        if cells:
            from harness.reporting import open_run

            session.config.stash[RUN] = open_run(session.config, cells)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of each cell."""
        properties = dict(report.user_properties)
        if CELL not in properties:
            return
        cell = str(properties[CELL])
        if report.skipped and isinstance(report.longrepr, tuple):
            self._skipped[cell] = str(report.longrepr[2]).removeprefix("Skipped: ")
        elif report.when == "call":
            self._ran.add(cell)
        for kind in (ENGINE_ERROR, RUN_ERROR):
            if kind in properties:
                self._errors[kind] = str(properties[kind])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report; an engine that failed is told from a gate that failed."""
        if not self._ran and not self._errors:
            return
        from harness.reporting import merge_parts, publish, reports_folder

        option, run = self._config.getoption, self._config.stash.get(RUN, None)
        skipped = sorted(self._skipped.items())
        if run is not None:
            run.save(skipped)
        if self._is_worker:
            return
        folder = run.folder if run is not None else (
            reports_folder(self._config) / self._config.stash[RUN_ID])  # fmt: skip
        merge_parts(folder, self._config.rootpath)
        self._report = publish(folder, lang=option("--report-lang"), texts=option("--report-texts"))
        if ENGINE_ERROR in self._errors:
            session.exitstatus = EXIT_ENGINE
        elif RUN_ERROR in self._errors and session.exitstatus == pytest.ExitCode.TESTS_FAILED:
            session.exitstatus = pytest.ExitCode.INTERRUPTED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the report lies and which gates want a look."""
        if self._report is None:
            return
        from harness.runfiles import load_run

        run = load_run(self._report.parent)
        terminalreporter.section("evals")
        for gate in run.gates:
            if gate.verdict != "pass":
                terminalreporter.line(f"{gate.cell}: {gate.line}")
        for line in run.info.lost:
            terminalreporter.line(f"lost: {line}")
        terminalreporter.line(f"report: {self._shown(self._report)}")

    def _shown(self, path: Path) -> Path:
        here = self._config.invocation_params.dir
        return path.relative_to(here) if path.is_relative_to(here) else path
