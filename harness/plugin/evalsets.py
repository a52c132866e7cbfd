"""Which files are eval sets and which of their items gates; cheap to import in any session."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = "evalsets"
SUFFIXES = (".yaml", ".yml")
_MODELS = "models"
_GATE = "gate-"


def is_evalset(path: Path, root: Path) -> bool:
    """Return whether a file is an eval set: YAML in a folder `evalsets` of the project."""
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    return path.suffix in SUFFIXES and path.stem != _MODELS and FOLDER in inside.parent.parts


def misplaced(config: pytest.Config) -> str | None:
    """Return what is wrong where pytest took a folder of eval sets itself for the project's root.

    Without a configuration file pytest's rootdir is the folder that all arguments share.
    """
    root = config.rootpath
    if config.inipath is not None or FOLDER not in root.parts or (root / FOLDER).is_dir():
        return None
    depth = len(root.parts) - root.parts[::-1].index(FOLDER) - 1
    project = Path(*root.parts[:depth])
    return (f"pytest's rootdir is {root}, and no project; run pytest in {project}, or put an "
            "empty pytest.ini there")  # fmt: skip


def is_gate(nodeid: str) -> bool:
    """Return whether the node id of an eval set's item is a gate's."""
    return nodeid.partition("::")[2].startswith(_GATE)
