"""The folder of a trained adapter: weights, tokenizer with template, and its record."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.errors import TrainError
from harness.paths import public_argument, public_source, public_text
from harness.sources.adapters import WEIGHTS
from harness.sources.cache import sha256
from harness.train.job import Job, Material, fingerprint
from harness.train.record import Record
from harness.train.samples import Continuation
from harness.train.trainer import Trained

_PACKAGES = ("pytest-evalsets", "torch", "transformers", "peft", "trl", "unsloth", "bitsandbytes")
_CONFIG = "adapter_config.json"
_OTHER = "give another folder by --out, or move it away"


def final_loss(losses: Sequence[float]) -> float:
    """Return the mean of the last tenth of the losses."""
    last = losses[-max(1, len(losses) // 10) :]
    return sum(last) / len(last)


def save_weights(trained: Trained, job: Job, material: Material, folder: Path) -> None:
    """Write weights, adapter_config.json and the tokenizer with its template into a new folder."""
    model, tokenizer = trained.model, material.base.tokenizer
    folder.mkdir(parents=True)
    for config in model.peft_config.values():
        config.base_model_name_or_path = material.base.source.partition(":")[2]
    model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
    own, tokenizer.chat_template = tokenizer.chat_template, material.chat.template
    try:
        tokenizer.save_pretrained(str(folder))
    finally:
        tokenizer.chat_template = own


def make_record(
    trained: Trained,
    job: Job,
    material: Material,
    folder: Path,
    *,
    recipe: str,
    probe_difference: float,
    continuations: Sequence[Continuation],
    trained_rows: str,
) -> Record:
    """Return the record of an adapter whose weights lie in `folder`.

    Args:
        trained: The model after its run.
        job: The job.
        material: What it was trained on.
        folder: Where the weights lie.
        recipe: The recipe's text, as it was when the run began.
        probe_difference: What the adapter changes.
        continuations: Answers before and after.
        trained_rows: sha256 of what is kept of the rows in `folder`.
    """
    end, expected = final_loss(trained.losses), job.recipe.final_loss
    settings: dict[str, str | int | float | bool] = {
        **dataclasses.asdict(trained.machine),
        "micro_batch": trained.fit.micro_batch,
        "unpadded": trained.flat,
        "recorded": trained.recorded,
        "gradient_checkpointing": trained.fit.checkpointing,
        "resumed_from_step": trained.resumed,
        "step_s": round(trained.step_s, 4),
        "train_s": round(trained.train_s, 1),
        "tokens_per_s": round(trained.tokens_per_s, 1),
        "peak_gib": round(trained.peak_gib, 2),
    }
    asset, root = material.base.asset, job.root
    given = {"data": job.data, "base": job.base}
    return Record(
        name=job.name,
        backend=job.backend,
        recipe=public_text(recipe, root),
        given={k: public_argument(v, root) for k, v in given.items() if v is not None},
        fingerprint=fingerprint(job, material),
        base={
            "source": public_source(material.base.source, root),
            "revision": asset.revision,
            "digest": asset.digest,
        },
        data={
            "source": public_source(material.read.source, root),
            "revision": material.read.revision,
            "digest": material.digest,
            "read": len(material.read.dialogues),
            "malformed": len(material.read.malformed),
            "kept": material.kept,
            "too_long": len(material.long),
            "rows": len(material.examples),
            "tokens": material.tokens,
            "trained_tokens": material.trained,
        },
        template=material.chat.template or "",
        variables=job.recipe.base.template,
        system=job.recipe.base.system,
        weights=sha256(folder / WEIGHTS),
        versions=_versions(),
        settings=settings,
        losses=list(trained.losses),
        final_loss=end,
        expected=str(expected) if expected else None,
        as_expected=(end in expected) if expected else None,
        probe_difference=probe_difference,
        continuations=[dataclasses.asdict(one) for one in continuations],
        trained_rows=trained_rows,
    )


def check_target(out: Path) -> None:
    """Make sure that an adapter may take a folder's place; asked before anything is trained.

    An older adapter that a killed run had moved aside is brought back.

    Raises:
        TrainError: It holds other files, or cannot be made.
    """
    old = _staging(out) / "old"
    if old.is_dir() and not out.exists():
        old.rename(out)
    if out.exists():
        if not out.is_dir():
            raise TrainError(f"{out} is a file; {_OTHER}")
        if not (out / _CONFIG).is_file() and next(out.iterdir(), None) is not None:
            raise TrainError(f"{out} is not empty and no adapter (it has no {_CONFIG}); {_OTHER}")
    near = next(folder for folder in out.parents if folder.exists())
    if not near.is_dir():
        raise TrainError(f"{out} cannot be made: {near} is not a folder; {_OTHER}")
    if not os.access(near, os.W_OK | os.X_OK):
        raise TrainError(f"{out} cannot be made: no permission to write in {near}; {_OTHER}")


@contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """Yield a path to build an adapter's folder at; at the end it takes the place of an older one.

    It lies beside its place, on the same file system, so that it is swapped in by renaming.

    Raises:
        TrainError: Its place cannot be taken; what was there is there still.
    """
    stage = _staging(out)
    built, old = stage / "new", stage / "old"
    shutil.rmtree(built, ignore_errors=True)
    try:
        yield built
        check_target(out)
        _swap(built, out, old)
    finally:
        if out.exists():
            shutil.rmtree(stage, ignore_errors=True)
        else:
            shutil.rmtree(built, ignore_errors=True)


def _swap(built: Path, out: Path, old: Path) -> None:
    shutil.rmtree(old, ignore_errors=True)
    try:
        if out.exists():
            out.rename(old)
        built.rename(out)
    except OSError as error:
        if not out.exists() and old.exists():
            old.rename(out)
        raise TrainError(f"{out} cannot be replaced: {error.strerror}; {_OTHER}, and go on with "
                         "--resume") from error  # fmt: skip


def _staging(out: Path) -> Path:
    return out.with_name(f".{out.name}.harness")


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
