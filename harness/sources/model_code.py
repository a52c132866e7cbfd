"""Where the Python is that a model's files name, for models whose own code may be run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.errors import AssetError
from harness.records import Json
from harness.sources.model_files import read_config

# What transformers parts another folder, or a repository of the hub, from its class by.
_ELSEWHERE = "--"


def check_code(folder: Path, where: str) -> None:
    """Raise AssetError where a model's files name Python that is not in its folder.

    Neither the digest of the model nor its revision would hold for that, and the hub would be
    asked for whatever is there today.

    Args:
        folder: A model's.
        where: What names it in errors.
    """
    for file in sorted(folder.glob("*config*.json")):
        for name in _classes(read_config(folder, file.name, "a model")):
            if _ELSEWHERE in name:
                raise AssetError(f"{where}: {file.name} has {name} under auto_map, Python that is "
                                 "not in the model's folder, where it can be exchanged unseen; "
                                 "copy its files there, and write "
                                 f"{name.rpartition(_ELSEWHERE)[2]}")  # fmt: skip


def _classes(value: Json, *, named: bool = False) -> Iterator[str]:
    """Yield the texts under each `auto_map` of a configuration."""
    if isinstance(value, str) and named:
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _classes(one, named=named)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _classes(one, named=named or key == "auto_map")
