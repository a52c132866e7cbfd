"""What earlier runs of a project say of one to come: how fast it goes, and how cells differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.files import FINDINGS_FILE, load_findings
from harness.analysis.findings import Findings
from harness.errors import HarnessError
from harness.records import EngineInfo, Run, Work
from harness.report.runfiles import RUN_FILE, load_head

# So many of the newest runs are looked at: the last one may have computed nothing.
_LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A saved run without its results; `findings` are None where there are none to be read."""

    folder: Path
    run: Run
    findings: Findings | None


def earlier_runs(reports: Path) -> list[EarlierRun]:
    """Return the newest runs that a folder of reports holds, the newest first."""
    folders = [
        path.parent for path in reports.glob(f"*/{RUN_FILE}") if not path.parent.is_symlink()
    ]
    found: list[EarlierRun] = []
    for folder in sorted(folders, key=lambda one: one.name, reverse=True)[:_LOOKED_AT]:
        try:
            run = load_head(folder)
        except (HarnessError, OSError):
            continue
        findings: Findings | None = None
        if (folder / FINDINGS_FILE).is_file():
            try:
                findings = load_findings(folder)
            except HarnessError:
                findings = None
        found.append(EarlierRun(folder, run, findings))
    return found


def last_of(runs: Sequence[EarlierRun], evalset: str) -> EarlierRun | None:
    """Return the last run of an eval set in which no answer was made up."""
    for one in runs:
        models = {row.model for row in one.run.rows if row.evalset == evalset}
        models |= {row.model for row in one.run.judged.standings if row.evalset == evalset}
        fakes = {name for info in one.run.info.engines if info.engine == "fake"
                 for name in info.model.split(", ")}  # fmt: skip
        if models and not models & fakes:
            return one
    return None


def last_work(
    runs: Sequence[EarlierRun], model: str, work: Work
) -> tuple[EarlierRun, EngineInfo] | None:
    """Return the last run whose engine did such work for a model, and what it did.

    One label takes a model far less time than a verdict with its reason.
    """
    for one in runs:
        # Where runs of before this was kept had cells alone, their engines did that.
        old: Work = "" if one.run.judged.standings else "cells"
        for info in one.run.info.engines:
            own = model in info.model.split(", ") and (info.work or old) == work
            if own and info.computed and info.engine != "fake":
                return one, info
    return None


def seconds(info: EngineInfo, requests: int, tokens: int | None) -> float:
    """Return how long an engine would generate, by prompt tokens where they are known."""
    if tokens is not None and info.prompt_tokens:
        return info.generate_s / info.prompt_tokens * tokens
    return info.generate_s / info.computed * requests
