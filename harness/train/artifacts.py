"""The folder of a trained adapter: weights, tokenizer with template, and its record."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.sources.cache import sha256
from harness.train.job import Job, Material, fingerprint
from harness.train.record import WEIGHTS, Record
from harness.train.samples import Continuation
from harness.train.trainer import Trained

_PACKAGES = ("harness", "torch", "transformers", "peft", "trl", "unsloth", "bitsandbytes")


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
    probe_difference: float,
    continuations: Sequence[Continuation],
) -> Record:
    """Return the record of an adapter whose weights lie in `folder`."""
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
    asset = material.base.asset
    return Record(
        name=job.name,
        backend=job.backend,
        recipe=(job.root / job.file.path).read_text(encoding="utf-8"),
        given={k: v for k, v in (("data", job.data), ("base", job.base)) if v is not None},
        fingerprint=fingerprint(job, material),
        base={"source": material.base.source, "revision": asset.revision, "digest": asset.digest},
        data={
            "source": material.read.source,
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
        weights=sha256(folder / WEIGHTS),
        versions=_versions(),
        settings=settings,
        losses=list(trained.losses),
        final_loss=end,
        expected=str(expected) if expected else None,
        as_expected=(end in expected) if expected else None,
        probe_difference=probe_difference,
        continuations=[dataclasses.asdict(one) for one in continuations],
    )


def put_in_place(built: Path, out: Path) -> None:
    """Move a finished folder to where the adapter belongs; an older one there is replaced."""
    out.parent.mkdir(parents=True, exist_ok=True)
    old = out.with_name(f".{out.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    built.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
