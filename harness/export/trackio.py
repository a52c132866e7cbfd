"""A run in a local folder of trackio, written by its own client."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.export.tracked import Tracked
from harness.records import Run

FOLDER = "trackio"
_ELSEWHERE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_BUCKET_ID", "TRACKIO_WEBHOOK_URL")
"""Variables by which trackio would send what it is given to a server."""


def to_trackio(run: Run, tracked: Sequence[Tracked], folder: Path, report: Path) -> Path:
    """Write a run into the folder `trackio` of a folder, and return that.

    An eval set is a project; in it each cell is a run with its settings as configuration and its
    numbers as metrics, and the report is an artifact of a run with the harness's id. Nothing is
    sent anywhere.

    Args:
        run: A finished run.
        tracked: What there is of it to tell.
        folder: Where the folder is or is made; other runs in it stay.
        report: The run's `report.md`.

    Raises:
        HarnessError: trackio is not installed, or has the run already.
    """
    place = folder.absolute() / FOLDER
    for name in _ELSEWHERE:
        os.environ.pop(name, None)
    os.environ["TRACKIO_DIR"] = str(place)  # is read when trackio is imported
    try:
        import trackio  # noqa: F401 - missing is told once
    except ImportError as error:
        raise HarnessError(
            f"--to trackio needs the package trackio ({error}); install it: pip install trackio"
        ) from error
    place.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            for group in dict.fromkeys(one.group for one in tracked):
                own = [one for one in tracked if one.group == group]
                _clear(project_name(group), run, place)
                _write(project_name(group), run, own, report)
    except sqlite3.Error as error:
        raise HarnessError(f"{place}: {error}") from error
    return place


def _write(project: str, run: Run, tracked: Sequence[Tracked], report: Path) -> None:
    import trackio

    whole = Tracked(project, "", {"run": run.info.id}, {"cells": len(tracked)})
    for one in (*tracked, whole):  # the last one says that all of the run is there
        trackio.init(
            project=project, name=f"{one.name} {run.info.id}".strip(), group=run.info.id,
            config=dict(one.settings), embed=False, auto_log_gpu=False, auto_log_cpu=False,
        )  # fmt: skip
        trackio.log(dict(one.numbers), step=0)
        if one is whole and report.is_file():
            trackio.log_artifact(str(report), name=f"report-{run.info.id}", type="report")
        trackio.finish()


def _clear(project: str, run: Run, place: Path) -> None:
    """Take out what an export that was interrupted left of the run.

    Raises:
        HarnessError: All of the run is there.
    """
    import trackio

    if not (place / f"{project}.db").exists():
        return
    found = [one for one in trackio.Api().runs(project) if one.name.endswith(run.info.id)]
    if any(one.name == run.info.id for one in found):
        raise HarnessError(f"{place}: has the run {run.info.id} already")
    for one in found:
        one.delete()


def project_name(group: str) -> str:
    """Return an eval set's name in the letters that trackio keeps, other ones as a digest."""
    kept = re.sub(r"[^A-Za-z0-9_-]", "", group)
    if kept == group:
        return group
    return f"{kept}-{hashlib.sha256(group.encode()).hexdigest()[:8]}".lstrip("-")
