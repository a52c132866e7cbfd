"""How many requests and prompt tokens a cell takes, by its prompts and its model's tokenizer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from harness.errors import HarnessError
from harness.planning.size import Size
from harness.prompts.chat import ChatFormat
from harness.prompts.open_format import open_format
from harness.prompts.templates import load_prompt
from harness.records import Request, Sample, Thinking
from harness.run.cells import Cell
from harness.run.encoder_rows import prepare_encoder
from harness.run.prepare import prepare
from harness.run.prepared import Prepared
from harness.shots import Draw, select_shots
from harness.sources.adapters import CONFIG
from harness.sources.assets import model_at_hand
from harness.spec.modelspec import ModelSpec
from harness.train.brought import adapter_chat

# Prompts of so many samples stand for those of all.
_TRIED = 32


@dataclass(frozen=True, slots=True)
class Asking:
    """What the cells of one model take.

    Attributes:
        requests: How many; with thoughts, those of the first round count too.
        tokens: Of all prompts, None where they are not known.
        problem: Why not, "" where they are.
        wrong: Whether that is a mistake, which a run would meet as well.
        by: Run by whose requests the tokens are reckoned, "" where they were counted.
        refused: How many of the prompts that were tried cannot be asked, and why; "" for none.
    """

    model: str
    requests: int
    tokens: int | None
    problem: str = ""
    wrong: bool = False
    by: str = ""
    refused: str = ""


class Asker:
    """Makes prompts for a few samples of each cell; opens each model's tokenizer once."""

    def __init__(self, root: Path) -> None:
        """Take the project."""
        self._root = root
        self._chats: dict[tuple[str, Thinking | None], ChatFormat] = {}

    def asking(self, cell: Cell, size: Size) -> Asking:
        """Return what a cell takes."""
        if cell.prompt is None and not cell.spec.encoder:
            return Asking(cell.model, 0, 0)
        rounds = 2 if cell.mode.thinking is not None else 1
        if cell.mode.encoder == "zero-shot":
            rounds = len(cell.evalset.labels)
        if size.loaded is None or not size.n:
            return Asking(cell.model, size.n * rounds, None, size.problem or "there is no sample")
        try:
            found = self._prepared(cell, size)
        except (HarnessError, OSError) as error:
            return Asking(cell.model, size.n * rounds, None, str(error), wrong=True)
        if isinstance(found, str):
            return Asking(cell.model, size.n * rounds, None, found)
        tried = len(found.samples)
        own, bare, each = _asked(found)
        share, requests = size.n / tried, len(own) * each or tried * rounds
        count = round(share * requests) + len(bare) * each
        tokens = each * (share * _tokens(own) + _tokens(bare)) if own else count * (
            found.prompt_tokens)  # fmt: skip
        return Asking(cell.model, count, round(tokens))

    def _prepared(self, cell: Cell, size: Size) -> Prepared | str:
        """Return the first samples' prompts, or why there are none."""
        if cell.spec.encoder and size.loaded is not None:
            asset = model_at_hand(cell.spec, base=self._root)
            if asset is None:
                return f"{cell.spec.source} is not on this machine yet"
            some = size.loaded.samples[:_TRIED]
            return prepare_encoder(cell, some, asset, shared="", root=self._root)[0]
        if cell.prompt is None or size.loaded is None:
            return "there is no prompt"
        chat = self.chat(cell.model, cell.spec, cell.mode.thinking)
        samples = size.loaded.samples[:_TRIED]
        shots = self._shots(cell, None if isinstance(chat, str) else chat, samples, size)
        if isinstance(chat, str):
            return chat
        words = cell.evalset.targets(cell.prompt)
        prompt = load_prompt(cell.prompt.template, words, root=self._root)
        return prepare(cell, samples, shots, prompt=prompt, chat=chat, shared="", adapter=None)

    def chat(self, name: str, spec: ModelSpec, thinking: Thinking | None) -> ChatFormat | str:
        """Return how a model takes conversations, or why that is not known here.

        Raises:
            HarnessError: See `harness.prompts.open_format.open_format`.
        """
        key = name, thinking
        if key not in self._chats:
            if spec.remote:
                return "a server's tokenizer is its own"
            asset = model_at_hand(spec, base=self._root)
            if asset is None:
                return f"{spec.source} is not on this machine yet"
            folder = self._root / spec.adapter if spec.adapter else None
            trained = None
            if folder is not None and (folder / CONFIG).is_file():
                trained = adapter_chat(folder, name, asset)
            self._chats[key] = open_format(
                name, spec, asset.path, root=self._root, trained=trained, thinking=thinking
            )
        return self._chats[key]

    def _shots(
        self, cell: Cell, chat: ChatFormat | None, samples: tuple[Sample, ...], size: Size
    ) -> list[list[Sample]]:
        mode = cell.mode
        if mode.selector is None or mode.seed is None or size.loaded is None:
            return []
        pool = tuple(one for one in size.loaded.pool
                     if chat is None or chat.control_token(one.text) is None)  # fmt: skip
        draw = Draw(pool, samples, list(cell.evalset.labels), mode.k, mode.seed)
        return select_shots(mode.selector, mode.order, draw)


def _asked(found: Prepared) -> tuple[list[Request], list[Request], int]:
    """Return what is known to be asked for samples and without content, and how often each is.

    Behind a thought follows what is asked of the answer, which is as long at least.
    """
    if not found.begun:
        return list(chain.from_iterable(found.requests)), list(chain.from_iterable(found.bare)), 1
    begun = [
        [one[1] for one in part if one is not None]
        for part in (found.begun[: len(found.samples)], found.begun[len(found.samples) :])
    ]
    return begun[0], begun[1], 1 + (len(found.tree.questions) if found.tree else 1)


def _tokens(requests: Iterable[Request]) -> int:
    return sum(len(one.prompt_ids) for one in requests)
