"""pytest-xdist: the cells of one engine stay on one worker, and all workers write one run."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.collect import load_cells
from harness.errors import HarnessError

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler.protocol import Scheduling


def make_scheduler(config: pytest.Config, log: Producer, folder: str) -> Scheduling | None:
    """Return a scheduler that splits by engine, or None where no eval set is run.

    A distribution that the user chose (`--dist loadfile` and so on) is left alone.
    """
    if config.getvalue("dist") not in ("load", "worksteal"):
        return None
    if not any(_leads_to(Path(arg.partition("::")[0]), folder, config) for arg in config.args):
        return None
    from xdist.scheduler import LoadScopeScheduling

    root = config.rootpath

    class ByEngine(LoadScopeScheduling):  # type: ignore[misc]  # xdist is untyped here
        def _split_scope(self, nodeid: str) -> str:
            path, _, cell = nodeid.partition("::")
            return _group(root / path, root, cell) if folder in Path(path).parts else nodeid

    return ByEngine(config, log)


def _leads_to(path: Path, folder: str, config: pytest.Config) -> bool:
    full = config.invocation_params.dir / path
    return folder in full.parts or (full / folder).is_dir()


@lru_cache(maxsize=4096)
def _group(path: Path, root: Path, cell: str) -> str:
    return _groups(path, root).get(cell, f"{path}::{cell}")


@lru_cache(maxsize=64)
def _groups(path: Path, root: Path) -> dict[str, str]:
    try:
        return {cell.id: cell.group for cell in load_cells(path, root, [path.stem])}
    except HarnessError:
        return {}
