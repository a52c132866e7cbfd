"""A cell of an eval set -> the same questions as a local task of lm-evaluation-harness."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from harness.prompts.open_format import open_format  # noqa: E402
from harness.prompts.templates import load_prompt  # noqa: E402
from harness.records import Sample  # noqa: E402
from harness.run.cells import Cell  # noqa: E402
from harness.run.prepare import prepare  # noqa: E402
from harness.run.session import EngineSession  # noqa: E402
from harness.run.settings import Settings  # noqa: E402
from harness.shots import Draw, select_shots  # noqa: E402
from harness.sources.data import load_data  # noqa: E402

DTYPE = "float32"
TASK = "agreement"


@dataclass(frozen=True, slots=True)
class Asked:
    """A cell as the harness asks it, rebuilt to be handed to another.

    Attributes:
        keys: Content key of each sample's first request, which its results bear too.
        texts: Prompts as text; `ids` are their tokens.
        delimiter: What stands between a prompt and a label word.
        words: Label words in the order of the labels, `tails` their tokens behind a prompt.
        heads: Each word up to the token that tells it from the others, `head_tails` its tokens.
    """

    model: Path
    revision: str
    samples: tuple[Sample, ...]
    labels: tuple[str, ...]
    keys: tuple[str, ...]
    texts: tuple[str, ...]
    ids: tuple[tuple[int, ...], ...]
    delimiter: str
    words: tuple[str, ...]
    tails: tuple[tuple[int, ...], ...]
    heads: tuple[str, ...]
    head_tails: tuple[tuple[int, ...], ...]

    @property
    def choices(self) -> dict[str, tuple[int, ...]]:
        """The words and then, where they differ from them, the heads, with their tokens."""
        texts, tails = (*self.words, *self.heads), (*self.tails, *self.head_tails)
        return dict(zip(texts, tails, strict=True))


def rebuild(cell: Cell, root: Path, scratch: Path, *, limit: int | None = None) -> Asked:
    """Return what pytest asks in a cell, by the functions that pytest calls."""
    settings = Settings(root, scratch / "unused.sqlite", scratch, "transformers", DTYPE)
    session = EngineSession(settings, [cell], lambda *_: None, tell=lambda _: None)
    data = load_data(cell.name, cell.evalset, base=root, limit=limit)
    labels = tuple(cell.evalset.labels)
    shots: list[list[Sample]] = []
    mode = cell.mode
    if mode.selector is not None:
        draw = Draw(data.pool, data.samples, labels, mode.k, mode.seed or 0)
        shots = select_shots(mode.selector, mode.order or "shuffled", draw)
    assert cell.prompt is not None, "a trained classifier has no prompt"
    words = cell.evalset.targets(cell.prompt)
    prompt = load_prompt(cell.prompt.template, words, root=root)
    chat = open_format(cell.model, cell.spec, session.asset.path, root=root)
    prepared = prepare(
        cell, data.samples, shots, prompt=prompt, chat=chat, shared=session.shared, adapter=None
    )
    texts = chat.texts(prompt.conversations(data.samples, shots, cell.mode.placement), bound=True)
    tails = chat.continuations(texts[0], [prompt.separator + word for word in words.values()])
    assert prepared.tree is not None
    head_tails = []
    for route in prepared.tree.routes:
        question, (at,) = route[-1]
        path, ids = prepared.tree.questions[question]
        head_tails.append((*path, ids[at]))
    decoded = [str(chat.tokenizer.decode(tail)) for tail in head_tails]
    return Asked(
        model=session.asset.path,
        revision=session.asset.revision,
        samples=tuple(data.samples),
        labels=labels,
        keys=tuple(row[0].key for row in prepared.requests),
        texts=tuple(texts),
        ids=tuple(chat.encode(texts)),
        delimiter=prompt.separator,
        words=tuple(words.values()),
        tails=tuple(tails),
        heads=tuple(head.removeprefix(prompt.separator) for head in decoded),
        head_tails=tuple(head_tails),
    )


def write_task(folder: Path, asked: Asked) -> None:
    """Write the YAML task and the data that give lm-evaluation-harness the same questions."""
    folder.mkdir(parents=True, exist_ok=True)
    task = {
        "task": TASK,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(folder / "data.jsonl")}},
        "test_split": "test",
        "output_type": "multiple_choice",
        # The name of a column: its text is taken as it is, no template is run over it.
        "doc_to_text": "prompt",
        "doc_to_target": "target",
        "doc_to_choice": list(asked.choices),
        "target_delimiter": asked.delimiter,
        "num_fewshot": 0,
        "metric_list": [{"metric": "acc"}],
    }
    with (folder / "data.jsonl").open("w", encoding="utf-8") as file:
        for sample, text in zip(asked.samples, asked.texts, strict=True):
            row = {"id": sample.id, "prompt": text, "target": asked.labels.index(sample.label)}
            file.write(json.dumps(row) + "\n")
    text = yaml.safe_dump(task, allow_unicode=True, sort_keys=False)
    (folder / f"{TASK}.yaml").write_text(text, encoding="utf-8")


def equal_tokens(asked: Asked, rows: Sequence[Mapping[str, Any]]) -> int:
    """Return for how many samples prompt and choice are the same tokens, for every choice."""
    by_id = {row["id"]: row["ids"] for row in rows}
    return sum(
        by_id[sample.id] == [[*ids, *tail] for tail in asked.choices.values()]
        for sample, ids in zip(asked.samples, asked.ids, strict=True)
    )
