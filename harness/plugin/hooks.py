"""Follows a session's cells to its end: run, report, exit code. Idle where no cell is collected."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.plugin.evalsets import SUFFIXES, is_evalset, is_gate
from harness.plugin.options import check_names, check_writable
from harness.plugin.tally import (
    CELL,
    ENGINE_ERROR,
    GATE,
    RUN_ERROR,
    SESSION,
    UNSAVED,
    WORKER_KEY,
    Tally,
)

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

    from harness.collect import AnyCell, AnyGate
    from harness.records import Run

_WHY = "evalsets_why"


class Hooks:
    """Plugin object of one session."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._tally = Tally()
        self._report: Path | None = None
        self._saved: Run | None = None
        self._brief: list[str] = []
        self._problem = ""
        self._verdict: list[str] = []
        self._interrupted = False
        self._undo: Callable[[], None] = lambda: None
        self._deselected: set[str] = set()
        self._order: dict[str, int] = {}
        self._planned: tuple[Sequence[AnyCell], Sequence[AnyGate]] = (), ()

    @property
    def _is_worker(self) -> bool:
        return WORKER_KEY in getattr(self._config, "workerinput", {})

    def _is_ours(self, nodeid: str) -> bool:
        root, (name, _, _) = self._config.rootpath, nodeid.partition("::")
        return name.endswith(SUFFIXES) and is_evalset(root / name, root)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Note the session, under which xdist's controller loads conftest files."""
        self._config.stash[SESSION] = session

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note the order of the eval sets, which the report keeps whatever hook changes it."""
        if self._is_ours(item.nodeid):
            self._order[item.nodeid] = len(self._order)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Note the cells that gates will miss."""
        self._deselected |= {item.nodeid for item in items if self._is_ours(item.nodeid)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Open a run over the selected cells; nothing is computed before the first one runs."""
        if "harness.plugin.evalfile" not in sys.modules or session.config.option.collectonly:
            return
        from harness.plugin.against import check_named
        from harness.plugin.gate_items import GateItem
        from harness.plugin.items import RUN, CellItem
        from harness.plugin.reporting import open_run

        cells = {one.nodeid: one.cell for one in session.items if isinstance(one, CellItem)}
        gates = [one for one in session.items if isinstance(one, GateItem)]
        self._tally.cells = sorted(cells, key=lambda name: self._order.get(name, len(self._order)))
        selected = list(cells.values())
        for gate in gates:
            brought = gate.look_around(cells.keys(), self._deselected)
            selected += [cell for cell in brought if cell not in selected]
        if not selected and not gates:
            return
        self._heed_sigterm()
        if not self._is_worker:
            names = {cell.name for cell in selected} | {gate.planned.cell.name for gate in gates}
            check_names(self._config, names)
            check_named(self._config, [f"{cell.path}::{cell.id}" for cell in selected])
            check_writable(self._config)
        if self._config.getoption("--eval-plan"):
            lacking = [gate for gate in gates if gate.lacking]
            self._planned = selected, [one.planned for one in gates if one not in lacking]
        elif selected:
            session.config.stash[RUN] = open_run(session.config, selected)

    def _heed_sigterm(self) -> None:
        from harness.plugin.stopping import heed_sigterm

        self._undo()
        self._undo = heed_sigterm()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Learn from an xdist worker what a session without workers sees by itself."""
        ours = [nodeid for nodeid in ids if self._is_ours(nodeid)]
        self._tally.cells = [nodeid for nodeid in ours if not is_gate(nodeid)]
        check_names(self._config, {Path(nodeid.partition("::")[0]).stem for nodeid in ours})
        if ours:
            from harness.plugin.against import check_named

            self._heed_sigterm()
            check_named(self._config, self._tally.cells)
            check_writable(self._config)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: WorkerController) -> None:
        """Learn from an xdist worker that it could not save what it made."""
        if problem := getattr(node, "workeroutput", {}).get(UNSAVED):
            self._note(f"{node.gateway.id}: {problem}")

    def _note(self, problem: str) -> None:
        self._problem = "\n".join(filter(None, [self._problem, problem]))
        self._tally.kinds.add(ENGINE_ERROR)

    def pytest_report_collectionfinish(self, items: Sequence[pytest.Item]) -> list[str]:
        """Warn of gates that cannot decide, before anything is spent on them."""
        option = self._config.getoption
        if "harness.plugin.evalfile" not in sys.modules or option("collectonly"):
            return []
        from harness.plugin.gate_items import GateItem

        gates = [one.planned for one in items if isinstance(one, GateItem)]
        if not gates or option("--eval-plan"):
            return []
        from harness.plugin.planning import collection_warnings

        return collection_warnings(gates, self._config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Print the plan in place of running anything; a set that does not load ends it as ever."""
        if not self._config.getoption("--eval-plan") or session.testsfailed:
            if "harness.plugin.items" in sys.modules and not self._is_worker:
                from harness.plugin.stored_first import put_stored_first

                put_stored_first(session)
            return None
        from harness.plugin.planning import print_plan

        print_plan(self._config, *self._planned)
        return True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note an eval set that does not load."""
        if report.failed and self._is_ours(report.nodeid):
            self._tally.broken[report.nodeid] = str(report.longrepr)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the reason of a skip, or of no verdict, beside its text: xdist carries it over."""
        report = yield
        if not report.passed and self._is_ours(item.nodeid):
            from harness.plugin.items import WHY

            if (reason := item.stash.get(WHY, None)) is not None:
                vars(report)[_WHY] = reason.to_json()
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of each cell and gate."""
        if not self._is_ours(report.nodeid):
            return
        name, properties = report.nodeid, dict(report.user_properties)
        skipped, done = self._tally.skipped, self._tally.ran
        if is_gate(name):
            skipped, done = self._tally.unjudged, self._tally.judged
        if not properties.keys() & {CELL, GATE}:
            # xdist's own report of a worker that died under an item.
            properties = {ENGINE_ERROR: str(report.longrepr)} if report.failed else {}
        from harness.reasons import Reason

        if report.skipped and isinstance(report.longrepr, tuple):
            text = str(report.longrepr[2]).removeprefix("Skipped: ") or "skipped"
            skipped[name] = Reason.from_json(vars(report).get(_WHY, text))
        elif report.when == "call":
            done.add(name)
            # xdist runs an item again whose worker died.
            self._tally.failed.pop(name, None)
        for kind in (ENGINE_ERROR, RUN_ERROR):
            if kind in properties:
                self._tally.kinds.add(kind)
                if is_gate(name) and _WHY in vars(report):
                    self._tally.unjudged[name] = Reason.from_json(vars(report)[_WHY])
                elif name not in self._tally.unjudged:
                    self._tally.failed[name] = str(properties[kind])

    def pytest_keyboard_interrupt(self) -> None:
        """Note that the session did not come to its end, and hasten its going."""
        self._interrupted = True
        # pytest collects garbage at its end, which takes seconds among all that a run imports.
        gc.freeze()

    def pytest_unconfigure(self) -> None:
        """Leave SIGTERM as it was."""
        self._undo()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report; an engine that failed is told from a gate that failed."""
        if "harness.plugin.items" in sys.modules:
            from harness.plugin.items import RUN

            if (run := self._config.stash.get(RUN, None)) is not None:
                run.close()
        begun = self._interrupted and self._tally.cells
        if self._tally.ran or self._tally.judged or self._tally.kinds or begun:
            try:
                self._finish()
            except KeyboardInterrupt:
                session.exitstatus = pytest.ExitCode.INTERRUPTED
                self._finish_hastily()
        if (self._tally.any or self._tally.broken) and not self._is_worker:
            from harness.plugin.exits import final_code

            session.exitstatus, self._verdict = final_code(
                session.exitstatus, self._saved, self._tally, self._config
            )

    def _finish_hastily(self) -> None:
        """Write what takes no time, in place of a report that was interrupted."""
        self._interrupted = True
        try:
            if self._saved is None:
                self._finish()
        except KeyboardInterrupt:
            from harness.plugin.finishing import unwritten

            self._problem = unwritten(self._config)

    def _finish(self) -> None:
        from harness.errors import HarnessError
        from harness.plugin.finishing import discard_parts, finish_run
        from harness.plugin.items import RUN

        run = self._config.stash.get(RUN, None)
        try:
            if run is not None:
                for problem in run.save():
                    self._note(problem)
                # What it holds in memory is read again from its file.
                del run, self._config.stash[RUN]
            if self._is_worker:
                return
            self._report, self._saved, self._brief = finish_run(
                self._config, self._tally, hasty=self._interrupted
            )
            discard_parts(self._config)
        except (HarnessError, OSError) as error:
            self._note(f"the report could not be written: {error}")
        finally:
            if self._is_worker and self._problem:
                vars(self._config)["workeroutput"][UNSAVED] = self._problem

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say where the report lies, which gates want a look and what was lost."""
        if self._saved is None and not self._problem and not self._closing:
            return
        from harness.characters import one_line

        terminalreporter.section("evals")
        for text in self._summary():
            for line in text.split("\n"):
                terminalreporter.line(one_line(line))

    @property
    def _closing(self) -> bool:
        """Whether there is a last word without a run."""
        return bool(self._verdict) or (self._interrupted and bool(self._tally.cells))

    def _summary(self) -> Iterator[str]:
        if self._problem:
            yield self._problem
        if self._saved is not None and self._report is not None:
            from harness.plugin.closing import closing_lines

            yield from self._brief
            yield from closing_lines(self._saved, self._report, self._config)
        yield from self._verdict
        if self._interrupted:
            yield "interrupted: what was answered is stored, and the same command goes on from it"
