"""One side of exported_runs.py, run by a Python that has mlflow and trackio: what a store holds.

    PYTHON trackers_hold.py mlflow|trackio FOLDER

It prints JSON: settings and numbers by group and name, as the tracker's own client reads them.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def of_mlflow(folder: Path) -> dict[str, Any]:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    found: dict[str, Any] = {}
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id], max_results=1000):
            held = {"settings": run.data.params, "numbers": run.data.metrics}
            if "mlflow.parentRunId" not in run.data.tags:
                held["files"] = [one.path for one in client.list_artifacts(run.info.run_id)]
            found[f"{experiment.name}/{run.info.run_name}"] = held
    return found


def of_trackio(folder: Path) -> dict[str, Any]:
    os.environ["TRACKIO_DIR"] = str(folder / "trackio")
    import trackio
    from trackio.sqlite_storage import SQLiteStorage

    found: dict[str, Any] = {}
    for project in SQLiteStorage.get_projects():
        files = [one["name"] for one in SQLiteStorage.get_artifacts(project)]
        for run in trackio.Api().runs(project):
            rows = SQLiteStorage.get_logs(project, run.name)
            numbers = {name: value for row in rows for name, value in row.items()
                       if name not in ("timestamp", "step")}  # fmt: skip
            held = {"settings": run.config, "numbers": numbers}
            found[f"{project}/{run.name}"] = held | ({"files": files} if "cells" in numbers else {})
    return found


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2]).absolute()
    print(json.dumps({"mlflow": of_mlflow, "trackio": of_trackio}[kind](folder)))


if __name__ == "__main__":
    main()
