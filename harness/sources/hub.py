"""Data sets and models of the Hugging Face hub, and whether it can be reached."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.errors import AssetError, AssetUnreachable
from harness.sources.network import answers
from harness.sources.rows import as_texts

if TYPE_CHECKING:
    from datasets import DatasetBuilder

_MODEL_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")


class _Fetch(Protocol):
    """Returns a path in the hub's local cache, where `local` without asking the hub."""

    def __call__(self, *, local: bool) -> str: ...


def hub_reachable(timeout_s: float = 0.8) -> bool:
    """Return whether the hub (`HF_ENDPOINT`) answers; False at once when offline mode is on."""
    if any(os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"} for name in _OFFLINE):
        return False
    return answers(os.environ.get("HF_ENDPOINT") or "https://huggingface.co", timeout_s)


def hub_snapshot(name: str, revision: str | None) -> tuple[Path, str]:
    """Return a model's folder in the hub's local cache and its commit, downloaded if need be.

    Only safetensors weights, configuration and tokenizer files are fetched, never pickles. A
    snapshot that is already there is used without asking the hub.

    Raises:
        AssetUnreachable: It is not there, and the hub cannot be reached.
        AssetError: The hub refuses it.
    """
    from huggingface_hub import snapshot_download

    def snapshot(*, local: bool) -> str:
        return snapshot_download(
            name, revision=revision, allow_patterns=_MODEL_FILES, local_files_only=local
        )

    mend = ("download it on a machine with access and write file:FOLDER as its source in "
            "models.yaml")  # fmt: skip
    folder = _cached(snapshot, kind="model", shown=_shown(name, revision), mend=mend)
    return folder, folder.name


def hub_file(name: str, path: str, revision: str | None, *, option: str) -> Path:
    """Return a file of a hub data set in the hub's local cache, downloaded if need be.

    One that is already there is used without asking the hub.

    Args:
        name: `owner/name`.
        path: Of the file in the data set.
        revision: Branch, tag or commit; None is the main branch.
        option: Of the command line, that takes a local file as well.

    Raises:
        AssetUnreachable: It is not there, and the hub cannot be reached.
        AssetError: The hub refuses it.
    """
    from huggingface_hub import hf_hub_download

    def download(*, local: bool) -> str:
        return hf_hub_download(
            name, path, repo_type="dataset", revision=revision, local_files_only=local
        )

    shown = _shown(f"{name}/{path}", revision)
    return _cached(download, kind="file", shown=shown, mend=f"give a local copy by {option}")


def _cached(fetch: _Fetch, *, kind: str, shown: str, mend: str) -> Path:
    """Return what is in the hub's local cache, else what the hub has, put there."""
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    with contextlib.suppress(LocalEntryNotFoundError, HFValidationError):
        return Path(fetch(local=True))
    unreachable = f"hub {kind} {shown} is out of reach; {mend}, or set HF_ENDPOINT"
    if not hub_reachable():
        raise AssetUnreachable(unreachable)
    try:
        return Path(fetch(local=False))
    except (HfHubHTTPError, HFValidationError) as error:
        raise AssetError(_refused(kind, shown, error)) from error
    except OSError as error:
        raise AssetUnreachable(unreachable) from error


def hub_rows(
    name: str, revision: str | None, split: str, *, option: str = "--dataset NAME=PATH"
) -> tuple[list[dict[str, str]], str]:
    """Return all rows of one split of a hub data set as text, and the commit.

    A data set that was loaded before is found in the local cache when the hub is out of reach.

    Args:
        name: `owner/name`.
        revision: Branch, tag or commit; None is the main branch.
        split: Name of the split.
        option: Of the command line, that gives a file in the data set's place.

    Raises:
        AssetUnreachable: It is not cached, and the hub cannot be reached.
        AssetError: The hub refuses it, or there is no such split.
    """
    online = hub_reachable()
    unreachable = (f"hub data set {_shown(name, revision)} is out of reach; run with {option} to a "
                   "local copy, or set HF_ENDPOINT")  # fmt: skip
    # Asked before `datasets` is imported, which alone takes longer than a skip may.
    if not online and not _was_cached(name):
        raise AssetUnreachable(unreachable)
    import datasets
    from huggingface_hub.errors import HfHubHTTPError

    with _quiet(online=online):
        try:
            builder = datasets.load_dataset_builder(name, revision=revision)
            if not online and not _is_revision(builder, name, revision):
                raise AssetUnreachable(unreachable)
            builder.download_and_prepare()
            rows = builder.as_dataset(split=split).with_format("arrow")
            table = rows[:].to_pylist()
        except (datasets.exceptions.DatasetNotFoundError, HfHubHTTPError) as error:
            raise AssetError(_refused("data set", _shown(name, revision), error)) from error
        except (OSError, datasets.exceptions.DatasetsError) as error:
            raise AssetUnreachable(unreachable) from error
        except ValueError as error:
            raise AssetError(_refused("data set", _shown(name, revision), error)) from error
    return as_texts(table), str(builder.hash)


def _was_cached(name: str) -> bool:
    from huggingface_hub import constants

    cache = Path(os.environ.get("HF_DATASETS_CACHE") or Path(constants.HF_HOME) / "datasets")
    owner, _, short = name.partition("/")
    # `datasets` writes CamelCase names in snake_case.
    return any(
        re.sub(r"[^a-z0-9]", "", folder.name.lower())
        == re.sub(r"[^a-z0-9]", "", f"{owner}{short}".lower())
        for folder in cache.expanduser().glob("*___*")
    )


def _is_revision(builder: DatasetBuilder, name: str, revision: str | None) -> bool:
    """Return whether the cached copy is the wanted revision, as far as the cache knows it."""
    from huggingface_hub import try_to_load_from_cache

    if revision is None or builder.hash == revision:
        return True
    card = try_to_load_from_cache(name, "README.md", revision=revision, repo_type="dataset")
    return isinstance(card, str) and Path(card).parent.name == builder.hash


@contextlib.contextmanager
def _quiet(*, online: bool) -> Iterator[None]:
    """Silence the progress bars, and keep both libraries from waiting for a hub that is away."""
    import datasets
    import huggingface_hub

    before = datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE
    bars = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        # Read from the environment at import only; there is no argument for it.
        if not online:
            datasets.config.HF_HUB_OFFLINE = huggingface_hub.constants.HF_HUB_OFFLINE = True
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, huggingface_hub.constants.HF_HUB_OFFLINE = before
        if not bars:
            datasets.enable_progress_bars()


def _shown(name: str, revision: str | None) -> str:
    return f"{name}@{revision}" if revision else name


def _refused(kind: str, shown: str, error: Exception) -> str:
    lines = " ".join(str(error).split())
    return f"hub {kind} {shown} cannot be had: {lines[:300]}; check the name " + (
        "and the revision, and for a gated one set HF_TOKEN")  # fmt: skip
