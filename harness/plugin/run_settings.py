"""What the command line says about a run."""

from __future__ import annotations

import pytest

from harness import hardware
from harness.plugin.options import named_files, options_of
from harness.run.settings import Settings


def settings_of(config: pytest.Config, run_id: str, *, runs: int) -> Settings:
    """Return the settings of a session's run.

    Args:
        config: Of the session, or of one of xdist's workers.
        run_id: Names the folder of the engines' logs.
        runs: How often each cell is run.
    """
    option, given = config.getoption, options_of(config)
    return Settings(
        root=config.rootpath,
        store=given.store,
        logs=config.rootpath / ".harness/logs" / run_id,
        engine=given.engine,
        dtype=given.dtype,
        limit=option("--eval-limit"),
        datasets=named_files(config, "--eval-dataset"),
        shots=named_files(config, "--eval-shots"),
        start_timeout_s=given.start_timeout_s,
        stall_timeout_s=given.stall_timeout_s,
        repeat_engine=option("--eval-repeat-engine"),
        runs=runs,
        gpus=_gpus(config),
        # What runs ahead would be lost where the first failure ends the session.
        ahead=not hasattr(config, "workerinput") and not option("maxfail"),
    )


def _gpus(config: pytest.Config) -> int | None:
    """Return how many GPUs this process may hold; xdist's workers share those of the session."""
    given: int | None = config.getoption("--eval-gpus")
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    if workers == 1:
        return given
    return max(1, min(given or len(hardware.gpus()), len(hardware.gpus())) // workers)
