"""Data sets and models of the Hugging Face hub, and whether it can be reached."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.errors import AssetError, AssetUnreachable
from harness.sources.arrow import arrow_rows, classes_of, wanted_columns
from harness.sources.discreet import discreet, hub_mask, masked_logs
from harness.sources.network import answers
from harness.sources.rows import Table, check_columns
from harness.spec.base import HubName
from harness.suggest import did_you_mean

if TYPE_CHECKING:
    from datasets import Dataset, DatasetBuilder

_MODEL_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
# Configurations that an error names.
_NAMED = 20
_OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")


class _Fetch(Protocol):
    """Returns a path in the hub's local cache, where `local` without asking the hub."""

    def __call__(self, *, local: bool) -> str: ...


def hub_reachable(timeout_s: float = 0.8) -> bool:
    """Return whether the hub (`HF_ENDPOINT`) answers; False at once when offline mode is on."""
    if any(os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"} for name in _OFFLINE):
        return False
    return answers(os.environ.get("HF_ENDPOINT") or "https://huggingface.co", timeout_s)


def hub_snapshot(name: str, revision: str | None, *, code: bool = False) -> tuple[Path, str]:
    """Return a model's folder in the hub's local cache and its commit, downloaded if need be.

    Only safetensors weights, configuration and tokenizer files are fetched, never pickles nor an
    adapter's, and with `code` what Python files there are. A snapshot that is already there is used
    without asking the hub.

    Raises:
        AssetUnreachable: It is not there, and the hub cannot be reached.
        AssetError: The hub refuses it.
    """
    from huggingface_hub import snapshot_download

    def snapshot(*, local: bool) -> str:
        return snapshot_download(
            name,
            revision=revision,
            allow_patterns=[*_MODEL_FILES, *(["*.py"] if code else [])],
            # transformers would put an adapter that lies beside the weights on them.
            ignore_patterns=["adapter_*"],
            local_files_only=local,
        )

    fix = ("download it on a machine with access and write file:FOLDER as its source in "
            "models.yaml")  # fmt: skip
    folder = _cached(snapshot, kind="model", shown=_shown(name, revision), fix=fix)
    return folder, folder.name


def hub_snapshot_at_hand(name: str, revision: str | None) -> Path | None:
    """Return a model's folder in the hub's local cache, whatever files it has, or None."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError):
        return None


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
    return _cached(download, kind="file", shown=shown, fix=f"give a local copy by {option}")


def _cached(fetch: _Fetch, *, kind: str, shown: str, fix: str) -> Path:
    """Return what is in the hub's local cache, else what the hub has, put there."""
    from httpx import HTTPError
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    with contextlib.suppress(LocalEntryNotFoundError, HFValidationError):
        return Path(fetch(local=True))
    unreachable = f"hub {kind} {shown} is out of reach; {fix}, or set HF_ENDPOINT"
    if not hub_reachable():
        raise AssetUnreachable(unreachable)
    try:
        with masked_logs(hub_mask):
            return Path(fetch(local=False))
    except (HfHubHTTPError, HFValidationError) as error:
        raise AssetError(_refused(kind, shown, error)) from error
    # Of an answer that breaks off, which is no OSError.
    except (OSError, HTTPError) as error:
        raise AssetUnreachable(unreachable) from error


def hub_table(
    hub: HubName,
    split: str,
    *,
    need: Sequence[str] = (),
    option: str = "--eval-dataset NAME=PATH",
) -> tuple[Table, str]:
    """Return all rows of one split of a hub data set, and the commit.

    A data set that was loaded before is found in the local cache when the hub is out of reach.

    Args:
        hub: The data set, its configuration and revision.
        split: Name of the split.
        need: Columns that must be there, the only ones to be read; with none, all are.
        option: Of the command line, that gives a file in the data set's place.

    Raises:
        AssetUnreachable: It is not cached, and the hub cannot be reached.
        AssetError: The hub refuses it, there is no such configuration or split, or a column is
            missing.
    """
    online = hub_reachable()
    shown = _named(hub)
    unreachable = (f"hub data set {shown} is out of reach; run with {option} to a local copy, or "
                   "set HF_ENDPOINT")  # fmt: skip
    # Asked before `datasets` is imported, which alone takes longer than a skip may.
    cached = _cached_configs(hub.name)
    if not online and (hub.config not in cached if hub.config else not cached):
        raise AssetUnreachable(unreachable)
    import datasets
    from httpx import HTTPError
    from huggingface_hub.errors import HfHubHTTPError

    with _quiet(online=online), masked_logs(hub_mask):
        try:
            builder = datasets.load_dataset_builder(hub.name, hub.config, revision=hub.revision)
            if not online and not _is_revision(builder, hub.name, hub.revision):
                raise AssetUnreachable(unreachable)
            # One of several is taken where it alone is described, too, which nobody has chosen.
            several = hub.config is None and builder.config.name != "default"
            if several and (problem := _choose_config(hub, list(builder.builder_configs))):
                raise problem
            builder.download_and_prepare()
            data = builder.as_dataset(split=split).with_format("arrow")
        except (
            datasets.exceptions.DatasetNotFoundError, HfHubHTTPError,
            RuntimeError,  # of one that would run a script of its own
        ) as error:  # fmt: skip
            raise AssetError(_refused("data set", shown, error)) from error
        except (OSError, HTTPError, datasets.exceptions.DatasetsError) as error:
            raise AssetUnreachable(unreachable) from error
        except ValueError as error:
            raise _wrong_config(hub, online=online) or AssetError(
                _refused("data set", shown, error, split=split)) from error  # fmt: skip
    return _read(data, need, f"hub:{shown} ({split})"), str(builder.hash)


def _read(data: Dataset, need: Sequence[str], shown: str) -> Table:
    names = wanted_columns(data.column_names, need, shown)
    rows = arrow_rows(data.select_columns(names)[:], shown) if len(data) else []
    if not rows:
        raise AssetError(f"{shown}: has no rows; fix data.hub_split")
    if need and len(names) < len(set(need)):
        check_columns([dict.fromkeys(data.column_names, "")], need, shown, always=need)
    return Table(rows, classes_of(data.features.arrow_schema))


def _wrong_config(hub: HubName, *, online: bool) -> AssetError | None:
    """Return the error for a configuration that is missing or unknown, None if it is neither."""
    import datasets
    from httpx import HTTPError

    known = sorted(_cached_configs(hub.name))
    if online:
        try:
            known = datasets.get_dataset_config_names(hub.name, revision=hub.revision)
        except (OSError, ValueError, RuntimeError, HTTPError, datasets.exceptions.DatasetsError):
            return None
    return None if hub.config in known else _choose_config(hub, known)


def _choose_config(hub: HubName, known: Sequence[str]) -> AssetError | None:
    """Return the error that names the configurations; None where there is nothing to choose."""
    named, more = ", ".join(known[:_NAMED]), len(known) - _NAMED
    named += f" and {more} more" if more > 0 else ""
    if hub.config is None:
        at = f"@{hub.revision}" if hub.revision else ""
        return None if len(known) < 2 else AssetError(
            f"hub data set {hub.name} has several configurations; write one behind its name, as "
            f"in hub:{hub.name}/{known[0]}{at}: {named}")  # fmt: skip
    near = did_you_mean(hub.config, known)
    fix = f"{near} It has" if near else "it has"
    return None if not known else AssetError(
        f"hub data set {hub.name} has no configuration '{hub.config}'; {fix} {named}"
    )  # fmt: skip


def hub_table_at_hand(hub: HubName) -> Path | None:
    """Return where a data set lies in the local cache, whichever splits of it do, or None."""
    cached = _cached_configs(hub.name)
    found = [cached[hub.config]] if hub.config in cached else [] if hub.config else cached.values()
    pinned = re.fullmatch(r"[0-9a-f]{40}", hub.revision or "")
    return next((path for path in found if not pinned or any(path.rglob(str(hub.revision)))), None)


def _cached_configs(name: str) -> dict[str, Path]:
    """Return the configurations of a data set that are in the local cache, and their folders."""
    from huggingface_hub import constants

    cache = Path(os.environ.get("HF_DATASETS_CACHE") or Path(constants.HF_HOME) / "datasets")
    owner, _, short = name.partition("/")
    # `datasets` writes CamelCase names in snake_case.
    return {
        path.name: path
        for folder in cache.expanduser().glob("*___*")
        if _letters(folder.name) == _letters(f"{owner}{short}")
        for path in folder.iterdir()
        if path.is_dir()
    }


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


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


def _named(hub: HubName) -> str:
    return _shown(f"{hub.name}/{hub.config}" if hub.config else hub.name, hub.revision)


def _shown(name: str, revision: str | None) -> str:
    return f"{name}@{revision}" if revision else name


def _refused(kind: str, shown: str, error: Exception, *, split: str = "") -> str:
    lines = discreet(" ".join(str(error).split()), hub_mask())
    if split and "split" in lines and f'"{split}"' in lines:
        return f"hub {kind} {shown} cannot be had: {lines[:300].rstrip('.')}; fix data.hub_split"
    return f"hub {kind} {shown} cannot be had: {lines[:300]}; check the name " + (
        "and the revision, and for a gated one set HF_TOKEN")  # fmt: skip
