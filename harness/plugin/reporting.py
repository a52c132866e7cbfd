"""A session's run: its runner, what it saves, and the report at its end."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harness.collect import AnyCell, AnyGate
from harness.errors import MadeUpAnswers
from harness.gates.baseline_file import load_baseline
from harness.gates.baselines import check_baseline, kept_results
from harness.gates.decide import judge
from harness.gates.plan import PlannedGate
from harness.gates.plan_judged import PlannedJudgedGate
from harness.gates.renamed import compared_cell
from harness.judge.runner import Probing
from harness.judge.stored import stored_probes
from harness.planning.undecidable import undecidable
from harness.plugin.accepting import Accepting, today
from harness.plugin.baseline_places import Places
from harness.plugin.finishing import PARTS, run_folder
from harness.plugin.judged_baselines import JudgedBaselines
from harness.plugin.options import options_of
from harness.plugin.run_settings import settings_of
from harness.plugin.tally import RUN_ID, WORKER_KEY, new_run_id
from harness.plugin.terminal import Terminal
from harness.plugin.ticker import Ticker, progress
from harness.reasons import Reason
from harness.records import (
    BaselineCheck,
    CellProvenance,
    Gate,
    Note,
    ProbeResult,
    Run,
    RunInfo,
)
from harness.registry import Name, current
from harness.report.runfiles import Texts, save_run
from harness.run.cells import Cell
from harness.run.probe_cells import ProbeCell
from harness.run.runner import Runner
from harness.run.score_cell import Outcome
from harness.run.serving import FAKE
from harness.run.undefined import undefined_notes

AnyOutcome = Outcome | ProbeResult
"""What becomes of an item: of a cell, or of a probe."""


@dataclass(slots=True)
class ActiveRun:
    """The cells that this process runs: all of a session's, or with xdist one worker's.

    Attributes:
        part: Folder that it saves into.
        accepting: What becomes of baselines at the end.
        against: The cell whose baseline all cells are compared with, empty for each cell's own.
        notes: On its gates.
        cells: Those of labelled sets, by eval set and id.
        asked: Cells that pytest came to; a group computes its others too.
        gates: What was judged.
        baselines: Cells against their baselines, by eval set and id; None without one.
        judged: The same of judged models.
    """

    part: Path
    runner: Runner
    probing: Probing
    texts: Texts
    terminal: Terminal | Ticker
    accepting: Accepting = field(default_factory=Accepting)
    against: str = ""
    judged: JudgedBaselines = field(init=False)
    notes: list[Note] = field(default_factory=list)
    cells: Mapping[tuple[str, str], Cell] = field(default_factory=dict)
    asked: list[AnyCell] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    baselines: dict[tuple[str, str], BaselineCheck | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Hold judged models against their baselines as the cells of labelled sets are."""
        self.judged = JudgedBaselines(self.probing, self.against)

    def outcome(self, cell: AnyCell, config: pytest.Config) -> AnyOutcome:
        """Return a cell's outcome, with progress shown while it is computed.

        Raises:
            HarnessError: Why the cell has none.
        """
        self.asked.append(cell)
        with self._at_work(config):
            if isinstance(cell, ProbeCell):
                result = self.probing.outcome(cell)
                if self.accepting.writes:
                    self.judged.check(cell)
                return result
            outcome = self.runner.outcome(cell)
        self.accepting.check(self.runner.settings.root, outcome)
        return outcome

    def take_stored(self, config: pytest.Config) -> frozenset[tuple[str, str]]:
        """Return the cells, by eval set and id, that have an outcome by the store alone."""
        with self._at_work(config):
            return self.runner.take_stored() | stored_probes(self.probing)

    def properties(self, outcome: AnyOutcome) -> list[tuple[str, float | int | bool]]:
        """Return what an item says of an outcome in pytest's own reports."""
        if isinstance(outcome, ProbeResult):
            scores, shares = outcome.scores, outcome.shares
            n, judges = len(scores or shares), self.probing.judged[outcome.evalset].judges
            found: list[tuple[str, float | int | bool]] = [
                ("n", n),
                ("unscored", len(outcome.answers) - n),
                ("trusted", all(info.check.trusted for info in judges)),
                ("void", any(info.void for info in judges)),
            ]
            means = {"score": scores, "points": shares}
            return found + [(name, statistics.fmean(own)) for name, own in means.items() if own]
        row = outcome.row
        figures = [(name, float(figure.value)) for name, figure in row.figures.items()]
        return [("n", row.n), ("unscored", row.unscored), *figures]

    def judge(self, planned: AnyGate) -> Gate | None:
        """Return a gate's verdict, or None where this run is to write the baseline that it lacks.

        Raises:
            HarnessError: Why there is none.
        """
        if self.runner.settings.engine == FAKE and any(_asks_engine(one) for one in planned.needs):
            raise MadeUpAnswers(reason=Reason("made_up_answers"))
        if isinstance(planned, PlannedJudgedGate):
            verdict = self.judged.judge(planned, accepts=self.accepting.writes)
            if verdict:
                self._note_gate(verdict)
            return verdict
        outcome = self.runner.outcome(planned.cell)
        other = self.runner.outcome(planned.other) if planned.other else None
        baseline = self._baseline(outcome)
        wants_baseline = bool(planned.against) and other is None
        if wants_baseline and self.accepting.writes and (baseline is None or baseline.refused):
            return None
        kept = None
        if planned.spec.slice and wants_baseline and baseline and not baseline.refused:
            found = load_baseline(self.runner.settings.root, outcome.row.evalset,
                                  baseline.former or outcome.row.cell)  # fmt: skip
            kept = kept_results(found, outcome) if found else None
        gate = judge(planned, outcome, other=other, baseline=baseline, kept=kept)
        self._note_gate(gate)
        if gate.verdict != "pass":
            self._note_undecidable(planned, outcome)
        return gate

    def _note_gate(self, gate: Gate) -> None:
        """Note a verdict, once where a plugin has its item run again."""
        name = gate.evalset, gate.id
        self.gates = [*(one for one in self.gates if (one.evalset, one.id) != name), gate]

    def _note_undecidable(self, planned: PlannedGate, outcome: Outcome) -> None:
        """Note a gate that no result of so many samples could have passed."""
        row = outcome.row
        n = row.n + row.unscored
        if n and undecidable(planned, n, round(n * next(iter(row.targets.values()), 0.5))):
            self.notes.append(Note("undecidable", row.evalset, {"gate": planned.id, "count": n}))

    def _baseline(self, outcome: Outcome) -> BaselineCheck | None:
        key = (outcome.row.evalset, outcome.row.cell)
        if key not in self.baselines:
            settings = self.runner.settings
            of = self.against or compared_cell(settings.root, self.cells[key])
            local = settings.store.parent
            self.baselines[key] = check_baseline(settings.root, outcome, of=of, local=local)
        return self.baselines[key]

    @contextmanager
    def _at_work(self, config: pytest.Config) -> Iterator[None]:
        """Show progress on the terminal, past pytest's capture."""
        capture = config.pluginmanager.getplugin("capturemanager")
        if isinstance(self.terminal, Ticker):
            with self.terminal:
                yield
            return
        if capture is None or not self.terminal.shown:
            yield
            return
        with capture.global_and_fixture_disabled(), self.terminal:
            yield

    def close(self) -> None:
        """End what runs ahead and was not asked for."""
        self.runner.close()

    def save(self) -> Iterator[str]:
        """Write what was computed for the cells that pytest came to, baselines if asked for.

        Yields:
            Which baselines lie elsewhere than they should, and why.

        Raises:
            OSError: Something cannot be written.
        """
        asked = {(cell.path, cell.id) for cell in self.asked}
        # Cells whose runs may not be added to their baselines have failed.
        asked = {key for key in asked if not self.accepting.refused(key)}
        runners = self.runner, self.probing
        outcomes = [o for o in self.runner.outcomes() if (o.row.evalset, o.row.cell) in asked]
        undefined = undefined_notes(self.cells, [outcome.row for outcome in outcomes])
        info = replace(
            _EMPTY,
            data=tuple(replace(d, evalset=path) for path, d in self.runner.data.items()),
            engines=tuple(engine for one in runners for engine in one.engines),
            lost=tuple(line for one in runners for line in one.lost),
            notes=(*(note for one in runners for note in one.notes), *self.notes, *undefined),
            extensions=current().extensions(_named(self.asked, runners)),
        )
        run = Run(
            info=info,
            rows=tuple(outcome.row for outcome in outcomes),
            gates=tuple(self.gates),
            results=tuple(result for outcome in outcomes for result in outcome.results),
            baselines=tuple(check for check in map(self._baseline, outcomes) if check),
            judged=self.judged.judged(),
            provenances=tuple(
                CellProvenance(o.row.evalset, o.row.cell, o.provenance) for o in outcomes
            ),
            prompts=tuple(outcome.prompt for outcome in outcomes if outcome.prompt),
        )
        try:
            save_run(self.part, run, texts=self.texts)
        except OSError:
            # Further runs are in no store.
            yield from self._accept(outcomes)
            raise
        yield from self._accept(outcomes)

    def _accept(self, outcomes: Sequence[Outcome]) -> Iterator[str]:
        """Write the baselines, if asked for, and yield which lie elsewhere, and why."""
        places = Places(self.runner.settings.root, self.part.parent.parent)
        yield from self.accepting.write(places, outcomes, self.runner.further)
        if self.accepting.writes and not self.accepting.adds:
            models = [(one.path, one.model) for one in self.asked if isinstance(one, ProbeCell)]
            full = self.texts == "full"
            yield from self.judged.write(places, models, written=today(), texts=full)


