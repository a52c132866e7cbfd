"""A tiny project with a recipe and dialogues in the schema of saiga_scored."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from harness.records import Json
from harness.spec.load import load_recipe
from harness.spec.recipe import Recipe
from harness.spec.yamlfile import YamlFile
from harness.train import train_adapter
from harness.train.job import Job

RECIPE = """\
base:
  source: file:model
  chat_template: own
data:
  source: file:data.jsonl
"""


def row(question: str, answer: str, **columns: Json) -> dict[str, Json]:
    """Return one row with a single turn."""
    messages = [{"role": "user", "content": question}, {"role": "bot", "content": answer}]
    return {"messages": messages, "language": "English", "opus_score": 8,
            "sonnet_topic": "films", "sonnet_complexity": "easy", "source": "own",
            "is_bad_by_regex": False, **columns}  # fmt: skip


def write_rows(path: Path, rows: Sequence[dict[str, Json]]) -> Path:
    """Write rows as JSON lines."""
    lines = (json.dumps(row) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def single() -> Callable[..., dict[str, Json]]:
    """Return `row`."""
    return row


@pytest.fixture
def write() -> Callable[[Path, Sequence[dict[str, Json]]], Path]:
    """Return `write_rows`."""
    return write_rows


@pytest.fixture
def make_recipe(project) -> Callable[..., tuple[Recipe, YamlFile]]:
    """Write `recipes/r.yaml` and its rows, and load it."""

    def make(more: str = "", given: Sequence[dict[str, Json]] = ()) -> tuple[Recipe, YamlFile]:
        path = project.write("recipes/r.yaml", RECIPE + more)
        if given:
            write_rows(project.root / "data.jsonl", given)
        return load_recipe(path, root=project.root)

    return make


@pytest.fixture(scope="session")
def tiny_model(tokenizers, llamas, tmp_path_factory) -> Path:
    """A Llama of two layers with random weights, and a tokenizer that writes ChatML."""
    folder = tokenizers(tmp_path_factory.mktemp("tiny-llama"), words=True)
    return llamas(folder, hidden=32, heads=4, key_heads=2, window=512)


TINY = """\
lora: {r: 4, alpha: 8}
training: {max_steps: 6, batch_size: 4, learning_rate: 0.01, warmup_steps: 1, save_steps: 2}
samples: ["How is it?"]
"""


@pytest.fixture
def make_job(project, tiny_model, make_recipe) -> Callable[..., Job]:
    """Return a job on the tiny model; `more` is YAML, `rows` the data."""
    (project.root / "model").symlink_to(tiny_model, target_is_directory=True)

    def make(more: str = TINY, rows: Sequence[dict[str, Json]] = (), **changes: object) -> Job:
        given = rows or [row(f"Film {i}?", "positive" if i % 2 else "negative, alas")
                         for i in range(12)]  # fmt: skip
        recipe, file = make_recipe(more, given)
        known = {
            "recipe": recipe, "file": file, "name": "r", "root": project.root, "backend": "trl",
            "out": project.root / "adapters/r",
        }  # fmt: skip
        return Job(**{**known, **changes})

    return make


@pytest.fixture
def trained(make_job) -> tuple[Job, Path, list[str]]:
    """A job that has run, its report and what it said."""
    said: list[str] = []
    job = make_job()
    return job, train_adapter(job, say=said.append), said
