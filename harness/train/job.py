"""One run of a recipe: what was asked for, and all that is known before weights are loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import TrainError
from harness.prompts.chat import ChatFormat
from harness.records import Message, Note
from harness.spec.recipe import Recipe
from harness.spec.yamlfile import YamlFile
from harness.train.base import Base, open_base
from harness.train.filters import Step, apply_filters
from harness.train.lengths import token_counter
from harness.train.rows import Dialogue, DialogueSet, dialogues_digest, read_dialogues
from harness.train.template import Example, drop_long, encode_dialogues, open_template

Say = Callable[[str | Note], None]
"""Told a line about what is being done, or what is to be said of data and model."""


@dataclass(frozen=True, slots=True)
class Job:
    """A recipe and what the command line says about it.

    Attributes:
        name: The recipe's file name without `.yaml`.
        root: The project's root.
        backend: `trl` or `unsloth`, resolved (never `auto`).
        out: Folder of the adapter, made at the end.
        data: A file that stands in for the recipe's source, or None.
        base: A model source that stands in for the recipe's, or None.
    """

    recipe: Recipe
    file: YamlFile
    name: str
    root: Path
    backend: str
    out: Path
    data: str | None = None
    base: str | None = None

    @property
    def work(self) -> Path:
        """Folder of the unfinished run: its checkpoints."""
        return self.root / ".harness" / "train" / self.out.name


@dataclass(frozen=True, slots=True)
class Material:
    """What a job trains on.

    Attributes:
        kept: How many dialogues the filters keep, `digest` is that of their messages.
        examples: Those of them that are short enough, in tokens.
        long: Those that were dropped for their length.
    """

    base: Base
    chat: ChatFormat
    read: DialogueSet
    steps: Sequence[Step]
    kept: int
    digest: str
    examples: Sequence[Example]
    long: Sequence[Example]

    @property
    def rows(self) -> Iterator[tuple[int, tuple[Message, ...]]]:
        """Number and messages of the dialogues that the examples are."""
        numbers = {example.number for example in self.examples}
        return ((one.number, one.messages) for one in self.read.dialogues if one.number in numbers)

    @property
    def trained(self) -> int:
        """Number of tokens that the loss is taken on, in all examples."""
        return sum(example.trained for example in self.examples)

    @property
    def tokens(self) -> int:
        """Number of tokens of all examples."""
        return sum(len(example.ids) for example in self.examples)


def gather(job: Job, say: Say) -> Material:
    """Read, filter and tokenize the data of a job; no weights are loaded.

    Raises:
        HarnessError: One line about what is wrong with the recipe, its data or its base model.
    """
    recipe, file = job.recipe, job.file
    say(f"reading {job.data or recipe.data.source}")
    read = read_dialogues(recipe.data, base=job.root, file=file, given=job.data)
    for note in read.notes:
        say(note)
    base = open_base(recipe.base, root=job.root, given=job.base)
    kept, steps = apply_filters(
        read.dialogues,
        recipe.data.filters,
        count_tokens=token_counter(base.tokenizer),
        file=file,
    )
    chat = open_template(recipe, base, root=job.root, file=file)
    kept = _unmarked(kept, chat, job, steps)
    longest = recipe.training.max_length
    examples, long = drop_long(encode_dialogues(kept, chat), longest)
    if not examples:
        raise TrainError(f"{file.path}: all {len(kept)} dialogues are longer than max_length "
                         f"{longest}; raise training.max_length")  # fmt: skip
    return Material(base, chat, read, steps, len(kept), dialogues_digest(kept), examples, long)


def _unmarked(
    kept: list[Dialogue], chat: ChatFormat, job: Job, steps: list[Step]
) -> list[Dialogue]:
    """Return the dialogues whose text spells none of the template's marks, which end a turn."""
    spelled = {dialogue.number: chat.control_token(dialogue.text) for dialogue in kept}
    marked = {number: mark for number, mark in spelled.items() if mark is not None}
    if not marked:
        return kept
    if job.recipe.data.malformed == "refuse":
        number, mark = next(iter(marked.items()))
        raise job.file.error(f"the text of row {number} spells {mark}, which would end or begin a "
                             "turn; fix it, or write malformed: drop under 'data'",
                             ("data",))  # fmt: skip
    rest = [dialogue for dialogue in kept if dialogue.number not in marked]
    steps.append(Step("without marks of the chat template", len(kept), len(rest)))
    return rest


def fingerprint(job: Job, material: Material) -> str:
    """Return a sha256 over all that decides what a run learns; a checkpoint belongs to one."""
    parts = {
        "recipe": job.recipe.model_dump(exclude={"description", "samples", "final_loss"}),
        "backend": job.backend,
        "base": material.base.asset.digest,
        "data": material.digest,
        "template": material.chat.template,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
