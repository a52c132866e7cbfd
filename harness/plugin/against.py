"""What `--eval-against` and `--eval-baseline-add` name, and where baselines are written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from harness.gates.baseline_fields import BaselineError, baseline_path
from harness.gates.baseline_file import needed_baseline
from harness.gates.renamed import baselines_of
from harness.spec.yamlfile import read_yaml
from harness.suggest import did_you_mean


def check_named(config: pytest.Config, nodeids: Sequence[str]) -> None:
    """Check what the two options of a session name, by the node ids of its cells.

    Raises:
        pytest.UsageError: There is no such baseline, or one that is to be written cannot be.
    """
    wanted, root = config.getoption("--eval-against"), config.rootpath
    if wanted is not None:
        check_against(root, wanted, [nodeid.partition("::")[0] for nodeid in nodeids])
    if config.getoption("--eval-baseline-add"):
        check_adding(root, nodeids)
    if config.getoption("--eval-write-baseline"):
        check_room(root, nodeids)


def check_room(root: Path, nodeids: Iterable[str]) -> None:
    """Check before anything is computed that baselines can be written.

    Raises:
        pytest.UsageError: One cannot.
    """
    named = (nodeid.partition("::") for nodeid in nodeids)
    folders = dict.fromkeys((root / baseline_path(path, cell)).parent for path, _, cell in named)
    for folder in folders:
        there = next(one for one in (folder, *folder.parents) if one.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise pytest.UsageError(f"--eval-write-baseline: cannot write to {there}; see who may "
                                    "write there, or leave the option out")  # fmt: skip


def check_against(root: Path, wanted: str, evalsets: Iterable[str]) -> None:
    """Check that `--eval-against` names a baseline of each labelled set that is run.

    Models of judge sets are compared with the baseline of this name where their set has one; where
    no labelled set is run, one of them must have it.

    Args:
        root: The project.
        wanted: The cell.
        evalsets: The sets of the selected cells, relative to the root.

    Raises:
        pytest.UsageError: A set has none of this name.
    """
    paths = list(dict.fromkeys(evalsets))
    labelled = [path for path in paths
                if not _is_judged(read_yaml(root / path, Path(path)).data)]  # fmt: skip
    for path in labelled:
        there = baselines_of(root, path)
        if wanted not in there:
            hint = did_you_mean(wanted, there, "it has none at all", likeness=0)
            raise pytest.UsageError(f"--eval-against {wanted}: {path} has no baseline of such a "
                                    f"cell; {hint}")  # fmt: skip
    there = [name for path in paths for name in baselines_of(root, path)]
    if not labelled and wanted not in there:
        hint = did_you_mean(wanted, there, "they have none at all", likeness=0)
        raise pytest.UsageError(f"--eval-against {wanted}: none of {', '.join(paths)} has a "
                                f"baseline of such a model; {hint}")  # fmt: skip


def check_adding(root: Path, nodeids: Iterable[str]) -> None:
    """Check that `--eval-baseline-add` finds a baseline of each cell that is run.

    Args:
        root: The project.
        nodeids: The selected cells.

    Raises:
        pytest.UsageError: A cell has none, or one that cannot be read.
    """
    judged: dict[str, bool] = {}
    for nodeid in nodeids:
        path, _, cell = nodeid.partition("::")
        if path not in judged:
            judged[path] = _is_judged(read_yaml(root / path, Path(path)).data)
        if judged[path]:
            continue
        try:
            needed_baseline(root, path, cell)
        except BaselineError as error:
            raise pytest.UsageError(str(error)) from None


def _is_judged(data: object) -> bool:
    return isinstance(data, dict) and data.get("kind") == "judge"
