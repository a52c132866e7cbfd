"""What `--eval-against` and `--eval-baseline-add` name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from harness.gates.baseline_file import BaselineError, needed_baseline
from harness.gates.renamed import baselines_of
from harness.spec.yamlfile import read_yaml
from harness.suggest import did_you_mean


def check_against(root: Path, wanted: str, evalsets: Iterable[str]) -> None:
    """Check that `--eval-against` names a baseline of each labelled set that is run.

    Args:
        root: The project.
        wanted: The cell.
        evalsets: The sets of the selected cells, relative to the root.

    Raises:
        pytest.UsageError: A set has none of this name.
    """
    labelled = [path for path in dict.fromkeys(evalsets)
                if not _is_judged(read_yaml(root / path, Path(path)).data)]  # fmt: skip
    for path in labelled:
        there = baselines_of(root, path)
        if wanted not in there:
            hint = did_you_mean(wanted, there, "it has none at all", likeness=0)
            raise pytest.UsageError(f"--eval-against {wanted}: {path} has no baseline of such a "
                                    f"cell; {hint}")  # fmt: skip
    if not labelled:
        raise pytest.UsageError(f"--eval-against {wanted}: judge sets have no baselines; select "
                                "cells of a labelled set")  # fmt: skip


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