def _named(cells: Sequence[AnyCell], runners: Sequence[Runner | Probing]) -> list[Name]:
    """Return all that cells and their engines are made by, built in or registered."""
    found: list[Name] = [("engine", info.engine) for one in runners for info in one.engines]
    for cell in cells:
        if isinstance(cell, Cell):
            found += [("scorer", cell.scoring), ("selector", cell.mode.selector or "")]
            found += [("figure", name) for name in cell.evalset.further]
    return sorted(found)


_EMPTY = RunInfo(id="", started="", wall_s=0.0, command="", machine={}, versions={})


def _asks_engine(cell: AnyCell) -> bool:
    """Return whether the engine answers, and no trained classifier or program somewhere else."""
    return not isinstance(cell, Cell) or cell.prompt is not None or cell.mode.encoder is not None


def open_run(config: pytest.Config, cells: Sequence[AnyCell]) -> ActiveRun:
    """Return the session's run, on which nothing has been computed yet."""
    option, given = config.getoption, options_of(config)
    worker: dict[str, str] = getattr(config, "workerinput", {})
    accepting = Accepting.of(config, cells)
    run_id = config.stash.setdefault(RUN_ID, worker.get(WORKER_KEY) or new_run_id())
    settings = settings_of(config, run_id, runs=accepting.passes)
    terminal = progress(worker.get("workerid", ""))
    return ActiveRun(
        part=run_folder(config) / PARTS / worker.get("workerid", "main"),
        runner=Runner(settings, [c for c in cells if isinstance(c, Cell)], terminal.update),
        probing=Probing(settings, [c for c in cells if isinstance(c, ProbeCell)], terminal.update),
        texts=given.texts,
        terminal=terminal,
        accepting=accepting,
        against=option("--eval-against") or "",
        cells={(c.path, c.id): c for c in cells if isinstance(c, Cell)},
    )
