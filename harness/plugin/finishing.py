"""What the processes of a session saved -> its run, its report, and where they are found."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from harness.analysis.analyze import analyze, analyze_hastily
from harness.analysis.files import save_findings
from harness.errors import StoreError
from harness.language import words
from harness.plugin.joining import join_parts
from harness.plugin.options import options_of
from harness.plugin.tally import FOLDER_FILE, RUN_ID, Tally
from harness.records import Run
from harness.report.brief import brief
from harness.report.runfiles import RUN_FILE, load_run, redact_run, save_run
from harness.report.summary import append_step_summary
from harness.report.write import write_report
from harness.workers.store import Store

PARTS = "parts"
"""Folder of what each process saved."""


def run_folder(config: pytest.Config) -> Path:
    """Return where a session's run lies."""
    return options_of(config).reports / config.stash[RUN_ID]


def finish_run(
    config: pytest.Config, tally: Tally, *, hasty: bool = False
) -> tuple[Path, Run, list[str]]:
    """Join what the session's processes saved, write the report and point `latest` to it.

    Args:
        config: Of the session.
        tally: What became of its cells and gates.
        hasty: Whether to leave out what takes time: comparisons and plots.

    Returns:
        The report, the run that it shows, and what it comes to in a few lines.

    Raises:
        HarnessError: A part is damaged.
        OSError: Something cannot be written.
    """
    folder, given = run_folder(config), options_of(config)
    parts = [load_run(part) for part in sorted((folder / PARTS).glob("*"))]
    run = join_parts(config, tally, parts)
    save_run(folder, run, texts=given.texts)
    findings = (analyze_hastily if hasty else analyze)(
        redact_run(run) if given.texts == "none" else run
    )
    plots = "none" if hasty else given.plots
    with _memory(given.store) as memory:
        path = write_report(
            folder, run, findings, lang=given.lang, texts=given.texts, plots=plots, hasty=hasty,
            memory=memory,
        )  # fmt: skip
    save_findings(folder, findings)
    _point_latest_to(folder)
    if told := os.environ.get(FOLDER_FILE):
        Path(told).write_text(str(folder), encoding="utf-8")
    _add_to_step_summary(path, given.lang)
    return path, run, brief(findings, words("en"))


def discard_parts(config: pytest.Config) -> None:
    """Remove what each process saved, once the report of all of it is written."""
    shutil.rmtree(run_folder(config) / PARTS, ignore_errors=True)


def unwritten(config: pytest.Config) -> str:
    """Return how a report is made that was not written to its end; "" where nothing is saved."""
    folder = run_folder(config)
    if not (folder / RUN_FILE).is_file():
        return ""
    return f"the figures are saved: harness report {folder} writes their report"


@contextlib.contextmanager
def _memory(path: Path) -> Iterator[Store | None]:
    """Open the store of outputs, where there is one, to remember plots in."""
    try:
        store = Store(path) if path.is_file() else None
    except StoreError:
        store = None
    try:
        yield store
    finally:
        if store is not None:
            store.close()


def _point_latest_to(folder: Path) -> None:
    latest = folder.parent / "latest"
    temporary = folder.parent / f".latest-{folder.name}"
    # Not every file system has links, and a folder of that name is not ours to remove.
    with contextlib.suppress(OSError):
        temporary.symlink_to(folder.name)
        try:
            temporary.replace(latest)
        finally:
            temporary.unlink(missing_ok=True)


def _add_to_step_summary(report: Path, lang: Literal["en", "ru"]) -> None:
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        append_step_summary(report.read_text(encoding="utf-8"), Path(summary), lang=lang)
