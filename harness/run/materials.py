"""What groups of cells share: samples, pools of shots and the shots that were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from harness.prompts.chat import ChatFormat
from harness.records import DataInfo, Sample, Tell
from harness.run.cells import Cell, Mode
from harness.run.classifier_rows import Training, build_training
from harness.run.copies import near_copies_note
from harness.run.remembered import data_digest
from harness.run.settings import Progress, Settings
from harness.run.trained_on import trained_samples
from harness.shots import Draw, select_shots
from harness.sources.data import LoadedData, load_data


@dataclass(slots=True)
class Materials:
    """Reads and draws each thing once.

    Attributes:
        data: Where the samples came from, by eval set.
    """

    settings: Settings
    progress: Progress
    tell: Tell
    data: dict[str, DataInfo]
    _loaded: dict[str, LoadedData] = field(default_factory=dict)
    _digests: dict[str, str] = field(default_factory=dict)
    _searched: set[str] = field(default_factory=set)
    _trained: set[tuple[str, str]] = field(default_factory=set)
    _pools: dict[tuple[str, str], tuple[Sample, ...]] = field(default_factory=dict)
    _shots: dict[tuple[str, str, Mode], list[list[Sample]]] = field(default_factory=dict)

    def load(self, cell: Cell) -> LoadedData:
        """Return the samples of a cell's set.

        Raises:
            HarnessError: They cannot be read.
        """
        if cell.path not in self._loaded:
            self.progress(f"reading data of {cell.name}", 0, 0)
            loaded = load_data(
                cell.name,
                cell.evalset,
                base=self.settings.root,
                dataset=self.settings.datasets.get(cell.name),
                shots=self.settings.shots.get(cell.name),
                limit=self.settings.limit,
            )
            self._loaded[cell.path] = loaded
            self.data[cell.path] = loaded.info
            for note in loaded.notes:
                self.tell(replace(note, about=cell.path))
        return self._loaded[cell.path]

    def digest(self, cell: Cell) -> str:
        """Return a digest of the samples and the pool of a cell's set."""
        if cell.path not in self._digests:
            loaded = self.load(cell)
            self._digests[cell.path] = data_digest(loaded.samples, loaded.pool)
        return self._digests[cell.path]

    def look_for_copies(self, cells: Sequence[Cell]) -> None:
        """Note near copies of samples in the pools of cells' sets, and in adapters' training rows.

        Each set and each adapter of a set is looked through once.
        """
        for path, cell in {cell.path: cell for cell in cells}.items():
            if path not in self._searched:
                self._searched.add(path)
                self.progress(f"looking for near copies in {cell.name}", 0, 0)
                memory = self.settings.store.with_name("near_copies.json")
                note = near_copies_note(path, cell.evalset, self.load(cell), memory=memory)
                if note is not None:
                    self.tell(note)
        for (path, model), cell in {(cell.path, cell.model): cell for cell in cells}.items():
            if cell.spec.adapter is not None and (path, model) not in self._trained:
                self._trained.add((path, model))
                self.progress(f"looking for samples in the training rows of {model}", 0, 0)
                samples = self.load(cell).samples
                for note in trained_samples(cell, samples, self.settings.root):
                    self.tell(note)

    def training(self, cell: Cell) -> Training | None:
        """Return what a group's classifier is trained on, None for a model that is prompted."""
        if not cell.spec.trained:
            return None
        self.progress(f"reading training rows of {cell.model}", 0, 0)
        return build_training(cell, self.load(cell).pool)

    def draw(self, cell: Cell, chat: ChatFormat) -> list[list[Sample]]:
        """Return the shots of each sample, the same for all prompts and placements."""
        mode = cell.mode
        if mode.selector is None or mode.seed is None:
            return []
        key = cell.path, cell.model, replace(mode, placement=None, thinking=None)
        if key not in self._shots:
            self.progress(f"choosing shots of {cell.name}", 0, 0)
            labels = list(cell.evalset.labels)
            pool, samples = self._pool(cell, chat), self.load(cell).samples
            draw = Draw(pool, samples, labels, mode.k, mode.seed)
            self._shots[key] = select_shots(mode.selector, mode.order, draw)
        return self._shots[key]

    def _pool(self, cell: Cell, chat: ChatFormat) -> tuple[Sample, ...]:
        """Return the shot pool without entries that spell a special token of the model."""
        if (cell.path, cell.model) not in self._pools:
            whole = self.load(cell).pool
            pool = tuple(shot for shot in whole if chat.control_token(shot.text) is None)
            self.leave_out(cell, len(whole) - len(pool))
            self._pools[cell.path, cell.model] = pool
        return self._pools[cell.path, cell.model]

    def special(self, cell: Cell) -> int:
        """Return how many entries of the pool were left out for special tokens of a cell's model.

        None were where no cell of the model drew from it.
        """
        key = cell.path, cell.model
        return len(self.load(cell).pool) - len(self._pools[key]) if key in self._pools else 0

    def leave_out(self, cell: Cell, special: int) -> None:
        """Note how many entries of the pool of a cell's set are left out for special tokens."""
        info = self.data[cell.path]
        self.data[cell.path] = replace(info, pool_special=max(info.pool_special, special))
