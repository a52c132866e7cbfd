"""Cells that were rendered before: whether their outputs are all stored is known by their keys.

To render and tokenize a cell again only to find its outputs takes most of a run that asks nothing.
So what comes of it is remembered in the store, by all that it was made of: samples, pool, eval set,
prompt files, the files of the model's folder, the engine's fingerprint, and the code of this
package and of the libraries that render and tokenize. Tokens are not kept: where one output is
missing, or anything differs, the cell is rendered again.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from harness.jsontext import json_text
from harness.prompts.label_words import LabelTree
from harness.reasons import Reason
from harness.records import (
    SHOT_SELECTORS,
    Adapter,
    Note,
    Output,
    Request,
    Sample,
    Sampling,
    TemplateUse,
)
from harness.run.cells import Cell
from harness.run.prepared import Known, Prepared
from harness.run.provenance import way_of_thinking
from harness.run.shown_prompt import shown_prompt
from harness.sources.cache import code_digest, file_digest
from harness.spec.modelspec import ModelSpec
from harness.workers.store import Store

# What renders and tokenizes, and what chooses shots.
_LIBRARIES = (
    "jinja2", "numpy", "scikit-learn", "scipy", "tokenizers", "transformers",
)  # fmt: skip
# Weights, which the engine's fingerprint holds.
_WEIGHTS = {".bin", ".gguf", ".h5", ".msgpack", ".onnx", ".pt", ".pth", ".safetensors"}
# Of an eval set, what no prompt is made of.
_NOT_ASKED = {"description", "gates"}


@dataclass(frozen=True, slots=True)
class _Body:
    """What is kept of a cell; see `Prepared`.

    Attributes:
        keys: The content keys of each sample's requests.
        samplings: Of the requests of each sample, in order.
        special: Entries of the pool that spell a special token of the model.
        notes: What was told of its chat template.
    """

    keys: tuple[tuple[str, ...], ...]
    bare: tuple[tuple[str, ...], ...]
    samplings: tuple[Sampling, ...]
    words: dict[str, str]
    tree: LabelTree | None
    errors: dict[int, Reason]
    prompt_tokens: float
    window: int
    wording: str
    conversations: str
    template: TemplateUse | None
    known: Known
    special: int
    notes: tuple[Note, ...]


@cache
def _bodies() -> TypeAdapter[_Body]:
    return TypeAdapter(_Body)


@dataclass(frozen=True, slots=True)
class Recalled:
    """A cell whose outputs are all stored.

    Attributes:
        prepared: Its requests have keys and no tokens.
        outputs: All of them, by content key.
        special: Entries of the pool that spell a special token of the model.
        notes: What is told of its chat template.
    """

    prepared: Prepared
    outputs: Mapping[str, Output]
    special: int
    notes: tuple[Note, ...]


def cell_key(
    cell: Cell,
    *,
    shared: str,
    spoken: tuple[ModelSpec, Path],
    trained: object,
    adapter: Adapter | None,
    data: str,
    prompts: str,
) -> str | None:
    """Return a digest of all that the prompts of a cell are made of, None where that is open.

    It is where code that is not this project's chooses shots or tokenizes.

    Args:
        cell: The cell.
        shared: Fingerprint of the engine, its weights included.
        spoken: By which entry of models.yaml and which folder prompts are made.
        trained: What the model's adapter was trained with.
        adapter: LoRA weights, or None.
        data: Digest of samples and pool, see `data_digest`.
        prompts: Digest of the project's prompt files, see `files_digest`.
    """
    spec, folder = spoken
    if spec.trust_remote_code or cell.mode.selector not in {None, *SHOT_SELECTORS}:
        return None
    parts = {
        "code": code_digest(*_LIBRARIES),
        "cell": [cell.path, cell.id, cell.model, cell.asks, cell.scoring],
        "mode": repr(cell.mode),
        "prompt": cell.prompt.model_dump(mode="json") if cell.prompt else None,
        "set": cell.evalset.model_dump(mode="json", exclude=_NOT_ASKED),
        "spec": spec.model_dump(mode="json"),
        "folder": files_digest(folder),
        "trained": repr(trained),
        "adapter": asdict(adapter) if adapter else None,
        "shared": shared,
        "data": data,
        "prompts": prompts,
    }
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def data_digest(samples: Iterable[Sample], pool: Iterable[Sample]) -> str:
    """Return a digest of the ids, texts and labels of samples and pool."""
    found = hashlib.sha256()
    for part in (samples, pool):
        for one in part:
            for text in (one.id, one.text, one.label):
                found.update(f"{len(text)} {text}".encode("utf-8", "surrogatepass"))
        found.update(b"end")
    return found.hexdigest()


def files_digest(folder: Path) -> str:
    """Return a digest of the names and contents of all files below a folder but weights."""
    found = hashlib.sha256()
    for path in sorted(_files(folder)):
        if path.suffix not in _WEIGHTS and path.is_file():
            found.update(f"{path.relative_to(folder).as_posix()} {file_digest(path)}\n".encode())
    return found.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """Yield all paths below a folder, those behind links to folders too, each folder once."""
    seen: set[str] = set()
    for where, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(where)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (Path(where, name) for name in names)


def remember(
    store: Store, key: str, prepared: Prepared, *, special: int, notes: Sequence[Note]
) -> None:
    """Keep what is known of a cell that was rendered, unless its model thinks before it answers.

    Args:
        store: Of outputs.
        key: See `cell_key`.
        prepared: The cell.
        special: Entries of its pool that spell a special token of the model.
        notes: What was told of its chat template.
    """
    questions = prepared.questions
    if prepared.begun or questions is None:
        return
    if prepared.cell.asks == "generate" and questions.chat.plan is not None:
        # Thoughts are cut off such an answer by the model's tokens.
        return
    asked = next(filter(None, prepared.asked), ())
    known = Known(prepared.place, way_of_thinking(prepared), shown_prompt(prepared))
    body = _Body(
        keys=_keys(prepared.requests),
        bare=_keys(prepared.bare),
        samplings=tuple(request.sampling for request in asked),
        words=dict(prepared.words),
        tree=prepared.tree,
        errors=dict(prepared.errors),
        prompt_tokens=prepared.prompt_tokens,
        window=prepared.window,
        wording=prepared.wording,
        conversations=prepared.conversations,
        template=prepared.template,
        known=known,
        special=special,
        notes=tuple(notes),
    )
    text = json_text(_bodies().dump_python(body, mode="json"))
    store.remember(key, zlib.compress(text.encode(), 1))


def recall(
    store: Store, key: str, cell: Cell, samples: Sequence[Sample], adapter: Adapter | None
) -> Recalled | None:
    """Return a cell as it was rendered before, with its outputs; None unless all are stored.

    Args:
        store: Of outputs; what is damaged there counts as not known.
        key: See `cell_key`.
        cell: The cell.
        samples: Its samples.
        adapter: LoRA weights, or None.
    """
    packed = store.recall(key)
    if packed is None:
        return None
    try:
        body = _bodies().validate_json(zlib.decompress(packed))
    except (zlib.error, ValueError):
        return None
    if len(body.keys) != len(samples):
        return None
    made = [Request("", (), sampling, adapter) for sampling in body.samplings]
    outputs = store.get([key for row in (*body.keys, *body.bare) for key in row])
    try:
        requests = tuple(
            () if index in body.errors else _stored(row, made, outputs)
            for index, row in enumerate(body.keys)
        )
        bare = tuple(_stored(row, made, outputs) for row in body.bare)
    except LookupError:
        return None
    prepared = Prepared(
        cell=cell,
        samples=tuple(samples),
        words=body.words,
        tree=body.tree,
        requests=requests,
        errors=body.errors,
        prompt_tokens=body.prompt_tokens,
        window=body.window,
        bare=bare,
        wording=body.wording,
        conversations=body.conversations,
        template=body.template,
        known=body.known,
    )
    return Recalled(prepared, outputs, body.special, body.notes)


def _keys(rows: Iterable[Sequence[Request]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(request.key for request in row) for row in rows)


def _stored(
    keys: Sequence[str], made: Sequence[Request], outputs: Mapping[str, Output]
) -> tuple[Request, ...]:
    """Return the requests of a sample, each with its key and otherwise as it was made.

    Raises:
        LookupError: Their number differs, or an output is missing or without its scores.
    """
    if len(keys) != len(made):
        raise LookupError(keys)
    for key, one in zip(keys, made, strict=True):
        if len(outputs[key].logprobs) != len(one.sampling.score_ids):
            raise LookupError(key)
    return tuple(replace(one, key=key) for key, one in zip(keys, made, strict=True))
