"""Runs a session's cells: data, prompts, store, engine and scores of a group at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from harness.errors import EngineError, HarnessError, RegistryError, UnfitPrecision
from harness.reasons import Reason
from harness.records import DataInfo, EngineInfo, Note, Output
from harness.run.ask import ask, opened, outputs_missing
from harness.run.ask_again import with_flips
from harness.run.cells import Cell
from harness.run.classifier_rows import Training
from harness.run.given import engine_of, given_outcome
from harness.run.groups import Groups
from harness.run.materials import Materials
from harness.run.prepared import Prepared
from harness.run.preparing import Preparing
from harness.run.repeats import repeat
from harness.run.score_cell import Outcome, score_cell
from harness.run.serving import at_hand
from harness.run.session import EngineSession, open_places
from harness.run.settings import Progress, Settings
from harness.run.thinking import Rounds, in_rounds
from harness.workers.places import Places
from harness.workers.store import Store


@dataclass(slots=True)
class Runner:
    """Runs cells, a whole group when its first cell is asked for.

    Where there are GPUs, groups run side by side and ahead: while the engine of one computes, the
    next one reads its data, renders its prompts and imports its engine's library.

    Attributes:
        selected: The cells of the session; only these are ever run.
        engines: What each engine did so far.
        data: Where the samples came from, by eval set.
        lost: What could not be computed.
        notes: What is to be said of data and models, each once.
        further: The outcomes of a cell's further runs, by eval set and id, where there are any.
    """

    settings: Settings
    selected: Sequence[Cell]
    progress: Progress
    engines: list[EngineInfo] = field(default_factory=list)
    data: dict[str, DataInfo] = field(default_factory=dict)
    lost: list[Reason] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    further: dict[tuple[str, str], tuple[Outcome, ...]] = field(default_factory=dict)
    _done: dict[tuple[str, str], Outcome | HarnessError] = field(default_factory=dict)
    _materials: Materials = field(init=False)
    _places: Places = field(init=False)
    _groups: Groups = field(init=False)
    _at_work: list[EngineSession] = field(default_factory=list)
    _stopped: bool = False
    # What came of the store alone, by group.
    _taken: dict[str, EngineInfo] = field(default_factory=dict)
    # One thread at a time reads data, renders prompts and scores.
    _desk: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._materials = Materials(self.settings, self._tell_progress, self._tell, self.data)
        self._places = open_places(self.settings)
        ahead = self._places.limit if self.settings.ahead else 0
        names = list(dict.fromkeys(cell.group for cell in self.selected))
        self._groups = Groups(self._run_named, names, at_once=1 + ahead, stop=self._stop)

    def outcome(self, cell: Cell) -> Outcome:
        """Return a cell's outcome.

        Raises:
            HarnessError: Why the cell has none.
        """
        key = (cell.path, cell.id)
        if key not in self._done:
            if any(one.group == cell.group for one in self.selected):
                self._groups.wait(cell.group)
            else:
                self._run_group([cell])
        found = self._done[key]
        if isinstance(found, HarnessError):
            raise found
        return found

    def take_stored(self) -> frozenset[tuple[str, str]]:
        """Score the cells of which the store has everything; no engine starts, no model is fetched.

        A group of which it has a part is run again when one of its other cells is asked for.

        Returns:
            Those that have an outcome, by eval set and id.
        """
        if self.settings.runs > 1 or self.settings.repeat_engine:
            return frozenset()
        for group in dict.fromkeys(cell.group for cell in self.selected):
            cells = [cell for cell in self.selected if cell.group == group]
            if cells[0].mode.given or at_hand(cells[0].spec, self.settings):
                self._run_group(cells, stored_only=True)
        return frozenset(key for key, one in self._done.items() if isinstance(one, Outcome))

    def close(self) -> None:
        """End groups that run ahead and were not asked for; what they made is stored."""
        self._groups.close()

    def outcomes(self) -> list[Outcome]:
        """Return the outcomes so far, in the order of the selected cells."""
        found = (self._done.get((cell.path, cell.id)) for cell in self.selected)
        return [outcome for outcome in found if isinstance(outcome, Outcome)]

    def _tell(self, note: Note) -> None:
        if note not in self.notes:
            self.notes.append(note)

    def _fail(self, cells: Sequence[Cell], error: HarnessError) -> None:
        for cell in cells:
            self._done.setdefault((cell.path, cell.id), error)

    def _run_named(self, group: str) -> None:
        try:
            self._run_group([cell for cell in self.selected if cell.group == group])
        finally:
            if self.settings.ahead:
                # The end of what this thread tells.
                self.progress("", 0, 0)

    def _run_group(self, cells: Sequence[Cell], *, stored_only: bool = False) -> None:
        with self._desk:
            given = cells[0].mode.given
            step = self._take_given if given else self._materials.load
            runnable = [cell for cell in cells if self._fit(cell, step)]
            if given or not runnable:
                return
            try:
                training = self._materials.training(runnable[0])
                try:
                    self._serve(runnable, training, stored_only=stored_only)
                except UnfitPrecision:
                    # From the beginning: its precision is part of what every request is known by.
                    self._serve(runnable, training, stored_only=stored_only)
            except HarnessError as error:
                self._fail(runnable, error)
            except OSError as error:
                self._fail(runnable, EngineError(str(error)))

    def _take_given(self, cell: Cell) -> None:
        """Score what another program answered, if anything is there."""
        if cell.given is not None:
            data = self._materials.load(cell)
            self._done[cell.path, cell.id] = given_outcome(cell, cell.given, data, tell=self._tell)
            self.engines.append(engine_of(cell.given))

    @contextmanager
    def _away(self) -> Iterator[None]:
        """Leave the desk to other groups while an engine is waited for."""
        self._desk.release()
        try:
            yield
        finally:
            self._desk.acquire()

    def _fit(self, cell: Cell, step: Callable[[Cell], object]) -> bool:
        """Return whether a step can be done for a cell; if not, the cell has failed."""
        try:
            step(cell)
        except HarnessError as error:
            self._fail([cell], error)
            return False
        return True

    def _serve(
        self, cells: Sequence[Cell], training: Training | None, *, stored_only: bool
    ) -> None:
        """Run a group's cells on one engine."""
        session = EngineSession(
            replace(self.settings, stored_only=stored_only), cells, self._tell_progress,
            tell=self._tell, training=training, work="cells", places=self._places,
            share=self._share,
        )  # fmt: skip
        self._at_work.append(session)
        with opened(self.settings.store) as store:
            try:
                self._run_cells(session, cells, store)
            finally:
                session.close()
                self._at_work.remove(session)

    def _share(self) -> int:
        """Return how many more GPUs a group may take now: none that another one waits for."""
        started = sum(one.started for one in self._at_work)
        waiting = self._groups.unfinished - started if self.settings.ahead else 0
        return self._places.limit - self._places.held - waiting

    def _tell_progress(self, stage: str, done: int, total: int) -> None:
        if self._stopped:
            raise EngineError("the session has ended")
        self.progress(stage, done, total)

    def _stop(self) -> None:
        """End engines from another thread."""
        self._stopped = True
        for session in list(self._at_work):
            session.stop()

    def _run_cells(self, session: EngineSession, cells: Sequence[Cell], store: Store) -> None:
        if session.stored_only and not store.knows(session.shared):
            return
        prepared, known = self._prepare_all(session, cells, store)
        if not prepared:
            return
        # While the engine starts.
        self._materials.look_for_copies(cells)
        window = prepared[0].window
        with self._away():
            found = in_rounds(
                prepared, lambda some: ask(session, some, store, window=window, known=known)
            )
        asked = found.asked
        if asked.failure is not None and self._stopped:
            session.tell_stopped(stored=len(asked.outputs), wanted=found.wanted)
        elif asked.failure is not None and not session.stored_only:
            self.lost.append(outputs_missing(session, asked, found.wanted))
        whole = asked.failure is None
        with self._away():
            again = repeat(session, prepared, self.settings, self.lost) if whole else []
        more = [output for one in again for output in one.asked.computed]
        info = session.info([*asked.computed, *more], asked.stored)
        # Before anything is scored: the next engine may want its place.
        session.close()
        if not session.stored_only:
            self._score(found, again, info)
        elif whole or any(map(found.has, found.cells)):
            self._score(replace(found, cells=tuple(filter(found.has, found.cells))), again, info)
            self._taken[cells[0].group] = info

    def _score(self, found: Rounds, again: Sequence[Rounds], info: EngineInfo) -> None:
        """Keep what comes of each cell's outputs."""
        asked = found.asked
        if (before := self._taken.pop(found.cells[0].cell.group, None)) is not None:
            self.engines.remove(before)
        self.engines.append(info)
        # Groups side by side end in any order.
        names = dict.fromkeys(cell.model for cell in self.selected)
        order = {name: place for place, name in enumerate(names)}
        self.engines.sort(key=lambda one: order.get(one.model.partition(", ")[0], len(order)))
        for place, one in enumerate(found.cells):
            # A baseline of several runs is of all of them or of none.
            if asked.failure is not None and (self.settings.runs > 1 or not found.has(one)):
                self._fail([one.cell], asked.failure)
                continue
            try:
                outcome = score_cell(one, asked.outputs, info)
                others = [score_cell(a.cells[place], a.asked.outputs, info) for a in again]
                if others and self.settings.repeat_engine:
                    outcome = with_flips(outcome, others[0])
            except RegistryError as error:
                # A scorer or a figure that is not ours: the outputs are stored, and others go on.
                self._fail([one.cell], error)
                continue
            self._done[one.cell.path, one.cell.id] = outcome
            self.further[one.cell.path, one.cell.id] = tuple(others[: self.settings.runs - 1])

    def _prepare_all(
        self, session: EngineSession, cells: Sequence[Cell], store: Store
    ) -> tuple[list[Prepared], Mapping[str, Output]]:
        """Return the cells that can be asked, and the outputs of those that were not rendered."""
        prepared: list[Prepared] = []
        once = self.settings.runs == 1 and not self.settings.repeat_engine
        memory = store if once else None
        preparing = Preparing(session, self._materials, self.settings.root, self._tell, memory)
        # All before the engine starts, which must know the ranks of all adapters.
        cells = [cell for cell in cells if self._fit(cell, session.check_adapter)]
        for done, cell in enumerate(cells):
            self._tell_progress("rendering prompts", done, len(cells))
            try:
                prepared.append(preparing.prepare(cell))
            except HarnessError as error:
                self._fail([cell], error)
                continue
            if len(prepared) == 1 and not session.stored_only:
                self._start_early(session, prepared[0], len(cells), store)
        return prepared, preparing.stored

    def _start_early(
        self, session: EngineSession, first: Prepared, cells: int, store: Store
    ) -> None:
        """Start the engine while prompts are rendered, where it is needed for sure.

        That is where nothing is stored and no other process makes its outputs.
        """
        if not store.knows(session.shared) and session.claim(wait=False):
            # Another one may have made them just before.
            if not store.knows(session.shared):
                wanted = cells * len(first.requests)
                session.start(first.window, wanted, wait=not self._places.limit)
