"""What `--eval-against` names; cheap to import in any session."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

import pytest


def check_against(config: pytest.Config, evalsets: Iterable[str]) -> None:
    """Check that `--eval-against` names a baseline of each labelled set that is run.

    Args:
        config: Of the session.
        evalsets: The sets of the selected cells, relative to the root.

    Raises:
        pytest.UsageError: A set has none of this name.
    """
    wanted: str | None = config.getoption("--eval-against")
    if wanted is None:
        return
    from harness.gates.renamed import baselines_of
    from harness.spec.yamlfile import read_yaml

    labelled = [path for path in dict.fromkeys(evalsets)
                if not _is_judged(read_yaml(config.rootpath / path, Path(path)).data)]  # fmt: skip
    for path in labelled:
        there = baselines_of(config.rootpath, path)
        if wanted not in there:
            near = get_close_matches(wanted, there, n=1, cutoff=0.0)
            hint = f"did you mean '{near[0]}'?" if near else "it has none at all"
            raise pytest.UsageError(f"--eval-against {wanted}: {path} has no baseline of such a "
                                    f"cell; {hint}")  # fmt: skip
    if not labelled:
        raise pytest.UsageError(f"--eval-against {wanted}: judge sets have no baselines; select "
                                "cells of a labelled set")  # fmt: skip


def _is_judged(data: object) -> bool:
    return isinstance(data, dict) and data.get("kind") == "judge"
