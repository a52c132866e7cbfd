"""Prepares the cells of one engine start, each model's chat format opened once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.prompts.chat import ChatFormat
from harness.prompts.open_format import open_format
from harness.prompts.templates import load_prompt
from harness.records import Note, Tell, Thinking
from harness.records.notes import Fact
from harness.run.cells import Cell
from harness.run.classifier_rows import prepare_trained
from harness.run.materials import Materials
from harness.run.prepare import Prepared, prepare
from harness.run.session import EngineSession
from harness.run.thoughtnotes import tell_of_template


@dataclass(slots=True)
class Preparing:
    """Makes the requests of cells.

    Attributes:
        root: The project.
    """

    session: EngineSession
    materials: Materials
    root: Path
    tell: Tell
    _chats: dict[tuple[str, Thinking | None], ChatFormat] = field(default_factory=dict)

    def prepare(self, cell: Cell) -> Prepared:
        """Return what a cell asks.

        Raises:
            HarnessError: Why it cannot be asked.
        """
        session, samples = self.session, self.materials.load(cell).samples
        if session.training is not None:
            return prepare_trained(cell, samples, session.training, shared=session.shared)
        chat = self._chat(cell)
        if cell.prompt is None:
            raise ValueError(f"cell {cell.id} has no prompt")
        words = cell.evalset.targets(cell.prompt)
        prepared = prepare(
            cell,
            samples,
            self.materials.draw(cell, chat),
            prompt=load_prompt(cell.prompt.template, words, root=self.root),
            chat=chat,
            shared=session.shared,
            adapter=session.adapters.get(cell.model),
        )
        self._tell_of_unknown(prepared, chat)
        return prepared

    def _tell_of_unknown(self, prepared: Prepared, chat: ChatFormat) -> None:
        """Tell how many samples hold what the model cannot read, if any prompt does."""
        if not any(chat.unknown(request.prompt_ids) for request in prepared.first):
            return
        rows = chat.pieces.encode([sample.text for sample in prepared.samples])
        if count := sum(map(chat.unknown, rows)):
            cell, total = prepared.cell, len(rows)
            facts: dict[str, Fact] = {"model": cell.model, "count": count, "total": total}
            self.tell(Note("unreadable", cell.path, facts))

    def _chat(self, cell: Cell) -> ChatFormat:
        spoken = cell.model, cell.mode.thinking
        if spoken not in self._chats:
            self._chats[spoken] = open_format(
                cell.model,
                *self.session.spoken(cell, thinking=cell.mode.thinking is not None),
                root=self.root,
                trained=self.session.adapter_chats.get(cell.model),
                thinking=cell.mode.thinking,
            )
            tell_of_template(self.tell, cell.model, self._chats[spoken], cell.mode.thinking)
        return self._chats[spoken]
