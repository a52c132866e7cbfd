"""Prepares the cells of one engine start, each model's chat format opened once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.prompts.chat import ChatFormat
from harness.prompts.open_format import open_format
from harness.prompts.templates import load_prompt
from harness.records import Adapter, Note, Output, Tell, Thinking
from harness.records.notes import Fact
from harness.run.cells import Cell
from harness.run.classifier_rows import prepare_trained
from harness.run.encoder_rows import prepare_encoder
from harness.run.materials import Materials
from harness.run.prepare import prepare
from harness.run.prepared import Prepared
from harness.run.remembered import cell_key, files_digest, recall, remember
from harness.run.session import EngineSession
from harness.run.thoughtnotes import template_notes
from harness.spec.modelspec import ModelSpec
from harness.workers.store import Store


@dataclass(slots=True)
class Preparing:
    """Makes the requests of cells.

    Attributes:
        root: The project.
        store: Of outputs; None renders every cell, whatever is known of it.
        stored: The outputs of the cells that were not rendered, by content key.
    """

    session: EngineSession
    materials: Materials
    root: Path
    tell: Tell
    store: Store | None = None
    stored: dict[str, Output] = field(default_factory=dict)
    _chats: dict[tuple[str, Thinking | None], ChatFormat] = field(default_factory=dict)
    _prompts: str | None = None

    def prepare(self, cell: Cell) -> Prepared:
        """Return what a cell asks.

        Raises:
            HarnessError: Why it cannot be asked.
        """
        session, samples = self.session, self.materials.load(cell).samples
        if session.training is not None:
            return prepare_trained(cell, samples, session.training, shared=session.shared)
        if cell.spec.encoder:
            prepared, notes = prepare_encoder(
                cell, samples, session.asset, shared=session.shared, root=self.root
            )
            for note in notes:
                self.tell(note)
            return prepared
        adapter = session.adapters.get(cell.model)
        key = self._key(cell, adapter)
        if self.store is not None and key is not None:
            found = recall(self.store, key, cell, samples, adapter)
            if found is not None:
                self.stored.update(found.outputs)
                self.materials.leave_out(cell, found.special)
                for note in found.notes:
                    self.tell(note)
                return found.prepared
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
            adapter=adapter,
        )
        unreadable = _unreadable(prepared, chat)
        for note in unreadable:
            self.tell(note)
        if self.store is not None and key is not None:
            special = self.materials.special(cell)
            notes = template_notes(cell.model, chat, cell.mode.thinking) + unreadable
            remember(self.store, key, prepared, special=special, notes=notes)
        return prepared

    def _key(self, cell: Cell, adapter: Adapter | None) -> str | None:
        """Return by what a cell is remembered, None where it is not."""
        if self.store is None:
            return None
        if self._prompts is None:
            self._prompts = files_digest(self.root / "prompts")
        return cell_key(
            cell,
            shared=self.session.shared,
            spoken=self._spoken(cell),
            trained=self.session.adapter_chats.get(cell.model),
            adapter=adapter,
            data=self.materials.digest(cell),
            prompts=self._prompts,
        )

    def _spoken(self, cell: Cell) -> tuple[ModelSpec, Path]:
        return self.session.spoken(cell, thinking=cell.mode.thinking is not None)

    def _chat(self, cell: Cell) -> ChatFormat:
        spoken = cell.model, cell.mode.thinking
        if spoken not in self._chats:
            self._chats[spoken] = open_format(
                cell.model,
                *self._spoken(cell),
                root=self.root,
                trained=self.session.adapter_chats.get(cell.model),
                thinking=cell.mode.thinking,
            )
            for note in template_notes(cell.model, self._chats[spoken], cell.mode.thinking):
                self.tell(note)
        return self._chats[spoken]


def _unreadable(prepared: Prepared, chat: ChatFormat) -> list[Note]:
    """Return the note on samples that hold what the model cannot read, if any prompt does."""
    if not any(chat.unknown(request.prompt_ids) for request in prepared.first):
        return []
    rows = chat.pieces.encode([sample.text for sample in prepared.samples])
    count, cell = sum(map(chat.unknown, rows)), prepared.cell
    facts: dict[str, Fact] = {"model": cell.model, "count": count, "total": len(rows)}
    return [Note("unreadable", cell.path, facts)] if count else []
