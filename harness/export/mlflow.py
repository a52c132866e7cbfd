"""A run in a local store of MLflow, written by its own client."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.export.shared import moment
from harness.export.tracked import Tracked
from harness.records import Run

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

STORE = "mlflow.db"
_IN_ADDRESS = re.compile("[%?#]")
_RUN = "pytest_evalsets.run"


def to_mlflow(run: Run, tracked: Sequence[Tracked], folder: Path, report: Path) -> Path:
    """Write a run into `mlflow.db` of a folder, and return that.

    An eval set is an experiment. In it the run has the report, and below it each cell its settings
    as parameters and its numbers as metrics. Nothing is sent anywhere.

    Args:
        run: A finished run.
        tracked: What there is of it to tell.
        folder: Of the store; other runs in it stay.
        report: The run's `report.md`.

    Raises:
        HarnessError: MLflow is not installed, refuses, or has the run already; or the folder's
            name cannot stand in an address.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    store = folder.absolute() / STORE
    if found := _IN_ADDRESS.search(str(store)):
        raise HarnessError(f"{folder}: '{found.group()}' means something else in the address of a "
                           "database; give --out a folder without it")  # fmt: skip
    start = int(moment(run).timestamp() * 1000)
    try:
        import alembic  # noqa: F401 - the store needs it, and mlflow-skinny has none
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise HarnessError(
            f"--to mlflow needs the package mlflow ({error}); install it: pip install mlflow"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    try:
        client = MlflowClient(tracking_uri=f"sqlite:///{store}")
        for group in dict.fromkeys(one.group for one in tracked):
            own = [one for one in tracked if one.group == group]
            experiment = _experiment(client, group, folder.absolute() / "mlartifacts" / group)
            _clear(client, experiment, run, store)
            _write(client, experiment, run, own, report, start)
    except (MlflowException, SQLAlchemyError) as error:
        raise HarnessError(f"{store}: {str(error).splitlines()[0]}") from error
    return store


def _experiment(client: MlflowClient, name: str, artifacts: Path) -> str:
    known = client.get_experiment_by_name(name)
    if known is not None:
        return str(known.experiment_id)
    return str(client.create_experiment(name, artifact_location=artifacts.as_uri()))


def _clear(client: MlflowClient, experiment: str, run: Run, store: Path) -> None:
    """Take out what an export that was interrupted left of the run.

    Raises:
        HarnessError: All of the run is there.
    """
    found = client.search_runs([experiment], f"tags.`{_RUN}` = '{run.info.id}'")
    if any(one.data.tags.get("pytest_evalsets.whole") for one in found):
        raise HarnessError(f"{store}: has the run {run.info.id} already")
    for one in found:
        client.delete_run(one.info.run_id)


def _write(
    client: MlflowClient,
    experiment: str,
    run: Run,
    tracked: Sequence[Tracked],
    report: Path,
    start: int,
) -> None:
    from mlflow.entities import Metric, Param

    end = start + int(run.info.wall_s * 1000)
    parent = _start(client, experiment, run, run.info.id, start)
    if report.is_file():
        client.log_artifact(parent, str(report))
    for one in tracked:
        child = _start(client, experiment, run, one.name, start, {"mlflow.parentRunId": parent})
        client.log_batch(
            child,
            metrics=[Metric(name, value, end, 0) for name, value in one.numbers.items()],
            params=[Param(name, value) for name, value in one.settings.items()],
        )
        client.set_terminated(child, "FINISHED", end)
    client.set_tag(parent, "pytest_evalsets.whole", "yes")
    client.set_terminated(parent, "FINISHED", end)


def _start(
    client: MlflowClient,
    experiment: str,
    run: Run,
    name: str,
    start: int,
    more: dict[str, str] | None = None,
) -> str:
    tags = {_RUN: run.info.id, "mlflow.source.name": "pytest-evalsets"} | (more or {})
    made = client.create_run(experiment, start_time=start, tags=tags, run_name=name)
    return str(made.info.run_id)
